using System.Security.Cryptography;
using Guests.Customize;
using Guests.Engine;
using Lab;

namespace Guests.Tests.Customize;

/// <summary>What a customization tells of itself for a digest: all that the guest can tell, and nothing else.</summary>
public sealed class InputsTests
{
    private const string All = """
        # comment
        write /etc/motd:hello
        upload etc/app.conf:/etc/app.conf
        copy-in tree:/opt
        run scripts/setup.sh
        firstboot scripts/first.sh
        user ops
        password ops:file:secret/password
        ssh-inject ops:file:secret/key.pub
        """;

    [Fact]
    public void Every_local_file_is_listed_with_what_the_guest_gets_of_it()
    {
        using var content = Content();
        var inputs = Commands.Read(All, content.Folder).Inputs;
        Assert.Equal(
            [
                "write /etc/motd:hello", "upload app.conf:/etc/app.conf", "copy-in tree:/opt", "run setup.sh", "firstboot first.sh", "user ops",
                "password ops:file:password", "ssh-inject ops:file:key.pub",
            ],
            inputs.Select(input => input.Text));
        Assert.Equal(
            [
                "app.conf File 0640", "tree Directory 0755", "tree/a Directory 0755", "tree/link Link  -> a/x", "tree/run File 0750", "tree/a/x File 0644",
                "setup.sh File ", "first.sh File ", "password File ", "key.pub File ",
            ],
            inputs.SelectMany(input => input.Files).Select(Show));
        using var opened = inputs[1].Files.First().Open();
        using var reader = new StreamReader(opened);
        Assert.Equal("port=1\n", reader.ReadToEnd());
        Assert.Throws<InvalidOperationException>(() => inputs[2].Files.First().Open());
    }

