using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Guests.Engine;

/// <summary>How an appliance is started.</summary>
public sealed record LaunchOptions
{
    /// <summary>The variable that names the appliance's folder.</summary>
    public const string ApplianceVariable = "GUEST_APPLIANCE";

    /// <summary>
    /// Folder of the fixed appliance (libguestfs-make-fixed-appliance(1)): <c>kernel</c>, <c>initrd</c>, <c>root</c>. Unless
    /// said, <c>$GUEST_APPLIANCE</c>, or <c>appliance</c> two folders above the executable, where <c>make build</c> puts it.
    /// </summary>
    public string Appliance { get; init; } = Environment.GetEnvironmentVariable(ApplianceVariable) is { Length: > 0 } set
        ? set
        : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "appliance"));

    /// <summary>KVM, emulation, or what works.</summary>
    public Accelerator Accelerator { get; init; }

    /// <summary>Memory of the appliance, MiB. 1280 is enough for package managers; the container needs 450 more.</summary>
    public int MemoryMiB { get; init; } = 1280;

    /// <summary>Whether commands in the guest reach the network (user-mode NAT of QEMU).</summary>
    public bool Network { get; init; }

    /// <summary>Whether the disk is only looked at: writes go to an overlay in the temporary folder and are dropped.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Another QEMU than the distribution's; null for that one.</summary>
    public string? Hypervisor { get; init; }

    /// <summary>The device of KVM.</summary>
    internal string KvmDevice { get; init; } = "/dev/kvm";

    /// <summary>Where sockets and overlays go: <c>$TMPDIR</c> or <c>/tmp</c>.</summary>
    public string TemporaryFolder { get; init; } = Path.TrimEndingDirectorySeparator(Path.GetTempPath());
}

/// <summary>Starts libguestfs' appliance on one disk.</summary>
public static unsafe class GuestLauncher
{
    /// <summary>Far above what a launch takes (2 s, and 8 to 25 s), for nodes that are busy.</summary>
    private static readonly TimeSpan KvmLimit = TimeSpan.FromSeconds(60), EmulatedLimit = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Starts the appliance; 2 s with KVM, 8 to 25 s emulated. Cancellation stops it at once, also later, in any call.
    /// </summary>
    /// <exception cref="GuestException">It did not start; why and what to do.</exception>
    public static IGuest Launch(GuestDisk disk, LaunchOptions options, Action<string> log, CancellationToken cancellation)
    {
        RequireAppliance(options.Appliance);
        cancellation.ThrowIfCancellationRequested();
        if (options.Accelerator != Accelerator.Auto)
        {
            return Start(disk, options, options.Accelerator, log, cancellation);
        }

        var probe = new AcceleratorProbe(
            options.Hypervisor ?? DefaultHypervisor, Path.Combine(options.Appliance, "kernel"), options.TemporaryFolder, log)
        {
            Device = options.KvmDevice,
        };
        if (probe.Choose(cancellation) == Accelerator.Kvm)
        {
            try
            {
                return Start(disk, options, Accelerator.Kvm, log, cancellation);
            }
            catch (GuestException fault) when (fault.Fault == GuestFault.Launch)
            {
                log($"accelerator: emulation (a kernel starts under KVM, but the appliance does not: {fault.Cause})");
                probe.Remember(Accelerator.Tcg);
            }
        }

        return Start(disk, options, Accelerator.Tcg, log, cancellation);
    }

    private static LibguestfsGuest Start(GuestDisk disk, LaunchOptions options, Accelerator accelerator, Action<string> log, CancellationToken cancellation)
    {
        var folder = SessionFolder.Create(options.TemporaryFolder);
        LibguestfsGuest? guest = null;
        try
        {
            guest = new LibguestfsGuest(Create(), folder, disk, options, cancellation);
            Configure(guest, disk, options, accelerator, folder.Path);
            log($"starting the appliance on {disk.Path}");
            var clock = Stopwatch.StartNew();
            guest.Launch(accelerator == Accelerator.Kvm ? KvmLimit : EmulatedLimit);
            log($"appliance started in {clock.Elapsed.TotalSeconds:F1} s");
            return guest;
        }
        catch
        {
            if (guest is null)
            {
                folder.Dispose();
            }

            guest?.Dispose();
            throw;
        }
    }

    private static string DefaultHypervisor => RuntimeInformation.ProcessArchitecture == Architecture.Arm64
        ? "/usr/bin/qemu-system-aarch64"
        : "/usr/bin/qemu-system-x86_64";

