using System.Diagnostics;
using System.Text;

namespace Guests.Engine;

/// <summary>How the appliance's processor is provided.</summary>
public enum Accelerator
{
    /// <summary>KVM where a boot proves that it works, else emulation.</summary>
    Auto,

    /// <summary>Hardware virtualization, without a proof.</summary>
    Kvm,

    /// <summary>Emulation (TCG).</summary>
    Tcg,
}

/// <summary>
/// Finds out whether KVM works here. That /dev/kvm opens and answers its ioctls proves nothing: inside some virtual machines
/// the first real kernel hangs or QEMU aborts. So the appliance's own kernel is started under KVM, as libguestfs would
/// start it, and its first line on the console is waited for.
/// </summary>
internal sealed class AcceleratorProbe(string hypervisor, string kernel, string temporaryFolder, Action<string> log)
{
    /// <summary>A kernel under working KVM prints its first line within a second; emulated it takes 1.4 s.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(4);

    /// <summary>The device that is tried.</summary>
    public string Device { get; init; } = "/dev/kvm";

    /// <summary><see cref="Accelerator.Kvm"/> or <see cref="Accelerator.Tcg"/>; the answer is remembered until the next boot of this machine.</summary>
    public Accelerator Choose(CancellationToken cancellation)
    {
        if (!CanOpen(Device))
        {
            log($"accelerator: emulation ({Device} is not there or may not be opened)");
            return Accelerator.Tcg;
        }

        var memory = new Memory(temporaryFolder, hypervisor);
        if (memory.Recall() is { } known)
        {
            log($"accelerator: {Name(known)} (found out earlier on this node)");
            return known;
        }

        var clock = Stopwatch.StartNew();
        var fault = Boot(cancellation);
        var found = fault is null ? Accelerator.Kvm : Accelerator.Tcg;
        log(fault is null
            ? $"accelerator: KVM (a kernel started within {clock.Elapsed.TotalSeconds:F1} s)"
            : $"accelerator: emulation ({Device} opens, but {fault})");
        memory.Store(found);
        return found;
    }

    /// <summary>Corrects the answer, when something larger than a kernel's first line failed.</summary>
    public void Remember(Accelerator answer) => new Memory(temporaryFolder, hypervisor).Store(answer);

    private static string Name(Accelerator accelerator) => accelerator == Accelerator.Kvm ? "KVM" : "emulation";

    private static bool CanOpen(string device)
    {
        try
        {
            using var handle = File.OpenHandle(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Null when a kernel began to run under KVM; else what happened, for the log.</summary>
    private string? Boot(CancellationToken cancellation)
    {
        // A QEMU that hangs under KVM outlives us if we are killed: the next start finds it by this folder's name.
        using var folder = SessionFolder.Create(temporaryFolder);
        var start = new ProcessStartInfo(hypervisor)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            "-accel", "kvm", "-cpu", "max", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", "stdio", "-kernel", kernel, "-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1", "-pidfile", $"{folder.Path}/probe.pid",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"{hypervisor} cannot be started: {e.Message}";
        }

        using (process)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Limit);
            try
            {
                return FirstLine(process, limit.Token).GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return $"a kernel under KVM said nothing for {Limit.TotalSeconds:F0} s";
            }
            finally
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit(TimeSpan.FromSeconds(5));
            }
        }
    }

    private static async Task<string?> FirstLine(Process process, CancellationToken limit)
    {
        var error = process.StandardError.ReadToEndAsync(limit);
        var text = new StringBuilder();
        var buffer = new char[1024];
        while (text.Length < 65536)
        {
            var got = await process.StandardOutput.ReadAsync(buffer, limit);
            if (got == 0)
            {
                var said = GuestText.Printable((await error).Trim().Split('\n')[0]);
                return said.Length > 0 ? $"QEMU gives up: {said}" : "QEMU gives up without a word";
            }

            text.Append(buffer, 0, got);
            if (text.ToString().Contains("Linux version", StringComparison.Ordinal))
            {
                return null;
            }
        }

        return "what runs under KVM is no kernel";
    }

    /// <summary>
    /// The answer in a small file of ours in the temporary folder, valid for one boot of the machine and one QEMU. A file of
    /// another user, or a link, is not read.
    /// </summary>
    private sealed class Memory(string folder, string hypervisor)
    {
        private readonly string _path = Path.Combine(folder, $"guest-accelerator-{Libc.EffectiveUser()}");

        private static string BootId => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

        private string Key => $"{BootId} {hypervisor} {(File.Exists(hypervisor) ? File.GetLastWriteTimeUtc(hypervisor).Ticks : 0)}";

        public Accelerator? Recall()
        {
            try
            {
                if (Libc.Status(_path, followLinks: false) is not { IsRegularFile: true, Size: < 1024 } status || status.Uid != Libc.EffectiveUser())
                {
                    return null;
                }

                return File.ReadAllLines(_path) is [var key, var answer] && key == Key && Enum.TryParse<Accelerator>(answer, out var known) ? known : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        public void Store(Accelerator answer)
        {
            try
            {
                var fresh = $"{_path}.{Guid.NewGuid():N}";
                File.WriteAllText(fresh, $"{Key}\n{answer}\n");
                File.Move(fresh, _path, overwrite: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next start finds it out again.
            }
        }
    }
}
