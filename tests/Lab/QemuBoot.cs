using System.Net;
using System.Net.Sockets;

namespace Lab;

/// <summary>How a disk is to be booted.</summary>
/// <param name="Disk">The disk's file.</param>
/// <param name="Format"><c>raw</c> or <c>qcow2</c>; never probed.</param>
/// <param name="ConsoleLog">Where the serial console is written to.</param>
public sealed record BootOptions(string Disk, string Format, string ConsoleLog)
{
    /// <summary>A second disk with cloud-init's data (see <see cref="CloudInitSeed"/>); none by default.</summary>
    public string? Seed { get; init; }

    /// <summary>Boots by UEFI (OVMF) in place of BIOS.</summary>
    public bool Uefi { get; init; }

    /// <summary>Keeps what the guest writes on the disk; else it goes to a temporary overlay.</summary>
    public bool KeepChanges { get; init; }

    /// <summary>Virtual processors.</summary>
    public int Processors { get; init; } = 2;

    /// <summary>Memory in MiB.</summary>
    public int Memory { get; init; } = 1024;
}

/// <summary>
/// A virtual machine under qemu's emulation: one disk, a serial console, and a network that ends at this host (no way
/// out; port 22 is reachable at <see cref="SshPort"/> on loopback). Stopped at dispose, and whenever its owner dies.
/// </summary>
public sealed class QemuBoot : IDisposable
{
    private const string Firmware = "/usr/share/OVMF/OVMF_CODE_4M.fd";
    private readonly ChildProcess qemu;
    private readonly Scratch scratch = new();
    private readonly Lock gate = new();
    private string complaint = "";
    private bool disposed;

    /// <summary>Starts the machine.</summary>
    public QemuBoot(BootOptions options)
    {
        SshPort = FreePort();
        Console = new SerialConsole(options.ConsoleLog);
        qemu = new ChildProcess("qemu-system-x86_64", Arguments(options), text => Console.Write(text.Span), Complain);
        Ended = WatchEnd();
    }

    /// <summary>The serial console.</summary>
    public SerialConsole Console { get; }

    /// <summary>Where on 127.0.0.1 the guest's port 22 answers.</summary>
    public int SshPort { get; }

    /// <summary>Ends with the machine (it powered off, or qemu failed).</summary>
    public Task Ended { get; }

    /// <summary>Waits for the login prompt.</summary>
    public Task WaitForLogin(TimeSpan limit, CancellationToken cancellation = default) =>
        Console.WaitFor(@"^\S+ login:", limit, cancellation);

    /// <summary>
    /// Presses the power button and waits until the guest has shut down. Only a guest that is up listens to it: see
    /// <see cref="WaitForLogin"/>.
    /// </summary>
    public async Task PowerOff(TimeSpan limit, CancellationToken cancellation = default)
    {
        await PowerButton.Press(ControlSocket, cancellation);
        try
        {
            await Ended.WaitAsync(limit, cancellation);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"the machine did not shut down within {limit.TotalSeconds:0} s; its console ended with:\n{Console.LastLines(12)}", late);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        qemu.Dispose();
        Console.Dispose();
        scratch.Dispose();
    }

    private string ControlSocket => scratch["qmp"];

    private IEnumerable<string> Arguments(BootOptions options)
    {
        // Commas in a path are doubled for qemu's option parser.
        static string Quoted(string path) => path.Replace(",", ",,");
        yield return "-nodefaults";
        foreach (var argument in (string[])
            [
                "-accel", "tcg,thread=multi", "-cpu", "max",
                "-smp", $"{options.Processors}", "-m", $"{options.Memory}",
                "-display", "none", "-no-reboot", "-serial", "stdio", "-qmp", $"unix:{ControlSocket},server=on,wait=off",
                "-device", "virtio-rng-pci",
                "-netdev", $"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{SshPort}-:22",
                "-device", "virtio-net-pci,netdev=net",
                "-drive", $"file={Quoted(options.Disk)},format={options.Format},if=virtio,discard=unmap,cache=unsafe," +
                    $"snapshot={(options.KeepChanges ? "off" : "on")}",
            ])
        {
            yield return argument;
        }

        if (options.Seed is { } seed)
        {
            yield return "-drive";
            yield return $"file={Quoted(seed)},format=raw,if=virtio,readonly=on";
        }

        if (options.Uefi)
        {
            yield return "-drive";
            yield return $"if=pflash,unit=0,readonly=on,format=raw,file={Firmware}";
        }
    }

    private void Complain(ReadOnlyMemory<char> text)
    {
        lock (gate)
        {
            complaint = (complaint + text)[^Math.Min(complaint.Length + text.Length, 2000)..];
        }
    }

    private async Task WatchEnd()
    {
        var code = await qemu.Ended();
        lock (gate)
        {
            Console.End(code == 0 ? "the machine powered off" : $"qemu ended with {code}: {complaint.Trim()}");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
