using Lab;

namespace EndToEnd.Tests;

/// <summary>The proofs of a new identity must fail where the identity is old.</summary>
public sealed class IdentityProofTests
{
    private static readonly Dictionary<string, string> New = new()
    {
        ["machine-id"] = "0123456789abcdef0123456789abcdef",
        ["made.machine-id"] = BootProof.ThisBoot,
        ["host-key.rsa"] = "SHA256:new",
        ["made.host-key.rsa"] = BootProof.ThisBoot,
    };

    [Fact]
    public void A_new_identity_holds()
    {
        var proofs = BootCheck.Identity(New, ["host-key.rsa=SHA256:old"]);
        Assert.Equal(3, proofs.Count);
        Assert.All(proofs, proof => Assert.True(proof.Holds, proof.Name));
    }

    [Theory]
    [InlineData("machine-id", "uninitialized", "machine-id")]
    [InlineData("made.machine-id", "before this boot", "machine-id")]
    [InlineData("made.host-key.rsa", "before this boot", "SSH host keys")]
    [InlineData("host-key.rsa", "SHA256:old", "the vendor's identity")]
    public void An_identity_that_came_with_the_image_does_not(string fact, string value, string broken) =>
        Assert.Equal(broken, Assert.Single(BootCheck.Identity(new Dictionary<string, string>(New) { [fact] = value }, ["host-key.rsa=SHA256:old"]), proof => !proof.Holds).Name);

    [Fact]
    public void Nothing_is_claimed_about_a_vendor_whose_identity_nobody_knows() =>
        Assert.DoesNotContain(BootCheck.Identity(New, []), proof => proof.Name.Contains("vendor", StringComparison.Ordinal));

    [Fact]
    public void A_machine_without_host_keys_does_not_hold() =>
        Assert.Single(BootCheck.Identity(New.Where(fact => !fact.Key.Contains("host-key", StringComparison.Ordinal)).ToDictionary(), []), proof => !proof.Holds);
}