    private static void RequireAppliance(string folder)
    {
        foreach (var part in (string[])["kernel", "initrd", "root", "README.fixed"])
        {
            var path = Path.Combine(folder, part);
            try
            {
                using var handle = File.OpenHandle(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                var cause = e is UnauthorizedAccessException ? "may not be read" : "is not there";
                throw new GuestException(
                    GuestFault.Access, folder, $"the appliance's file {part} {cause}",
                    $"run 'make build', or set {LaunchOptions.ApplianceVariable} to a folder that libguestfs-make-fixed-appliance made", e);
            }
        }
    }

    private static nint Create()
    {
        try
        {
            var g = Libguestfs.Create(Libguestfs.CreateFlags);
            return g != 0 ? g : throw new GuestException(GuestFault.Launch, "libguestfs", "no handle could be made", "give the step more memory");
        }
        catch (DllNotFoundException e)
        {
            throw new GuestException(GuestFault.Access, "libguestfs.so.0", "is not installed", "install the distribution's libguestfs (Debian: libguestfs0)", e);
        }
    }

    private static void Configure(LibguestfsGuest guest, GuestDisk disk, LaunchOptions options, Accelerator accelerator, string folder)
    {
        var g = guest.Handle;
        using var strings = new NativeStrings();
        guest.Require(Libguestfs.SetBackend(g, "direct"));
        guest.Require(Libguestfs.SetBackendSettings(g, strings.List(accelerator == Accelerator.Kvm ? "force_kvm" : "force_tcg")));
        guest.Require(Libguestfs.SetPath(g, options.Appliance));
        guest.Require(Libguestfs.SetTmpdir(g, folder));
        guest.Require(Libguestfs.SetCachedir(g, folder));
        // QEMU's own overlay of the appliance: it takes /var/tmp, which may be read-only, when this is unset or /tmp.
        _ = Libc.SetEnvironment("TMPDIR", folder, 1);
        guest.Require(Libguestfs.ParseEnvironmentList(g, strings.List($"XDG_RUNTIME_DIR={folder}")));
        guest.Require(Libguestfs.SetMemsize(g, options.MemoryMiB));
        guest.Require(Libguestfs.SetSmp(g, 1));
        guest.Require(Libguestfs.SetNetwork(g, options.Network ? 1 : 0));
        guest.Require(Libguestfs.SetPgroup(g, 1));
        if (options.Hypervisor is { } hypervisor)
        {
            guest.Require(Libguestfs.SetHypervisor(g, hypervisor));
        }

        // Puts the folder on QEMU's command line, by which its process is found.
        guest.Require(Libguestfs.Config(g, "-pidfile", $"{folder}/qemu.pid"));

        // QEMU's own answer to a full host volume is to pause the machine for ever; the guest shall get an error instead.
        guest.Require(Libguestfs.Config(g, "-global", "scsi-hd.werror=report"));

        var drive = new AddDriveOptions
        {
            Mask = AddDriveOptions.ReadOnlyBit | AddDriveOptions.FormatBit | AddDriveOptions.CachemodeBit | AddDriveOptions.DiscardBit,
            ReadOnly = options.ReadOnly ? 1 : 0,
            Format = strings.One(disk.Format == DiskFormat.Qcow2 ? "qcow2" : "raw"),
            // Fast, because flushes are ignored; GuestDisk.Flush makes up for it after a shutdown without errors.
            Cachemode = strings.One("unsafe"),
            Discard = strings.One(options.ReadOnly ? "disable" : "besteffort"),
        };
        guest.Require(Libguestfs.AddDrive(g, disk.Path, &drive));
    }

    /// <summary>Strings and lists of strings in C's memory, for the length of some calls.</summary>
    private sealed class NativeStrings : IDisposable
    {
        private readonly List<nint> _memory = [];

        public byte* One(string text)
        {
            var copy = GuestTextMarshaller.ConvertToUnmanaged(text);
            _memory.Add((nint)copy);
            return copy;
        }

        public byte** List(params ReadOnlySpan<string> texts)
        {
            var list = (byte**)NativeMemory.AllocZeroed((nuint)texts.Length + 1, (nuint)sizeof(byte*));
            _memory.Add((nint)list);
            for (var i = 0; i < texts.Length; i++)
            {
                list[i] = One(texts[i]);
            }

            return list;
        }

        public void Dispose() => _memory.ForEach(static piece => NativeMemory.Free((void*)piece));
    }
}
