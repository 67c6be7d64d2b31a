using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Guests.Engine;

/// <summary>
/// What the appliance's console and QEMU say: the last few kilobytes, for the message of a failed launch, and whether the
/// kernel complained of the disk. A write that fails after the call that made it shows nowhere else.
/// </summary>
internal sealed unsafe class ApplianceConsole : IDisposable
{
    private const int Limit = 8192;

    /// <summary>What Linux prints when a request to a disk fails (block/blk-core.c, blk_errors).</summary>
    private static readonly string[] DiskErrors = ["I/O error, dev sd", "critical space allocation error", "critical medium error", "critical target error, dev sd", "Remounting filesystem read-only"];

    private readonly Lock _gate = new();
    private readonly StringBuilder _tail = new();
    private GCHandle<ApplianceConsole> _self;
    private string? _diskError;

    /// <summary>The line in which the kernel reported the disk's first fault, or null.</summary>
    public string? DiskError
    {
        get
        {
            lock (_gate)
            {
                return _diskError;
            }
        }
    }

    /// <summary>The last text.</summary>
    public string Tail
    {
        get
        {
            lock (_gate)
            {
                return _tail.ToString();
            }
        }
    }

    /// <summary>Listens to a handle until it is closed.</summary>
    public void Attach(nint g)
    {
        _self = new GCHandle<ApplianceConsole>(this);
        _ = Libguestfs.SetEventCallback(
            g, &Receive, Libguestfs.EventAppliance | Libguestfs.EventLibrary | Libguestfs.EventWarning, 0, GCHandle<ApplianceConsole>.ToIntPtr(_self));
    }

    /// <summary>After the handle was closed.</summary>
    public void Dispose() => _self.Dispose();

    /// <summary>Takes the next piece of text, cut anywhere.</summary>
    internal void Add(string text)
    {
        lock (_gate)
        {
            _tail.Append(text);
            _diskError ??= FindDiskError(_tail.ToString());
            if (_tail.Length > Limit)
            {
                _tail.Remove(0, _tail.Length - Limit);
            }
        }
    }

    private static string? FindDiskError(string text)
    {
        // Complete lines only: the end of a line tells whether it was a discard, which any layer may refuse without harm.
        foreach (var line in text[..(text.LastIndexOf('\n') + 1)].Split('\n'))
        {
            if (Array.Exists(DiskErrors, sign => line.Contains(sign, StringComparison.Ordinal)) && !line.Contains("DISCARD", StringComparison.Ordinal))
            {
                return GuestText.Printable(line.Trim());
            }
        }

        return null;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Receive(nint g, nint opaque, ulong kind, int handle, int flags, byte* text, nuint length, ulong* numbers, nuint count)
    {
        try
        {
            GCHandle<ApplianceConsole>.FromIntPtr(opaque).Target.Add(GuestText.Decode(new ReadOnlySpan<byte>(text, (int)Math.Min(length, Limit))));
        }
#pragma warning disable CA1031 // An exception must not leave a callback from C.
        catch
        {
        }
#pragma warning restore CA1031
    }
}
