using Lab;

namespace EndToEnd.Tests;

/// <summary>What a machine left on its disk, read by guestfish (one launch) after it was shut down.</summary>
public static class GuestFiles
{
    /// <summary>
    /// Paths of everything on the root filesystem but folders that was made or changed since a moment: by the time of the
    /// inode's last change (inode(7), st_ctime), which no program can set.
    /// </summary>
    public static IReadOnlyList<string> ChangedSince(string disk, string format, DateTimeOffset moment)
    {
        const string root = "/sysroot";
        using var scratch = new Scratch();
        var find = $"find {root} -xdev ! -type d -newerct @{moment.ToUnixTimeSeconds()}";
        var result = Guestfish(scratch, disk, format, ["run", "mount-ro /dev/sda1 /", $"debug sh \"{find}\""]);
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(path => path[root.Length..]).Order(StringComparer.Ordinal)];
    }

    /// <summary>The facts of <see cref="BootProof"/>, as far as files show them. The root is the first partition.</summary>
    public static IReadOnlyDictionary<string, string> Facts(string disk, string format, IEnumerable<string> files, IEnumerable<string> units)
    {
        using var scratch = new Scratch();
        string[] paths = [.. files];
        string[] names = [.. units];
        var script = new List<string> { "run", "mount-ro /dev/sda1 /", "echo machine-id", "cat /etc/machine-id", "glob copy-out /etc/ssh/ssh_host_*_key.pub " + scratch.Folder };
        foreach (var path in paths)
        {
            script.AddRange([$"echo sha256.{path}", $"checksum sha256 {path}"]);
        }

        foreach (var name in names)
        {
            script.AddRange([$"echo unit.{name}", $"glob-expand /etc/systemd/system/*.wants/{name}", "echo end"]);
        }

        var result = Guestfish(scratch, disk, format, script);
        var lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string After(string heading) => lines[Array.IndexOf(lines, heading) + 1];
        var facts = new Dictionary<string, string> { ["machine-id"] = After("machine-id") };
        foreach (var path in paths)
        {
            facts[$"sha256.{path}"] = After($"sha256.{path}");
        }

        foreach (var name in names)
        {
            facts[$"unit.{name}"] = After($"unit.{name}") == "end" ? "disabled" : "enabled";
        }

        foreach (var key in Directory.GetFiles(scratch.Folder, "ssh_host_*_key.pub"))
        {
            facts["host-key." + Path.GetFileName(key)["ssh_host_".Length..^"_key.pub".Length]] = Tool.Run("ssh-keygen", "-lf", key).Output.Split(' ')[1];
        }

        return facts;
    }

    private static ToolResult Guestfish(Scratch scratch, string disk, string format, IEnumerable<string> script)
    {
        var result = Tool.TryWith(
            "guestfish",
            ["--ro", $"--format={format}", "-a", disk, "-f", scratch.File("script", string.Join('\n', script) + "\n")],
            new Dictionary<string, string> { ["LIBGUESTFS_PATH"] = Repository.Appliance, ["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg" },
            TimeSpan.FromMinutes(3));
        Assert.True(result.ExitCode == 0, result.All);
        return result;
    }
}
