using System.Runtime.InteropServices;

namespace Guests.Engine;

/// <summary>
/// The life of a libguestfs handle: launch, errors, cancellation, end. What can be asked of the guest is in the other half
/// of the class.
/// </summary>
internal sealed partial class LibguestfsGuest : IGuest
{
    private const int NoSuchFile = 2, NotADirectory = 20, NoSpaceLeft = 28, TooManyLinks = 40;

    private readonly SessionFolder _folder;
    private readonly GuestDisk _disk;
    private readonly bool _readOnly;
    private CancellationToken _cancellation;
    private readonly ApplianceConsole _console = new();
    private readonly Lock _closing = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly CancellationTokenRegistration _stop;
    private nint _handle;
    private bool _running;

    /// <summary>Takes the handle and the folder over.</summary>
    public LibguestfsGuest(nint handle, SessionFolder folder, GuestDisk disk, LaunchOptions options, CancellationToken cancellation)
    {
        _handle = handle;
        _folder = folder;
        _disk = disk;
        _cancellation = cancellation;
        _readOnly = options.ReadOnly;
        HasNetwork = options.Network;
        Libguestfs.SetErrorHandler(handle, 0, 0);
        _console.Attach(handle);
        _stop = cancellation.UnsafeRegister(static guest => _ = ((LibguestfsGuest)guest!).Stop(), this);
    }

    /// <inheritdoc/>
    public bool HasNetwork { get; }

    /// <summary>The handle, while it is open.</summary>
    public nint Handle
    {
        get
        {
            _cancellation.ThrowIfCancellationRequested();
            return _handle != 0 ? _handle : throw new ObjectDisposedException(nameof(IGuest));
        }
    }

    /// <summary>Starts the appliance; what does not come up within <paramref name="limit"/> is ended.</summary>
    public void Launch(TimeSpan limit)
    {
        var late = false;
        using var watchdog = new Timer(
            _ =>
            {
                Volatile.Write(ref late, true);
                KillHypervisors();
            },
            null, limit, TimeSpan.FromSeconds(1));
        var result = Libguestfs.Launch(Handle);
        var message = result == 0 ? "" : LastError(out _);
        watchdog.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (result != 0)
        {
            _cancellation.ThrowIfCancellationRequested();
            throw Volatile.Read(ref late)
                ? new GuestException(GuestFault.Launch, "appliance", $"it did not come up within {limit.TotalSeconds:F0} s", "try --accelerator=tcg, or a less busy node")
                : LaunchFault(message);
        }

        _running = true;
        foreach (var (_, commandLine) in _folder.Hypervisors())
        {
            // As root libguestfs puts its socket into /tmp, not into our folder.
            const string sign = "path=/tmp/libguestfs";
            var at = commandLine.IndexOf(sign, StringComparison.Ordinal);
            if (at >= 0 && commandLine.IndexOf('/', at + sign.Length) is var end and > 0)
            {
                _folder.Adopt(commandLine[(at + "path=".Length)..end]);
            }
        }
    }

    /// <inheritdoc/>
    public void Shutdown()
    {
        if (Libguestfs.Shutdown(Handle) != 0)
        {
            var message = LastError(out _);
            _cancellation.ThrowIfCancellationRequested();
            throw DiskFault() ?? new GuestException(
                GuestFault.Integrity, _disk.Path, $"the appliance ended badly: {message}", "start again from a new clone");
        }

        _running = false;
        _cancellation.ThrowIfCancellationRequested();
        if (DiskFault() is { } fault)
        {
            throw fault;
        }
    }

    /// <inheritdoc/>
    public void HoldCancellation()
    {
        _stop.Dispose();
        _cancellation.ThrowIfCancellationRequested();
        _cancellation = CancellationToken.None;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_closing)
        {
            if (_handle == 0)
            {
                return;
            }

            _closed.Cancel();
        }

        _stop.Dispose();
        if (_running)
        {
            // No orderly end was asked for: whatever QEMU is doing, it does not hold us up.
            KillHypervisors();
        }

        Libguestfs.Close(_handle);
        lock (_closing)
        {
            _handle = 0;
        }

