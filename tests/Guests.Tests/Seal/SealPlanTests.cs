using Guests.Engine;
using Guests.Seal;
using Lab;

namespace Guests.Tests.Seal;

public sealed class SealPlanTests
{
    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAyeLA8x4bSxrA26YdlZuoVoatp4MWfdzpr+rLtPg2Bw";
    private const string Other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK4PaLoZOBydzDt4vZn01cQ/jNciDWgHjD0H9rHAXGia";

    [Theory]
    [InlineData("")]
    [InlineData("defaults")]
    [InlineData("all,-ca-certificates,-firewall-rules")]
    public void Defaults_are_all_but_what_a_guest_may_need(string operations) =>
        Assert.Equal(SealOperations.All.Where(o => o.IsDefault), SealPlan.Parse(operations).Operations);

    [Fact]
    public void Names_are_read_from_left_to_right()
    {
        Assert.Equal(["ssh-hostkeys", "machine-id"], Names("machine-id, ssh-hostkeys"));
        Assert.Equal(["machine-id"], Names("ssh-hostkeys,machine-id,-ssh-hostkeys"));
        Assert.DoesNotContain("password-hashes", Names("-password-hashes"));
        Assert.Contains("machine-id", Names("-password-hashes"));
    }

    [Fact]
    public void Every_unknown_name_is_told_with_the_nearest()
    {
        var fault = Assert.Throws<GuestException>(() => SealPlan.Parse("ssh-hostkey,machine-id,lvm-uuids,-pasword-hashes"));
        Assert.Equal(GuestFault.Input, fault.Fault);
        Assert.Contains("ssh-hostkey is unknown, did you mean ssh-hostkeys?", fault.Cause, StringComparison.Ordinal);
        Assert.Contains("lvm-uuids is not offered: the guest's list of devices names them", fault.Cause, StringComparison.Ordinal);
        Assert.Contains("pasword-hashes is unknown, did you mean password-hashes?", fault.Cause, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-all")]
    [InlineData("machine-id,-machine-id")]
    public void A_plan_of_nothing_is_refused(string operations) =>
        Assert.Contains("nothing is left", Assert.Throws<GuestException>(() => SealPlan.Parse(operations)).Cause, StringComparison.Ordinal);

    [Fact]
    public void A_plan_tells_what_it_leaves_out()
    {
        Assert.Empty(SealPlan.Parse("").LeftOut);
        Assert.Equal(["password-hashes", "logfiles"], SealPlan.Parse("-logfiles,-password-hashes").LeftOut);
    }

    [Fact]
    public void The_machine_id_goes_last() => Assert.Equal("machine-id", SealOperations.All[^1].Name);

    [Fact]
    public void What_the_customization_brings_is_not_removed_after_it()
    {
        string[] brought = ["ssh-userdir", "password-hashes", "private-keys", "net-nmconn", "cron-spool", "cloud-init-seed"];
        Assert.All(brought, name => Assert.Equal(SealTimes.Before, SealOperations.All.Single(o => o.Name == name).Times));
    }

    [Fact]
    public void Names_are_unique_and_described()
    {
        Assert.Distinct(SealOperations.All.Select(o => o.Name));
        Assert.All(SealOperations.All, o => Assert.NotEmpty(o.Removes));
    }

    [Theory]
    [InlineData(Key)]
    [InlineData(Key + " someone@example")]
    [InlineData("  " + Key + "\r")]
    [InlineData("no-pty,command=\"echo \\\"hello you\\\"\" " + Key + " comment")]
    public void A_key_is_known_whatever_its_options_and_comment(string line) => Assert.True(AuthorizedKeys.Parse(Key).Allows(line));

    [Theory]
    [InlineData(Other)]
    [InlineData("")]
    [InlineData("# " + Key)]
    [InlineData("command=\"" + Key + "\" " + Other)]
    [InlineData("x y " + Key)]
    public void Another_key_is_not(string line) => Assert.False(AuthorizedKeys.Parse(Key).Allows(line));

    [Fact]
    public void Keys_come_from_lines_or_from_a_file()
    {
        using var scratch = new Scratch();
        var text = $"# ours\n{Key} me\n\n{Other} you\n";
        Assert.Equal(2, AuthorizedKeys.Parse(text).Count);
        Assert.Equal(2, AuthorizedKeys.Parse(scratch.File("keys", text)).Count);
        Assert.Equal(0, AuthorizedKeys.Parse(" ").Count);
    }

    [Fact]
    public void What_is_no_key_is_told_with_its_line()
    {
        using var scratch = new Scratch();
        var path = scratch.File("keys", $"{Key}\nnonsense\n");
        Assert.Equal($"{path}:2", Assert.Throws<GuestException>(() => AuthorizedKeys.Parse(path)).Subject);
        Assert.Equal("keep-authorized-keys:2", Assert.Throws<GuestException>(() => AuthorizedKeys.Parse($"{Key}\nnonsense")).Subject);
        Assert.Contains("neither a key nor a file", Assert.Throws<GuestException>(() => AuthorizedKeys.Parse("/no/such/file")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_is_described_without_all_of_it() => Assert.Equal($"ssh-ed25519 ...{Key[^8..]} me", AuthorizedKeys.Describe("no-pty 	" + Key + " me"));

    private static IEnumerable<string> Names(string operations) => SealPlan.Parse(operations).Operations.Select(o => o.Name);
}
