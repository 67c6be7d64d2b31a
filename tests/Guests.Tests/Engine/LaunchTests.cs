using System.Diagnostics;
using Guests.Engine;
using Lab;

namespace Guests.Tests.Engine;

/// <summary>Launches that fail, are cancelled, or find what others left.</summary>
[Collection(Launches.Name)]
public sealed class LaunchTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_missing_appliance_names_what_makes_one()
    {
        var fault = Assert.Throws<GuestException>(() => Launch(new LaunchOptions { Appliance = _scratch["none"] }, default));
        Assert.Equal(GuestFault.Access, fault.Fault);
        Assert.Contains("make build", fault.Next, StringComparison.Ordinal);
    }

    [Fact]
    public void A_temporary_folder_that_is_not_there_is_said()
    {
        var fault = Assert.Throws<GuestException>(() => Launch(Options(_scratch["none"]), default));
        Assert.Contains("TMPDIR", fault.Next, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(3)]
    public void A_launch_is_cancelled_at_once_and_leaves_nothing(double seconds)
    {
        var temporary = Directory.CreateDirectory(_scratch["tmp"]).FullName;
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var clock = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => Launch(Options(temporary), cancel.Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, seconds + 10);
        Assert.Empty(Directory.GetFileSystemEntries(temporary));
        Assert.Empty(Remains.Of(temporary));
    }

    [Fact]
    public void An_upload_is_cancelled_at_once_and_leaves_nothing()
    {
        var temporary = Directory.CreateDirectory(_scratch["tmp"]).FullName;
        var big = _scratch.File("big", "");
        using (var file = File.OpenWrite(big))
        {
            file.SetLength(100L << 30);
        }

        using var cancel = new CancellationTokenSource();
        using var guest = Launch(Options(temporary), cancel.Token, sizeMiB: 16384);
        guest.Mount("/dev/sda", "/", "ext4", readOnly: false);
        var clock = Stopwatch.StartNew();
        cancel.CancelAfter(TimeSpan.FromSeconds(1));
        Assert.ThrowsAny<OperationCanceledException>(() => guest.Upload(big, "/big"));
        Assert.ThrowsAny<OperationCanceledException>(() => guest.Exists("/"));
        guest.Dispose();
        Assert.InRange(clock.Elapsed.TotalSeconds, 1, 11);
        Assert.Empty(Directory.GetFileSystemEntries(temporary));
        Assert.Empty(Remains.Of(temporary));
    }

    [Fact]
    public void What_a_dead_process_left_is_swept_and_a_living_one_keeps_its_own()
    {
        var temporary = Directory.CreateDirectory(_scratch["tmp"]).FullName;
        var dead = Directory.CreateDirectory(Path.Combine(temporary, "guest-session-dead")).FullName;
        File.WriteAllText(Path.Combine(dead, "lock"), "");
        File.WriteAllText(Path.Combine(dead, "overlay"), "");
        var cut = Directory.CreateDirectory(Path.Combine(temporary, "guest-session-without-lock")).FullName;
        var unborn = Directory.CreateDirectory(Path.Combine(temporary, "guest-making-old")).FullName;
        Directory.SetLastWriteTimeUtc(unborn, TimeProvider.System.GetUtcNow().UtcDateTime - TimeSpan.FromHours(1));
        var young = Directory.CreateDirectory(Path.Combine(temporary, "guest-making-now")).FullName;
        using var orphan = Process.Start("tail", ["-f", Path.Combine(dead, "overlay")]);
        using var living = SessionFolder.Create(temporary);
        using var second = SessionFolder.Create(temporary);
        Assert.All((string[])[dead, cut, unborn], folder => Assert.False(Directory.Exists(folder), folder));
        Assert.True(Directory.Exists(young));
        Assert.True(Directory.Exists(living.Path));
        Assert.True(orphan.WaitForExit(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task Starts_at_the_same_time_leave_each_other_alone()
    {
        var temporary = Directory.CreateDirectory(_scratch["tmp"]).FullName;
        var folders = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Task.Run(() => SessionFolder.Create(temporary))));
        Assert.All(folders, folder => Assert.True(File.Exists(Path.Combine(folder.Path, "lock")), folder.Path));
        Array.ForEach(folders, folder => folder.Dispose());
        Assert.Empty(Directory.GetFileSystemEntries(temporary));
    }

    [Fact]
    [Trait("Suite", "Long")]
    public void A_KVM_that_starts_a_kernel_but_not_the_appliance_is_replaced_by_emulation()
    {
        var temporary = Directory.CreateDirectory(_scratch["tmp"]).FullName;
        var log = new List<string>();
        var path = GuestDisks.Whole(_scratch["whole.img"], GuestDisks.BareSystem(_scratch), 16);
        var options = Hypervisors.OptionsWith(_scratch, temporary, "echo Linux version; sleep 600", "echo qemu: no luck >&2; exit 1");
        for (var i = 0; i < 2; i++)
        {
            using var guest = GuestLauncher.Launch(GuestDisk.Open(path, DiskFormat.Raw, forWriting: true), options, log.Add, default);
            Assert.Equal(["/dev/sda"], guest.Devices());
        }

        Assert.Contains(log, line => line.StartsWith("accelerator: emulation (a kernel starts under KVM, but the appliance does not:", StringComparison.Ordinal));
        Assert.Contains("accelerator: emulation (found out earlier on this node)", log);
    }

    private static LaunchOptions Options(string temporary) =>
        new() { Appliance = Repository.Appliance, TemporaryFolder = temporary, Accelerator = Accelerator.Tcg };

    private IGuest Launch(LaunchOptions options, CancellationToken cancellation, int sizeMiB = 16)
    {
        var path = GuestDisks.Whole(_scratch["whole.img"], GuestDisks.BareSystem(_scratch), sizeMiB);
        return GuestLauncher.Launch(GuestDisk.Open(path, DiskFormat.Raw, forWriting: true), options, _ => { }, cancellation);
    }
}
