using Lab;

namespace Steps.Tests.CustomizeDisk;

/// <summary>
/// The same commands by customize-disk and by virt-customize (and by the guest's own useradd and groupadd), on two copies of
/// the vendor's disk; then every file of both is compared by a third program. Three launches.
/// </summary>
[Collection(Launches.Name)]
[Trait("Suite", "Long")]
public sealed class DifferentialTests : IDisposable
{
    /// <summary>In virt-customize's language; the lines of <see cref="Translated"/> are written differently in ours.</summary>
    private const string Commands = """
        write /etc/hosts:127.0.0.1 localhost\
        127.0.1.1	old.vendor old\

        write /etc/hostname:old.vendor\

        hostname golden.example
        write /etc/motd:Welcome \
         to golden
        write /etc/brand-new:x
        upload motd:/etc/issue.corp
        upload motd:/opt
        mkdir /opt/corp/a/b
        copy-in tree:/opt/corp
        copy-in motd:/opt/corp
        append-line /etc/environment:FOO=bar
        append-line /etc/hostname:last
        append-line /opt/corp/tree/no-newline:last
        delete /usr/share/doc/apt*
        delete /nowhere/at/all
        link /opt/corp/tree:/opt/link:/opt/link2
        link ../corp:/opt/corp/self
        link /etc/motd:/etc/issue
        chmod 0600:/etc/motd
        chmod 448:/opt/corp/a
        chmod 04755:/opt/motd
        run-command groupadd -g 4000 staffers
        run-command useradd -m -u 1500 -c 'Alice A' -s /bin/bash -G sudo,staffers alice
        run-command useradd -r -s /usr/sbin/nologin svc
        ssh-inject alice:file:id.pub
        ssh-inject root:file:id.pub
        ssh-inject root:string:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHq1yDbF0fJ0aO5g0gk9Yh1rHn7z7Zb2pV8X1mB0YcQ2 second
        root-password file:password
        password alice:locked:file:password
        password daemon:disabled
        password bin:locked
        timezone Europe/Prague
        run-command id > /root/id.txt; echo ran
        run script
        touch /var/run/touched
        write /var/run/written:x
        touch /etc/hosts
        copy /etc/group:/root/group.copy
        copy /opt/corp/tree:/root
        move /root/group.copy:/root/group.moved
        move /root/group.moved:/opt/corp
        truncate /etc/issue.net
        truncate-recursive /opt/corp/tree/sub
        write /opt/corp/fo o:a:b:c

        """;

    /// <summary>virt-customize has no users and groups; there the guest's own programs make them.</summary>
    private static readonly (string Theirs, string Ours)[] Translated =
    [
        ("run-command groupadd -g 4000 staffers", "group staffers:4000"),
        ("run-command useradd -m -u 1500 -c 'Alice A' -s /bin/bash -G sudo,staffers alice", "user alice:uid=1500,comment=Alice A,shell=/bin/bash,groups=sudo+staffers"),
        ("run-command useradd -r -s /usr/sbin/nologin svc", "user svc:system,home=/home/svc,no-home,shell=/usr/sbin/nologin"),
    ];

    /// <summary>What virt-customize changes unasked, what shadow-utils keeps as backups, and what must differ.</summary>
    private static readonly HashSet<string> NotCompared =
    [
        "/etc/machine-id", "/tmp/builder.log", "/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
        "/etc/.pwd.lock",
        "/etc/shadow", // salts; compared without hashes
        "/etc/timezone", // ours follows the zone
        "/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
    ];

