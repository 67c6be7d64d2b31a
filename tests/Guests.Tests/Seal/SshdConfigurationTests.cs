using Guests.Seal;

namespace Guests.Tests.Seal;

public sealed class SshdConfigurationTests
{
    [Fact]
    public void Both_keywords_are_read_as_sshd_reads_them()
    {
        var configuration = new SshdConfiguration();
        configuration.Add("# AuthorizedKeysFile /no\nauthorizedkeysfile .ssh/keys \"/srv/my keys/%u\" # /no\nMatch User x\n\tAuthorizedKeysFile=none\r\n  HOSTKEY = /srv/key\nHostKey relative\nHostKey\n");
        Assert.Equal([".ssh/keys", "/srv/my keys/%u"], configuration.AuthorizedKeysFiles);
        Assert.Equal(["/srv/key"], configuration.HostKeys);
    }

    [Theory]
    [InlineData(".ssh/keys", "/root/.ssh/keys", "/home/a/.ssh/keys")]
    [InlineData("%h/keys.%u", "/root/keys.*", "/home/a/keys.*")]
    [InlineData("/srv/%u/100%%", "/srv/*/100%")]
    [InlineData("/srv%h/keys", "/srv/root/keys", "/srv/home/a/keys")]
    [InlineData("%%h", "/root/%h", "/home/a/%h")]
    public void A_name_stands_for_the_files_of_all_users(string name, params string[] patterns) =>
        Assert.Equal(patterns, SshdConfiguration.Patterns(name, ["/root", "/home/a"]));
}
