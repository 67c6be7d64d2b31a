using System.Diagnostics;

namespace LocalCluster.Pods;

/// <summary>
/// Whether KVM works on this node, tried once a boot: inside some virtual machines the device opens and the first kernel hangs. Steps try it
/// themselves, each anew, because each pod has a temporary folder of its own; so where it does not work, they don't get the device.
/// </summary>
/// <param name="folder">Where the answer is kept.</param>
/// <param name="appliance">The kernel's folder; null without one.</param>
/// <param name="log">Takes lines.</param>
internal sealed class KvmTrial(string folder, string? appliance, Action<string> log)
{
    /// <summary>A kernel under KVM says its first line within a second.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);
    private readonly Lock _one = new();
    private Task<bool>? _answer;

    /// <summary>Whether it works; whoever asks first waits a few seconds.</summary>
    internal Task<bool> Works()
    {
        lock (_one)
        {
            return _answer ??= File.Exists("/dev/kvm") && appliance is not null ? RecallAsync(Path.Combine(appliance, "kernel")) : Task.FromResult(false);
        }
    }

    private async Task<bool> RecallAsync(string kernel)
    {
        var memory = Path.Combine(folder, "kvm");
        var boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id")).Trim();
        if (File.Exists(memory) && await File.ReadAllLinesAsync(memory) is [var known, var answer] && known == boot)
        {
            return answer == "works";
        }

        var works = await TryAsync(kernel);
        log(works ? "KVM works: steps that edit guests get it" : "KVM does not work here: guests are emulated");
        await File.WriteAllTextAsync(memory, $"{boot}\n{(works ? "works" : "fails")}\n");
        return works;
    }

    private static async Task<bool> TryAsync(string kernel)
    {
        var machine = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "aarch64" : "x86_64";
        Process process;
        try
        {
            process = await LaunchThread.StartAsync(
                [$"qemu-system-{machine}", "-accel", "kvm", "-cpu", "max", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                    "-serial", "stdio", "-kernel", kernel, "-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1"],
                redirect: true);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }

        using (process)
        {
            using var limit = new CancellationTokenSource(Limit);
            try
            {
                while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
                {
                    if (line.Contains("Linux version", StringComparison.Ordinal))
                    {
                        return true;
                    }
                }

                return false;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
            finally
            {
                process.Kill();
            }
        }
    }
}