    private static readonly Dictionary<string, string> Environment = new()
    {
        ["LIBGUESTFS_BACKEND"] = "direct",
        ["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg",
        ["LIBGUESTFS_PATH"] = Repository.Appliance,
    };

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Every_file_is_as_virt_customize_leaves_it()
    {
        var (ours, theirs) = Prepare();
        var sandbox = new Sandbox(new Dictionary<string, string> { ["/mnt"] = _scratch.Folder });
        var customized = sandbox.Run(
            Repository.Step("customize-disk"), "--disk=/mnt/ours", "--disk-format=qcow2", "--commands-file=/mnt/in/commands.ours", "--seal=false", "--accelerator=tcg");
        Assert.True(customized.ExitCode == 0, customized.All);
        Assert.DoesNotContain("geheim", customized.All, StringComparison.Ordinal);

        var judge = Tool.TryWith(
            "sh", ["-c", "cd \"$1\" && exec virt-customize --format qcow2 -a \"$2\" --no-network --commands-from-file commands", "sh", _scratch["in"], theirs],
            Environment, TimeSpan.FromMinutes(5));
        Assert.True(judge.ExitCode == 0, judge.All);

        var (a, b) = Compare(theirs, ours);
        Assert.True(a.Count > 5000, $"only {a.Count} files were found");
        var differences = a.Keys.Union(b.Keys).Where(path => !NotCompared.Contains(path) && a.GetValueOrDefault(path) != b.GetValueOrDefault(path))
            .Select(path => $"{path}\n  virt-customize: {a.GetValueOrDefault(path)}\n  customize-disk: {b.GetValueOrDefault(path)}");
        Assert.Equal("", string.Join('\n', differences));
        Assert.StartsWith("f 640 ", b["/etc/shadow"], StringComparison.Ordinal);
        Assert.Equal(a["shadow without hashes"], b["shadow without hashes"]);
        Assert.Contains("$y$", customizedHash, StringComparison.Ordinal);
        var check = Tool.Run("perl", "-e", "print crypt('geheim', $ARGV[0])", customizedHash);
        Assert.Equal(customizedHash, check.Output);
    }

    private string customizedHash = "";

    private (string Ours, string Theirs) Prepare()
    {
        _scratch.File("in/commands", Commands);
        _scratch.File("in/commands.ours", Translated.Aggregate(Commands, (text, line) => text.Replace(line.Theirs, line.Ours, StringComparison.Ordinal)));
        _scratch.File("in/password", "geheim\nsecond line\n");
        _scratch.File("in/script", "#!/bin/sh\necho \"$0\" | wc -l > /root/script.txt\n");
        _scratch.File("in/motd", "hello\n");
        _scratch.File("in/id.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGf5PzKx0Zb9g5iR9hTj2yq3mWk1o8nVtXcB7dQeJ4Rs first\n");
        _scratch.File("in/tree/no-newline", "first");
        _scratch.File("in/tree/sub/file", "content\n");
        File.CreateSymbolicLink(_scratch["in/tree/link"], "sub/file");
        File.SetUnixFileMode(_scratch["in/motd"], (UnixFileMode)0x1A0);
        File.SetUnixFileMode(_scratch["in/tree/sub"], (UnixFileMode)0x1E8);
        File.SetUnixFileMode(_scratch["in/tree/sub/file"], (UnixFileMode)0x1C9);
        var vendor = VendorDisk.Ensure();
        foreach (var copy in (string[])["ours", "theirs"])
        {
            File.Copy(vendor, _scratch[copy]);
        }

        return (_scratch["ours"], _scratch["theirs"]);
    }

    /// <summary>Both disks' files by the appliance's find: type, mode, owner, size, target, and the sums of what is new.</summary>
    private (Dictionary<string, string> A, Dictionary<string, string> B) Compare(string a, string b)
    {
        // guestfish and then the appliance's shell each take a level of backslashes.
        const string Listing = @"-printf %y\\\\040%m\\\\040%U:%G\\\\040%s\\\\040%l\\\\t%P\\\\n";
        var script = _scratch.File("compare.guestfish", $"""
            run
            mkmountpoint /a
            mkmountpoint /b
            mount-vfs ro ext4 /dev/sda1 /a
            mount-vfs ro ext4 /dev/sdb1 /b
            debug sh "find /sysroot/a {Listing}"
            echo ---
            debug sh "find /sysroot/b {Listing}"
            echo ---
            debug sh "find /sysroot/a/etc /sysroot/a/opt /sysroot/a/root /sysroot/a/home /sysroot/a/run -type f -exec sha256sum {"{}"} +"
            debug sh "find /sysroot/b/etc /sysroot/b/opt /sysroot/b/root /sysroot/b/home /sysroot/b/run -type f -exec sha256sum {"{}"} +"
            echo ---
            cat /a/etc/shadow
            echo ---
            cat /b/etc/shadow

            """);
        var result = Tool.TryWith(
            "guestfish", ["--ro", "--format=qcow2", "-a", a, "--format=qcow2", "-a", b, "-f", script], Environment, TimeSpan.FromMinutes(3));
        Assert.True(result.ExitCode == 0, result.Error);
        var parts = result.Output.Split("---\n");
        var files = (A: Files(parts[0]), B: Files(parts[1]));
        foreach (var line in parts[2].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var side = line.Contains("  /sysroot/a/", StringComparison.Ordinal) ? files.A : files.B;
            side[line[(line.IndexOf("/sysroot/", StringComparison.Ordinal) + "/sysroot/a".Length)..]] += " " + line[..64];
        }

        files.A["shadow without hashes"] = WithoutHashes(parts[3]);
        files.B["shadow without hashes"] = WithoutHashes(parts[4]);
        customizedHash = parts[4].Split('\n').First(line => line.StartsWith("root:", StringComparison.Ordinal)).Split(':')[1];
        return files;
    }

    private static Dictionary<string, string> Files(string listing) =>
        listing.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t', 2)).Where(parts => parts.Length == 2)
            .ToDictionary(
                parts => "/" + parts[1],
                // A folder's size is the filesystem's own business.
                parts => parts[0].StartsWith("d ", StringComparison.Ordinal) ? string.Join(' ', parts[0].Split(' ').Take(3)) : parts[0],
                StringComparer.Ordinal);

    private static string WithoutHashes(string shadow) => string.Join('\n', shadow.Split('\n').Select(line =>
    {
        var fields = line.Split(':');
        if (fields.Length > 1 && fields[1].Contains('$'))
        {
            fields[1] = fields[1][..(fields[1].IndexOf('$') + 3)];
        }

        return string.Join(':', fields);
    }));
}
