using Guests.Customize;
using Guests.Customize.Language;
using Lab;

namespace Guests.Tests.Customize;

public sealed class MistakeTests
{
    [Theory]
    [InlineData("hostnam a", "did you mean hostname?")]
    [InlineData("runcommand a", "did you mean run-command?")]
    [InlineData("--hostname a", "write hostname without dashes")]
    [InlineData("xyzzy a", "missing '\\'")]
    [InlineData("edit /etc/x:s/a/b/", "run-command with sed")]
    [InlineData("sm-register", "firstboot-command subscription-manager")]
    [InlineData("no-logfile", "leave it out")]
    [InlineData("hostname", "write it as hostname NAME")]
    [InlineData("hostname a b", "this is no host name")]
    [InlineData("hostname -a", "this is no host name")]
    [InlineData("update now", "takes no argument")]
    [InlineData("write /a", "write /file:CONTENT")]
    [InlineData("write a:b", "must start with '/'")]
    [InlineData("delete /", "the guest's root itself")]
    [InlineData("delete /..//.", "the guest's root itself")]
    [InlineData("chmod 0888:/a", "from 0 to 07777")]
    [InlineData("chmod 010000:/a", "from 0 to 07777")]
    [InlineData("chmod 99999999999999999999:/a", "from 0 to 07777")]
    [InlineData("chown 0:/a", "chown OWNER:GROUP:/path")]
    [InlineData("chown 99999999999:0:/a", "the owner must be a number")]
    [InlineData("append-line /a:b\\\nc", "one append-line for each line")]
    [InlineData("link /a:b", "must start with '/'")]
    [InlineData("timezone ../../etc/passwd", "no time zone")]
    [InlineData("group Wheel", "no account name")]
    [InlineData("group a:x", "the gid must be a number")]
    [InlineData("user a:uid=-1", "the uid must be a number")]
    [InlineData("user a:colour=red", "not known")]
    [InlineData("user a:uid=1,uid=2", "given twice")]
    [InlineData("user a:password=x", "password USER:file:PATH")]
    [InlineData("password root:random", "printed into the log")]
    [InlineData("password root:hunter2", "selector is not known")]
    [InlineData("root-password password:", "selector is not known")]
    [InlineData("password-crypto rot13", "yescrypt, sha512")]
    [InlineData("ssh-inject root", "no home directory to look")]
    [InlineData("ssh-inject root:string:hello", "no SSH public key")]
    [InlineData("ssh-inject root:string:-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key")]
    [InlineData("install vim;reboot", "no list of packages")]
    [InlineData("install -y", "no list of packages")]
    [InlineData("install vim", "--network=true")]
    [InlineData("update", "--network=true")]
    [InlineData("upload /nowhere/x:/a", "local file /nowhere/x is not there")]
    [InlineData("upload x:/a", "--content")]
    [InlineData("upload /usr:/a", "use copy-in for a directory")]
    [InlineData("upload /dev/tty:/a", "device, pipe or socket")]
    [InlineData("run /dev/null", "device, pipe or socket")]
    [InlineData("copy-in /nowhere:/a", "local path /nowhere is not there")]
    [InlineData("run /nowhere", "is not there")]
    [InlineData("firstboot /nowhere", "is not there")]
    [InlineData("root-password file:/nowhere", "is not there")]
    public void A_mistake_names_its_line_and_what_to_do(string line, string expected)
    {
        var mistake = Assert.Single(Commands.Mistakes("\n# first\n" + line + "\ntouch /fine\n"));
        Assert.StartsWith("commands.txt:3", mistake.ToString(), StringComparison.Ordinal);
        Assert.Contains(expected, mistake.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake.ToString());
    }

    [Fact]
    public void Every_mistake_is_told_at_once()
    {
        var mistakes = Commands.Mistakes("hostnam a\ntouch /a\nwrite x\n\nchmod 9:/a\nchmod 09:/a\n");
        Assert.Equal([1, 3, 6], mistakes.Select(mistake => mistake.Origin.Line));
    }