        _console.Dispose();
        _folder.Dispose();
        _closed.Dispose();
    }

    /// <summary>Turns a result of -1 while the handle is set up into a fault.</summary>
    public void Require(int result)
    {
        if (result != 0)
        {
            throw new GuestException(GuestFault.Launch, "libguestfs", LastError(out _), "check its installation: libguestfs-test-tool");
        }
    }

    /// <summary>
    /// Ends whatever call is running: transfers by libguestfs' own way, everything else by QEMU's death. Goes on until the
    /// handle is closed, because QEMU may not have been started yet.
    /// </summary>
    private async Task Stop()
    {
        while (true)
        {
            lock (_closing)
            {
                if (_closed.IsCancellationRequested)
                {
                    return;
                }

                _ = Libguestfs.UserCancel(_handle);
                KillHypervisors();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void KillHypervisors()
    {
        foreach (var (pid, _) in _folder.Hypervisors())
        {
            _ = Libc.Kill(pid, Libc.SigKill);
        }
    }

    /// <summary>The last error on this thread, as one line; libguestfs keeps it only until the next one.</summary>
    private unsafe string LastError(out int errno)
    {
        errno = Libguestfs.LastErrno(_handle);
        var message = Libguestfs.LastError(_handle);
        return message is null ? "unknown error" : GuestText.Printable(Text(message).Trim(), 500);
    }

    private int Check(int result, string subject, GuestFault fault = GuestFault.Change) =>
        result == -1 ? throw Failure(subject, fault) : result;

    /// <summary>The exception for a call that has just failed on this thread.</summary>
    private Exception Failure(string subject, GuestFault fault)
    {
        var message = LastError(out var errno);
        var path = subject;
        subject = GuestText.Printable(subject);
        if (_cancellation.IsCancellationRequested)
        {
            return new OperationCanceledException(_cancellation);
        }

        if (DiskFault() is { } diskFault)
        {
            return diskFault;
        }

        if (errno == NoSpaceLeft || (IsWriteError(message) && IsFull(path)))
        {
            return new GuestException(GuestFault.Change, subject, $"the guest's filesystem is full ({message})", "clone into a larger volume, or add less");
        }

        if (message.Contains("appliance closed the connection", StringComparison.Ordinal) || message.Contains("appliance process", StringComparison.Ordinal))
        {
            return new GuestException(
                GuestFault.Integrity, _disk.Path, $"the appliance died while it worked on {subject}: the image is corrupt or hostile, or memory ran out",
                "give the step more memory, or make a new clone of a source that you trust");
        }

        return new GuestException(fault, subject, message);
    }

    /// <summary>Transfers tell that a write failed, but not why.</summary>
    private static bool IsWriteError(string message) =>
        message.Contains("write error", StringComparison.Ordinal) || message.Contains("Cannot write", StringComparison.Ordinal)
        || message.Contains("No space left", StringComparison.Ordinal);

    /// <summary>Whether the filesystem of a guest's path has no space to speak of, or no inode.</summary>
    private unsafe bool IsFull(string path)
    {
        var folder = path[..Math.Max(path.LastIndexOf('/'), 0)];
        var status = Libguestfs.Statvfs(_handle, folder.Length > 0 ? folder : "/");
        if (status is null)
        {
            return false;
        }

        var full = status->BlocksFree * status->BlockSize < 1 << 20 || status->FilesFree == 0;
        Libguestfs.FreeFilesystemStatus(status);
        return full;
    }

    /// <summary>What the kernel has said of the disk itself, if it has: then no later success is worth anything.</summary>
    private GuestException? DiskFault()
    {
        if (_console.DiskError is not { } line)
        {
            return null;
        }

        const long little = 16 << 20;
        if (_readOnly)
        {
            // Reads of a sound disk do not fail; writes go to an overlay in the temporary folder.
            return new GuestException(GuestFault.NoSpace, _folder.Path, $"the disk or its overlay fails ({line})", "give the temporary folder more space, and check the volume");
        }

        return line.Contains("space allocation", StringComparison.Ordinal) || _disk.FreeBytesBelow < little
            ? new GuestException(GuestFault.NoSpace, _disk.Path, $"its volume is full ({line})", "make the volume larger and start again from a new clone")
            : new GuestException(GuestFault.Integrity, _disk.Path, $"the disk fails ({line})", "check the volume, and start again from a new clone");
    }

    private GuestException LaunchFault(string message)
    {
        var console = _console.Tail;
        if (console.Contains("\"write\" lock", StringComparison.Ordinal) || console.Contains("\"consistent read\" lock", StringComparison.Ordinal)
            || console.Contains("shared \"", StringComparison.Ordinal))
        {
            return new GuestException(GuestFault.Access, _disk.Path, "is in use by another process", "stop the virtual machine or step that has it");
        }

        var last = console.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .LastOrDefault(line => line.Contains("qemu", StringComparison.OrdinalIgnoreCase) || line.Contains("error", StringComparison.OrdinalIgnoreCase)
                || line.Contains("panic", StringComparison.Ordinal));
        // libguestfs' message goes on for lines with advice for its developers.
        var cause = last is null ? message.Split("\\n")[0] : $"it did not start: {GuestText.Printable(last)}";
        if (message.Contains("No space left", StringComparison.Ordinal))
        {
            return new GuestException(GuestFault.NoSpace, _folder.Path, cause, "give the temporary folder more space");
        }

        return new GuestException(GuestFault.Launch, "appliance", cause, "try --accelerator=tcg, and more --memory");
    }

    private static unsafe string Text(byte* text) => GuestText.Decode(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    /// <summary>Copies and frees a string that the caller owns; null is the error.</summary>
    private unsafe string Take(byte* text, string subject, GuestFault fault = GuestFault.Change)
    {
        if (text is null)
        {
            throw Failure(subject, fault);
        }

        try
        {
            return Text(text);
        }
        finally
        {
            NativeMemory.Free(text);
        }
    }

    /// <summary>Copies and frees a list of strings that the caller owns; null is the error.</summary>
    private unsafe List<string> Take(byte** list, string subject, GuestFault fault = GuestFault.Change)
    {
        if (list is null)
        {
            throw Failure(subject, fault);
        }

        var texts = new List<string>();
        for (var item = list; *item is not null; item++)
        {
            texts.Add(Text(*item));
            NativeMemory.Free(*item);
        }

        NativeMemory.Free(list);
        return texts;
    }
}
