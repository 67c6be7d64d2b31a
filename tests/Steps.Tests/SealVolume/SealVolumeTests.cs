using Lab;

namespace Steps.Tests.SealVolume;

/// <summary><c>seal-volume</c> at work, confined as a container would confine it, and killed.</summary>
[Collection(Launches.Name)]
public sealed class SealVolumeTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_check_lists_what_is_left_and_ends_with_6()
    {
        var tree = GuestDisks.BareSystem(_scratch);
        GuestDisks.Put(tree, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        GuestDisks.Put(tree, "etc/ssh/ssh_host_rsa_key", "key");
        GuestDisks.Whole(_scratch["volume/disk.img"].MakeFolder(), tree);
        var before = File.ReadAllBytes(_scratch["volume/disk.img"]);
        var results = Directory.CreateDirectory(_scratch["results"]).FullName;

        var result = Confined("/mnt/results", results).Run(
            Repository.Step("seal-volume"), "--disk=/mnt/volume", "--check=true", "--result-findings=/mnt/results/findings", "--result-os=/mnt/results/os",
            "--result-freed-bytes=/mnt/results/freed", "--result-error=/mnt/results/error");

        Assert.True(result.ExitCode == 6, result.All);
        Assert.Equal("2: ssh-hostkeys 1, machine-id 1", File.ReadAllText(Path.Combine(results, "findings")));
        Assert.Equal("Debian GNU/Linux 12 (bookworm)", File.ReadAllText(Path.Combine(results, "os")));
        Assert.Equal("", File.ReadAllText(Path.Combine(results, "freed")));
        Assert.Contains("identity or secrets are left, 2: ssh-hostkeys 1, machine-id 1", File.ReadAllText(Path.Combine(results, "error")), StringComparison.Ordinal);
        Assert.Contains("/etc/ssh/ssh_host_rsa_key: SSH host key that all clones would share (removed by ssh-hostkeys)", result.Error, StringComparison.Ordinal);
        Assert.Contains("/etc/machine-id: machine ID that all clones would share (removed by machine-id)", result.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(_scratch["volume/disk.img"]));
    }

    [Fact]
    public void A_full_volume_is_said_within_bounded_time()
    {
        GuestDisks.Whole(_scratch["volume/disk.img"].MakeFolder(), GuestDisks.BareSystem(_scratch), 64);
        // A volume with room for the disk as it is, and next to nothing more: the first journal blocks do not fit.
        var sandbox = Confined("/mnt/none", Directory.CreateDirectory(_scratch["none"]).FullName, "--size", "1048576", "--tmpfs", "/mnt/small");
        var result = sandbox.Run(
            "sh", "-c",
            """
            cp --sparse=always /mnt/volume/disk.img /mnt/small/disk.img || exit 99
            dd if=/dev/zero of=/mnt/small/ballast bs=4096 2>/dev/null; truncate -s -8192 /mnt/small/ballast
            exec "$0" --disk=/mnt/small
            """, Repository.Step("seal-volume"));

        Assert.True(result.ExitCode == 4, result.All);
        Assert.Contains("/mnt/small/disk.img: its volume is full", result.Error, StringComparison.Ordinal);
        Assert.Contains("make the volume larger and start again from a new clone", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SIGTERM_during_the_launch_ends_it_with_143_and_leaves_the_disk_as_it_was()
    {
        var disk = GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 16);
        var before = await File.ReadAllBytesAsync(disk);
        using var step = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg");
        await step.Says("starting the appliance");
        await Task.Delay(TimeSpan.FromSeconds(2));
        step.Signal("TERM");
        var (code, took) = await step.Ended();

        Assert.True(code == 143, step.Log);
        Assert.InRange(took, TimeSpan.Zero, Stopping.Limit);
        Assert.Empty(step.Helpers());
        Assert.Empty(Directory.GetFileSystemEntries(step.Temporary));
        Assert.Equal(before, await File.ReadAllBytesAsync(disk));
    }

    [Fact]
    [Trait("Suite", "Long")]
    public async Task A_kill_in_the_middle_leaves_a_mark_that_the_next_run_refuses_and_nothing_else()
    {
        var disk = GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 64);
        using (var killed = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg"))
        {
            await killed.Says("the edit begins");
            killed.Signal("KILL");
            await killed.Ended();
            await Stopping.NoHelperIsLeft(killed);
            Assert.NotEmpty(Directory.GetFileSystemEntries(killed.Temporary));
        }

        using var next = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg");
        var (code, _) = await next.Ended();
        Assert.True(code == 5, next.Log);
        Assert.Contains("an earlier edit of this disk was interrupted; start again from a new clone of the source", next.Error, StringComparison.Ordinal);
        Assert.Empty(next.Helpers());
        Assert.Empty(Directory.GetFileSystemEntries(next.Temporary));
    }

    [Fact]
    [Trait("Suite", "Long")]
    public async Task SIGTERM_in_the_middle_says_that_the_disk_is_half_done()
    {
        var disk = GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 64);
        using var step = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg");
        await step.Says("the edit begins");
        step.Signal("TERM");
        var (code, took) = await step.Ended();
        Assert.True(code == 143, step.Log);
        Assert.InRange(took, TimeSpan.Zero, Stopping.Limit);
        Assert.Contains("the edit was interrupted half-way; start again from a new clone", step.Error, StringComparison.Ordinal);
        Assert.Empty(step.Helpers());
        Assert.Empty(Directory.GetFileSystemEntries(step.Temporary));
    }

    [Theory]
    [Trait("Suite", "Long")]
    [InlineData("starting the appliance", 0)]
    [InlineData("removed the source's identity", 5)]
    public async Task Killed_it_leaves_no_process_and_the_next_run_seals_or_refuses(string moment, int refused)
    {
        var tree = GuestDisks.BareSystem(_scratch);
        GuestDisks.Put(tree, "etc/ssh/ssh_host_ed25519_key", "something to remove");
        var disk = GuestDisks.Whole(_scratch["disk.img"], tree, 64);
        using (var killed = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg"))
        {
            await killed.Says(moment);
            killed.Signal("KILL");
            var (code, _) = await killed.Ended();
            Assert.Contains(code, (int[])[137, 0]); // the last lines come when all is done
            await Stopping.NoHelperIsLeft(killed);
        }

        using var next = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg");
        var (again, _) = await next.Ended();
        Assert.True(again == 0 || again == refused, next.Log);
        Assert.Empty(next.Helpers());
        Assert.Empty(Directory.GetFileSystemEntries(next.Temporary));
    }

    [Fact]
    [Trait("Suite", "Long")]
    public async Task A_deadline_during_the_launch_ends_it_with_7()
    {
        var disk = GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 16);
        using var step = new RunningStep(_scratch, "seal-volume", $"--disk={disk}", "--accelerator=tcg", "--timeout=3s");
        var (code, took) = await step.Ended();
        Assert.True(code == 7, step.Log);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(3) + Stopping.Limit);
        Assert.Empty(Directory.GetFileSystemEntries(step.Temporary));
    }

    [Fact]
    [Trait("Suite", "Long")]
    public void Two_systems_and_none_end_with_6()
    {
        var tree = GuestDisks.BareSystem(_scratch);
        GuestDisks.Partitioned(_scratch["two.img"], [tree, tree]);
        GuestDisks.Partitioned(_scratch["none.img"], [null]);
        var two = Tool.Try(Repository.Step("seal-volume"), $"--disk={_scratch["two.img"]}");
        Assert.Equal(6, two.ExitCode);
        Assert.Contains("holds 2 operating systems", two.Error, StringComparison.Ordinal);
        var none = Tool.Try(Repository.Step("seal-volume"), $"--disk={_scratch["none.img"]}");
        Assert.Equal(6, none.ExitCode);
        Assert.Contains("no operating system was found (no filesystem at all)", none.Error, StringComparison.Ordinal);
    }

    private Sandbox Confined(string place, string folder, params string[] more) =>
        new(new Dictionary<string, string> { ["/mnt/volume"] = _scratch["volume"], [place] = folder }) { More = more };
}

internal static class PathExtensions
{
    /// <summary>Makes the folder of a path.</summary>
    public static string MakeFolder(this string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }
}
