using System.Security.Cryptography;
using System.Text;
using EndToEnd;
using Lab;

namespace EndToEnd.Tests;

public sealed class ExpectationTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Commands_become_what_the_machine_must_show()
    {
        scratch.File("content/motd", "hello\n");
        scratch.File("content/key.pub", "# ours\nssh-ed25519 AAAAkey me@here\n");
        var expected = Read("""
            # hostname commented
            hostname golden
            timezone Europe/Berlin
            write /etc/two:one\
            two\

            upload content/motd:/etc/motd
            chmod 0600:/etc/motd
            ssh-inject ops:file:content/key.pub
            run-command systemctl enable --quiet one.service two && systemctl disable three.timer

            """);
        Assert.Equal("golden", expected.HostName);
        Assert.Equal("Europe/Berlin", expected.TimeZone);
        Assert.Equal(Hash("one\ntwo\n"), expected.Files["/etc/two"]);
        Assert.Equal(Hash("hello\n"), expected.Files["/etc/motd"]);
        Assert.Equal([new AuthorizedKey("ops", "ssh-ed25519 AAAAkey me@here")], expected.Keys);
        Assert.Equal("AAAAkey", expected.Keys[0].Blob);
        Assert.Equal(["one.service:enabled", "three.timer:disabled", "two.service:enabled"], expected.Units.Select(unit => $"{unit.Key}:{unit.Value}"));
    }

    [Theory]
    [InlineData("append-line /etc/motd:more")]
    [InlineData("delete /etc/motd")]
    [InlineData("run-command sed -i s/a/b/ /etc/motd")]
    [InlineData("move /etc/motd:/etc/other")]
    public void A_file_that_a_later_command_names_is_not_foretold(string later) =>
        Assert.Empty(Read($"write /etc/motd:hello\n{later}\n").Files);

    private Expectations Read(string commands) => Expectations.Of(scratch.File("customize.commands", commands));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
