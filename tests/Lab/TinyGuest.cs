namespace Lab;

/// <summary>
/// A guest's disk made in a second: an ext4 filesystem without partitions, with as much of a system as its editing needs and
/// this machine's shell and a few programs. What a test puts into its tree can be as hostile as it likes. Needs root, for the
/// files' owners.
/// </summary>
public sealed class TinyGuest(Scratch scratch)
{
    private static readonly string[] Programs = ["sh", "cat", "id", "sleep", "tail", "rm", "mkdir", "touch", "basename", "date", "sync"];

    /// <summary>Where the guest's files are, until <see cref="Build"/>.</summary>
    public string Tree { get; } = Directory.CreateDirectory(scratch["tiny-guest"]).FullName;

    /// <summary>A file of the guest.</summary>
    public TinyGuest File(string path, string content, UnixFileMode? mode = null)
    {
        var local = Tree + path;
        Directory.CreateDirectory(Path.GetDirectoryName(local)!);
        System.IO.File.WriteAllText(local, content);
        if (mode is { } bits)
        {
            System.IO.File.SetUnixFileMode(local, bits);
        }

        return this;
    }

    /// <summary>A link of the guest.</summary>
    public TinyGuest Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Tree + path)!);
        System.IO.File.CreateSymbolicLink(Tree + path, target);
        return this;
    }

    /// <summary>What every such guest has: os-release, accounts, a shell and some programs.</summary>
    public TinyGuest Basics(string id = "debian", string version = "12")
    {
        const UnixFileMode Shadow = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        File("/etc/os-release", $"ID={id}\nVERSION_ID=\"{version}\"\nPRETTY_NAME=\"Tiny {id} {version}\"\n");
        File("/etc/hostname", "tiny\n").File("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 tiny\n");
        File("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").File("/etc/shadow", "root:*:19000:0:99999:7:::\n", Shadow);
        File("/etc/group", "root:x:0:\n").File("/etc/gshadow", "root:*::\n", Shadow);
        File("/etc/fstab", "").File("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        File("/usr/lib/systemd/systemd", "").File("/etc/systemd/system/keep", "");
        foreach (var folder in (string[])["/dev", "/proc", "/sys", "/run", "/tmp", "/root", "/home", "/opt", "/var/log", "/bin", "/usr/bin", "/usr/sbin"])
        {
            Directory.CreateDirectory(Tree + folder);
        }

        foreach (var program in Programs)
        {
            CopyWithLibraries(new[] { "/bin/", "/usr/bin/" }.Select(folder => folder + program).First(System.IO.File.Exists), $"/bin/{program}");
        }

        return this;
    }

    /// <summary>Makes the disk (raw) and gives its path.</summary>
    public string Build(string name = "disk.img", int mebibytes = 64)
    {
        var disk = scratch[name];
        Tool.Run("mke2fs", "-q", "-F", "-t", "ext4", "-d", Tree, disk, $"{mebibytes}M");
        return disk;
    }

    private void CopyWithLibraries(string program, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Tree + path)!);
        System.IO.File.Copy(program, Tree + path, overwrite: true);
        foreach (var word in Tool.Run("ldd", program).Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith('/') && !System.IO.File.Exists(Tree + word))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Tree + word)!);
                System.IO.File.Copy(word, Tree + word);
            }
        }
    }
}