    [Fact]
    public void Comments_indentation_times_places_and_files_that_nobody_names_change_nothing()
    {
        using var here = Content();
        using var there = Content();
        there.File("not-named", "x");
        there.File("etc/not-named", "x");
        File.SetLastWriteTimeUtc(there["etc/app.conf"], DateTime.UnixEpoch);
        File.SetUnixFileMode(there["scripts/setup.sh"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var other = "\n#another comment\n   " + All.Replace("etc/app.conf:", $"{there["etc/app.conf"]}:").Replace("run scripts", $"run {there.Folder}/./scripts").Replace("tree:", $"{there["tree"]}/:");
        Assert.Equal(Digest(All, here), Digest(other, there));
    }

    [Theory]
    [InlineData("etc/app.conf")]
    [InlineData("tree/run")]
    [InlineData("tree/a/x")]
    [InlineData("scripts/setup.sh")]
    [InlineData("scripts/first.sh")]
    [InlineData("secret/password")]
    [InlineData("secret/key.pub")]
    public void A_changed_byte_in_any_file_that_is_named_is_seen(string name)
    {
        using var content = Content();
        var before = Digest(All, content);
        var text = File.ReadAllText(content[name]);
        File.WriteAllText(content[name], text[..^1] + (char)(text[^1] == '\n' ? ' ' : '\n'));
        Assert.NotEqual(before, Digest(All, content));
    }

    [Fact]
    public void A_mode_a_link_a_name_or_an_empty_folder_in_a_tree_is_seen()
    {
        using var content = Content();
        var seen = new HashSet<string> { Digest(All, content) };
        File.SetUnixFileMode(content["etc/app.conf"], UnixFileMode.UserRead);
        Assert.True(seen.Add(Digest(All, content)));
        File.SetUnixFileMode(content["tree/a"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.True(seen.Add(Digest(All, content)));
        File.Delete(content["tree/link"]);
        File.CreateSymbolicLink(content["tree/link"], "a/y");
        Assert.True(seen.Add(Digest(All, content)));
        Directory.CreateDirectory(content["tree/empty"]);
        Assert.True(seen.Add(Digest(All, content)));
        File.Move(content["tree/run"], content["tree/walk"]);
        Assert.True(seen.Add(Digest(All, content)));
    }

    [Fact]
    public void A_mounted_ConfigMap_is_the_same_after_kubelet_has_written_it_anew()
    {
        using var first = Mounted("..2026_01_01");
        using var second = Mounted("..2026_02_02");
        Assert.Equal(Digest("copy-in map:/etc\nupload map/key:/x", first), Digest("copy-in map:/etc\nupload map/key:/x", second));
    }

    [Fact]
    public void The_example_is_the_same_as_a_folder_and_as_a_mounted_ConfigMap()
    {
        using var folder = new Scratch();
        using var mount = new Scratch();
        foreach (var file in Directory.EnumerateFileSystemEntries(Path.Combine(Repository.Root, "docs", "examples", "debian12-corp")))
        {
            var name = Path.GetFileName(file);
            foreach (var copy in (string[])[folder.File(name, File.ReadAllText(file)), mount.File($"..2026_11_21/{name}", File.ReadAllText(file))])
            {
                File.SetUnixFileMode(copy, (UnixFileMode)0x1A4);
            }

            File.CreateSymbolicLink(mount[name], $"..data/{name}");
        }

        File.CreateSymbolicLink(mount["..data"], "..2026_11_21");
        var commands = File.ReadAllText(folder["customize.commands"]);
        Assert.Contains("copy-in", commands, StringComparison.Ordinal);
        Assert.Equal(Digest(commands, folder), Digest(commands, mount));
    }

    [Fact]
    public void A_name_that_stands_for_a_user_too_is_not_mistaken_for_the_file()
    {
        using var content = new Scratch();
        content.File("ops", "one");
        content.File("d/ops", "one");
        Assert.Equal("password ops:file:ops", Commands.Read("password ops:file:ops", content.Folder).Inputs.Single().Text);
        Assert.Equal("password ops:file:ops", Commands.Read("password ops:file:d/ops", content.Folder).Inputs.Single().Text);
        Assert.Equal("upload ops:/d/ops:d/ops", Commands.Read("upload d/ops:/d/ops:d/ops", content.Folder).Inputs.Single().Text);
    }

    [Fact]
    public void The_flag_for_hashes_counts_wherever_it_stands_and_only_with_a_password()
    {
        using var content = Content();
        const string set = "password ops:file:secret/password";
        Assert.Equal(Digest($"password-crypto sha512\n{set}", content), Digest($"{set}\npassword-crypto sha512", content));
        Assert.NotEqual(Digest(set, content), Digest($"{set}\npassword-crypto sha512", content));
        Assert.Equal(Digest("mkdir /x", content), Digest("mkdir /x\npassword-crypto sha512", content));
    }

    [Fact]
    public void A_secret_in_a_command_is_not_shown_by_accident()
    {
        var input = Commands.Read("password ops:password:hunter2").Inputs.Single();
        Assert.Equal("password ops:password:hunter2", input.Text);
        Assert.Equal("password (29 characters)", input.ToString());
    }

    private static string Show(LocalInput file) =>
        $"{file.Name} {file.Kind} {(file.Mode is { } mode ? "0" + Convert.ToString(mode, 8) : "")}{(file.Target is null ? "" : $" -> {file.Target}")}";

    private static string Digest(string text, Scratch content)
    {
        var lines = Commands.Read(text, content.Folder).Inputs.SelectMany(input => input.Files.Select(file => Show(file) + Content(file)).Prepend(input.Text));
        return string.Join('\n', lines);
    }

    private static string Content(LocalInput file)
    {
        if (file.Kind != GuestFileKind.File)
        {
            return "";
        }

        using var stream = file.Open();
        return Convert.ToHexString(SHA256.HashData(stream));
    }

    private static Scratch Content()
    {
        var content = new Scratch();
        Write("etc/app.conf", "port=1\n", 0x1A0);
        Write("tree/run", "#!/bin/sh\n", 0x1E8);
        Write("tree/a/x", "x", 0x1A4);
        Write("scripts/setup.sh", "true\n", 0x1A4);
        Write("scripts/first.sh", "true\n", 0x1A4);
        Write("secret/password", "a password\n", 0x180);
        Write("secret/key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFpIbrJp8m8mJ0xk1gk4m3wU0W7tq6m0x3r7y3nqk1Z ops@example\n", 0x1A4);
        File.CreateSymbolicLink(content["tree/link"], "a/x");
        foreach (var folder in new[] { "tree", "tree/a" })
        {
            File.SetUnixFileMode(content[folder], (UnixFileMode)0x1ED);
        }

        return content;

        void Write(string name, string text, int mode) => File.SetUnixFileMode(content.File(name, text), (UnixFileMode)mode);
    }

    private static Scratch Mounted(string version)
    {
        var content = new Scratch();
        content.File($"map/{version}/key", "value");
        File.CreateSymbolicLink(content["map/..data"], version);
        File.CreateSymbolicLink(content["map/key"], "..data/key");
        return content;
    }
}
