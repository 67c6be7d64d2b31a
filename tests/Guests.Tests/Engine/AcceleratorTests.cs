using System.Diagnostics;
using Guests.Engine;
using Lab;

namespace Guests.Tests.Engine;

/// <summary>With scripts in QEMU's place, because no machine has a KVM that works, one that hangs and one that aborts.</summary>
public sealed class AcceleratorTests : IDisposable
{
    private const string AnyDevice = "/dev/null";

    private readonly Scratch _scratch = new();
    private readonly List<string> _log = [];

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_kernel_that_speaks_proves_KVM()
    {
        Assert.Equal(Accelerator.Kvm, Probe("echo; echo '[ 0.0 ] Linux version 6.1'; sleep 60"));
        Assert.Contains("accelerator: KVM (a kernel started", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void A_boot_that_hangs_is_found_out_within_seconds_and_ended()
    {
        var clock = Stopwatch.StartNew();
        Assert.Equal(Accelerator.Tcg, Probe($"echo $$ > {_scratch["pid"]}; echo SeaBIOS; exec sleep 600"));
        Assert.InRange(clock.Elapsed, AcceleratorProbe.Limit, TimeSpan.FromSeconds(30));
        Assert.Contains("a kernel under KVM said nothing for 4 s", Assert.Single(_log), StringComparison.Ordinal);
        Assert.False(Directory.Exists($"/proc/{File.ReadAllText(_scratch["pid"]).Trim()}"));
    }

    [Fact]
    public void A_QEMU_that_aborts_is_quoted()
    {
        Assert.Equal(Accelerator.Tcg, Probe("echo 'qemu: error: failed to set MSR 0x10a to 0x69' >&2; kill -ABRT $$"));
        Assert.Contains("QEMU gives up: qemu: error: failed to set MSR 0x10a", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_QEMU_means_emulation_and_is_said()
    {
        Assert.Equal(Accelerator.Tcg, new AcceleratorProbe(_scratch["no-qemu"], "kernel", _scratch.Folder, _log.Add) { Device = AnyDevice }.Choose(default));
        Assert.Contains("cannot be started", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_device_nothing_is_started()
    {
        var probe = new AcceleratorProbe(_scratch["no-qemu"], "kernel", _scratch.Folder, _log.Add) { Device = _scratch["no-kvm"] };
        Assert.Equal(Accelerator.Tcg, probe.Choose(default));
        Assert.Contains("is not there or may not be opened", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void The_answer_is_remembered_for_this_boot_and_this_QEMU()
    {
        var qemu = Script("echo run >> \"$0.runs\"; echo 'Linux version'; sleep 60");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(Accelerator.Kvm, Probe(qemu, isPath: true));
        }

        Assert.Single(File.ReadAllLines(qemu + ".runs"));
        var memory = Directory.GetFiles(_scratch.Folder, "guest-accelerator-*").Single();
        File.WriteAllText(memory, File.ReadAllText(memory).Replace(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), "another-boot", StringComparison.Ordinal));
        Assert.Equal(Accelerator.Kvm, Probe(qemu, isPath: true));
        Assert.Equal(2, File.ReadAllLines(qemu + ".runs").Length);
    }

    [Fact]
    public void A_link_in_the_place_of_the_memory_is_not_followed()
    {
        var qemu = Script("echo 'Linux version'; sleep 60");
        _ = Probe(qemu, isPath: true);
        var memory = Directory.GetFiles(_scratch.Folder, "guest-accelerator-*").Single();
        File.WriteAllText(_scratch["planted"], File.ReadAllText(memory).Replace("Kvm", "Tcg", StringComparison.Ordinal));
        File.Delete(memory);
        File.CreateSymbolicLink(memory, _scratch["planted"]);
        Assert.Equal(Accelerator.Kvm, Probe(qemu, isPath: true));
        Assert.Null(new FileInfo(memory).LinkTarget);
        Assert.Contains("Tcg", File.ReadAllText(_scratch["planted"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_proof_whose_owner_is_killed_is_found_by_the_next_start()
    {
        Assert.Equal(Accelerator.Kvm, Probe($"echo \"$@\" > {_scratch["arguments"]}; echo 'Linux version'; exec sleep 600"));
        Assert.Matches("-pidfile [^ ]*/guest-session-[0-9a-f]{12}/probe.pid", File.ReadAllText(_scratch["arguments"]));
        Assert.Empty(Directory.GetDirectories(_scratch.Folder));
    }

    [Fact]
    public void Cancellation_ends_the_proof()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var clock = Stopwatch.StartNew();
        var probe = new AcceleratorProbe(Script("exec sleep 600"), "kernel", _scratch.Folder, _log.Add) { Device = AnyDevice };
        Assert.ThrowsAny<OperationCanceledException>(() => probe.Choose(cancel.Token));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, AcceleratorProbe.Limit);
    }

    private Accelerator Probe(string body, bool isPath = false) =>
        new AcceleratorProbe(isPath ? body : Script(body), "kernel", _scratch.Folder, _log.Add) { Device = AnyDevice }.Choose(default);

    private string Script(string body)
    {
        var path = _scratch.File($"qemu-{Guid.NewGuid():N}", "#!/bin/sh\n" + body + "\n");
        Tool.Run("chmod", "+x", path);
        return path;
    }
}
