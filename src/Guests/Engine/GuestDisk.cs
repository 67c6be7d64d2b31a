using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Guests.Engine;

/// <summary>How the bytes of a disk are to be read; given by the user, never probed where a guest could have written them.</summary>
public enum DiskFormat
{
    /// <summary>The disk's bytes themselves.</summary>
    Raw,

    /// <summary>QEMU's copy-on-write format, version 2 or 3, alone: no backing file, no external data file.</summary>
    Qcow2,
}

/// <summary>A disk on this machine, looked at before anything is started on it.</summary>
public sealed class GuestDisk
{
    private const int Sector = 512;

    private GuestDisk(string path, DiskFormat format, bool isBlockDevice)
    {
        Path = path;
        Format = format;
        IsBlockDevice = isBlockDevice;
    }

    /// <summary>The image file or block device.</summary>
    public string Path { get; }

    /// <summary>Its format.</summary>
    public DiskFormat Format { get; }

    /// <summary>Whether it is a block device.</summary>
    public bool IsBlockDevice { get; }

    /// <summary>
    /// Bytes that the image takes on its filesystem (stat(2) blocks), or null for a block device, whose storage does not tell.
    /// </summary>
    public long? AllocatedBytes => IsBlockDevice ? null : (long?)Libc.Status(Path)?.Blocks * Sector;

    /// <summary>Bytes that the image's filesystem still has for us; null when unknown.</summary>
    public long? FreeBytesBelow
    {
        get
        {
            try
            {
                return IsBlockDevice ? null : new DriveInfo(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!).AvailableFreeSpace;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                return null;
            }
        }
    }

    /// <summary>
    /// Finds the disk at <paramref name="path"/> (a folder with <c>disk.img</c>, a file, or a block device) and looks at what
    /// would make a launch pointless: access, emptiness, truncation, a qcow2 file that reaches for other files.
    /// </summary>
    /// <exception cref="GuestException">With the fault, and what to do.</exception>
    public static GuestDisk Open(string path, DiskFormat format, bool forWriting)
    {
        if (Libc.Status(path) is { IsDirectory: true })
        {
            path = System.IO.Path.Combine(path, "disk.img");
        }

        // Looked at before it is opened: open(2) of a pipe waits for whoever is at its other end.
        var isDevice = Libc.Status(path) is { IsBlockDevice: true };
        if (Libc.Status(path) is { IsBlockDevice: false, IsRegularFile: false })
        {
            throw new GuestException(GuestFault.Access, path, "is neither a file nor a block device", "name a disk image, its folder, or a block device");
        }

        using var handle = OpenFile(path, forWriting);
        Span<byte> start = stackalloc byte[2 * Sector];
        int got;
        try
        {
            got = RandomAccess.Read(handle, start, 0);
        }
        catch (IOException e)
        {
            throw new GuestException(GuestFault.Integrity, path, $"cannot be read: {e.Message}", "check the volume", e);
        }

        var length = isDevice ? long.MaxValue : RandomAccess.GetLength(handle);
        if (got < start.Length)
        {
            throw new GuestException(GuestFault.Integrity, path, $"holds {length} bytes: not a disk", "make a new clone of the source");
        }

        if (format == DiskFormat.Qcow2)
        {
            Qcow2Header.Check(path, start);
        }
        else
        {
            CheckRaw(path, start, length);
        }

        return new GuestDisk(path, format, isDevice);
    }

    /// <summary>
    /// Brings what was written to stable storage: the appliance runs with <c>cache=unsafe</c>, which ignores its flushes.
    /// </summary>
    public void Flush()
    {
        using var handle = OpenFile(Path, forWriting: true);
        if (Libc.Fsync(handle) != 0)
        {
            var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage();
            throw new GuestException(GuestFault.Integrity, Path, $"its content could not be brought to storage: {error}", "start again from a new clone");
        }
    }

    private static SafeFileHandle OpenFile(string path, bool forWriting)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, forWriting ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GuestException(GuestFault.Access, path, "there is no such disk", "name a disk image, its folder, or a block device", e);
        }
        catch (UnauthorizedAccessException e)
        {
            var next = Libc.Status(path) is { IsBlockDevice: true }
                ? "let the container runtime give its devices to the pod's user (device_ownership_from_security_context)"
                : "run with fsGroup 107 in the pod's securityContext";
            throw new GuestException(GuestFault.Access, path, $"may not be opened for {(forWriting ? "writing" : "reading")} by uid {Libc.EffectiveUser()}", next, e);
        }
        catch (IOException e)
        {
            throw new GuestException(GuestFault.Access, path, $"cannot be opened: {e.Message}", "check the volume", e);
        }
    }

    /// <summary>A GPT (UEFI 2.10, 5.3.2) says in its header at sector 1 which sectors it uses: they must be there.</summary>
    private static void CheckRaw(string path, ReadOnlySpan<byte> start, long length)
    {
        if (start.StartsWith(Qcow2Header.Magic))
        {
            throw new GuestException(GuestFault.Input, path, "looks like qcow2, but raw was said", "give --disk-format=qcow2 if the file is yours, not a guest's");
        }

        var header = start[Sector..];
        if (!header.StartsWith("EFI PART"u8))
        {
            return;
        }

        var lastUsable = BinaryPrimitives.ReadUInt64LittleEndian(header[48..]);
        if (lastUsable >= (ulong)length / Sector)
        {
            throw new GuestException(
                GuestFault.Integrity, path,
                $"is truncated: its partition table reaches to sector {lastUsable}, the file has {length / Sector} sectors",
                "make a new clone of the source");
        }
    }
}
