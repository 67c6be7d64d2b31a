using System.Text;

namespace Lab;

/// <summary>
/// Small guest disks for tests, made by mke2fs and sfdisk within a second and without a launch. They hold no system that
/// boots, but all that makes one to the inspection: os-release, fstab, accounts, the header of a program.
/// </summary>
public static class GuestDisks
{
    private const int Mebi = 1 << 20;

    /// <summary>A folder tree of a bare Debian: the start for whatever a test plants.</summary>
    public static string BareSystem(Scratch scratch, string name = "tree", string id = "debian", string prettyName = "Debian GNU/Linux 12 (bookworm)")
    {
        var root = scratch[name];
        foreach (var folder in (string[])["bin", "etc/ssh", "etc/systemd/system", "home", "root", "tmp", "usr/lib/systemd/system", "usr/sbin", "usr/bin", "var/log", "var/lib", "var/tmp", "run", "boot"])
        {
            Directory.CreateDirectory(Path.Combine(root, folder));
        }

        Put(root, "usr/lib/os-release", $"ID={id}\nID_LIKE=\"linux test\"\nVERSION_ID=\"12\"\nPRETTY_NAME=\"{prettyName}\"\n");
        File.CreateSymbolicLink(Path.Combine(root, "etc/os-release"), "../usr/lib/os-release");
        Put(root, "etc/fstab", "LABEL=system / ext4 defaults 0 1\n# a comment\nnone swap swap sw 0 0\nUUID=dead-beef /data ext4 nofail 0 2\n");
        Put(root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n");
        Put(root, "etc/shadow", "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n");
        Put(root, "etc/group", "root:x:0:\ndaemon:x:1:\n");
        Put(root, "etc/machine-id", "");
        File.WriteAllBytes(Path.Combine(root, "bin/sh"), [0x7f, .. "ELF"u8, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0, 1, 0, 0, 0]);
        return root;
    }

    /// <summary>Writes a file of a tree.</summary>
    public static void Put(string root, string path, string content)
    {
        var file = Path.Combine(root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    /// <summary>A raw disk with a GPT and an ext4 partition for each tree; everything in it is root's.</summary>
    /// <param name="path">The image.</param>
    /// <param name="trees">Folders; null for a partition without a filesystem.</param>
    /// <param name="sizes">MiB of each partition; 48 for those that have none.</param>
    public static string Partitioned(string path, IReadOnlyList<string?> trees, params int[] sizes)
    {
        var table = new StringBuilder("label: gpt\n");
        var ends = new List<int> { 1 };
        for (var i = 0; i < trees.Count; i++)
        {
            var size = i < sizes.Length ? sizes[i] : 48;
            table.Append($"start={ends[i]}MiB, size={size}MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n");
            ends.Add(ends[i] + size);
        }

        Sparse(path, (ends[^1] + 1L) * Mebi);
        Tool.Run("sh", "-c", "printf '%s' \"$1\" | sfdisk -q \"$2\"", "sh", table.ToString(), path);
        for (var i = 0; i < trees.Count; i++)
        {
            if (trees[i] is { } tree)
            {
                Ext4(path, tree, ends[i] * (long)Mebi, ends[i + 1] - ends[i]);
            }
        }

        return path;
    }

    /// <summary>A raw disk that is one ext4 filesystem, without partitions.</summary>
    public static string Whole(string path, string tree, int sizeMiB = 48)
    {
        Sparse(path, (long)sizeMiB * Mebi);
        Ext4(path, tree, 0, sizeMiB);
        return path;
    }

    private static void Sparse(string path, long size)
    {
        using var file = File.Create(path);
        file.SetLength(size);
    }

    private static void Ext4(string path, string tree, long offset, int sizeMiB) =>
        Tool.Run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "system", "-E", $"offset={offset},root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1", "-d", tree, path, $"{sizeMiB}M");
}