    [Theory]
    [InlineData("root-password password:geheim")]
    [InlineData("password root:locked:password:geheim")]
    [InlineData("ssh-inject root:string:ssh-ed25519 AAAAgeheim")]
    [InlineData("write /root/key:-----BEGIN RSA PRIVATE KEY-----geheim")]
    public void A_secret_in_inline_commands_is_refused_and_not_repeated(string line)
    {
        var mistake = Assert.Single(Commands.Mistakes(line, inline: true));
        Assert.Matches("Secret|file", mistake.Next);
        Assert.DoesNotContain("geheim", mistake.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root-password password:{0}")]
    [InlineData("password root:{0}")]
    [InlineData("password root:locked:{0}")]
    [InlineData("root-password {0}")]
    [InlineData("{0}")]
    [InlineData("{0} root")]
    [InlineData("write /a:\n{0}")]
    [InlineData("write /a:{0}")]
    [InlineData("append-line /a:{0}")]
    [InlineData("run-command echo {0}")]
    [InlineData("firstboot-command echo {0}")]
    [InlineData("user a:password={0}")]
    [InlineData("ssh-inject root:{0}")]
    [InlineData("ssh-inject root:string:{0}")]
    [InlineData("rootpassword password:{0}")]
    [InlineData("password-crypto {0}")]
    [InlineData("update {0}")]
    public void A_secret_from_a_file_appears_in_no_message(string form)
    {
        // Secrets look like anything: like a word, a command's name with a slip, a number, a path.
        foreach (var secret in (string[])["hunter2", "hostnames", "Zx9:/q", "0755x", "p w d", "-----x"])
        {
            var mistakes = new List<Mistake>();
            var text = form.Replace("{0}", secret, StringComparison.Ordinal);
            var customization = Customization.Read([new CommandSource("f", text, null, false)], true, mistakes);
            var said = string.Join('\n', mistakes) + string.Join('\n', customization?.Describe() ?? []);
            Assert.DoesNotContain(secret, said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_same_user_twice_is_a_mistake_of_the_second_line()
    {
        var mistake = Assert.Single(Commands.Mistakes("password root:disabled\nroot-password locked\n"));
        Assert.Equal(2, mistake.Origin.Line);
    }

    [Fact]
    public void Windows_line_ends_and_zero_bytes_are_one_mistake_of_the_file()
    {
        Assert.Contains("Unix line ends", Assert.Single(Commands.Mistakes("touch /a\r\ntouch /b\r\n")).Next, StringComparison.Ordinal);
        Assert.Contains("zero byte", Assert.Single(Commands.Mistakes("touch /a\0\n")).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void A_commands_file_that_is_missing_or_no_text_is_a_mistake()
    {
        using var scratch = new Scratch();
        var mistakes = new List<Mistake>();
        Assert.Null(CommandSource.FromFile(scratch["none"], null, mistakes));
        File.WriteAllBytes(scratch["binary"], [0xff, 0xfe, 0]);
        Assert.Null(CommandSource.FromFile(scratch["binary"], null, mistakes));
        File.WriteAllBytes(scratch["large"], new byte[CommandSource.LargestText + 1]);
        Assert.Null(CommandSource.FromFile(scratch["large"], null, mistakes));
        Assert.Equal(3, mistakes.Count);
    }

    [Fact]
    public void Local_names_are_relative_to_the_commands_file_unless_content_is_given()
    {
        using var scratch = new Scratch();
        scratch.File("a/x", "1");
        scratch.File("b/y", "1");
        var file = scratch.File("a/commands", "upload x:/x\nupload ../b/y:/y\n");
        var mistakes = new List<Mistake>();
        Assert.NotNull(Customization.Read([CommandSource.FromFile(file, null, mistakes)!], false, mistakes));
        Assert.Null(Customization.Read([CommandSource.FromFile(file, scratch["b"], mistakes)!], false, mistakes));
        Assert.Equal(1, Assert.Single(mistakes).Origin.Line);
    }

    [Fact]
    public void A_pipe_in_a_local_tree_is_a_mistake_and_is_not_waited_for()
    {
        using var scratch = new Scratch();
        scratch.File("tree/file", "x");
        Tool.Run("mkfifo", scratch["tree/pipe"]);
        Assert.Contains("device, pipe or socket", Assert.Single(Commands.Mistakes($"copy-in {scratch["tree"]}:/opt")).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void The_plan_shows_a_mode_in_octal_and_warns_of_a_decimal_one()
    {
        var plan = Commands.Read("chmod 0644:/a\nchmod 755:/b\n").Describe();
        Assert.EndsWith("/a to 0644", plan[0], StringComparison.Ordinal);
        Assert.Contains("/b to 01363 (the number was decimal", plan[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_of_an_inline_command_is_shown_and_that_of_a_file_is_not()
    {
        Assert.Contains("echo hello", Commands.Read("run-command echo hello", inline: true).Describe()[0], StringComparison.Ordinal);
        Assert.DoesNotContain("hello", Commands.Read("run-command echo hello").Describe()[0], StringComparison.Ordinal);
    }
}
