using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Disks;

/// <summary>The few calls of libc that .NET does not offer.</summary>
internal static partial class Posix
{
    private const int SeekEnd = 2;
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int NoSuchAddress = 6;
    private const int WouldBlock = 11;
    private const int InvalidArgument = 22;
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;
    private const int CloseOnExec = 0x80000;
    private const int KeepSize = 1;
    private const int ZeroRange = 16;

    /// <summary>
    /// The length of an open file or block device (lseek(2) SEEK_END: fstat(2) says 0 for a device).
    /// </summary>
    internal static long Length(SafeFileHandle file, string subject)
    {
        var length = Seek(file, 0, SeekEnd);
        return length >= 0
            ? length
            : throw new DiskException(DiskFault.Usage, subject, "it is neither a file nor a block device", "give a disk image or a device");
    }

    /// <summary>
    /// The next allocated range at or after an offset (lseek(2) SEEK_DATA, SEEK_HOLE); null after the last.
    /// A file system that cannot tell answers with the rest of the file.
    /// </summary>
    internal static Extent? NextData(SafeFileHandle file, long from, long length)
    {
        if (from >= length)
        {
            return null;
        }

        var start = Seek(file, from, SeekData);
        if (start < 0)
        {
            return Marshal.GetLastPInvokeError() == NoSuchAddress ? null : new Extent(from, length - from);
        }

        if (start >= length)
        {
            return null;
        }

        var end = Seek(file, start, SeekHole);
        return new Extent(start, Math.Min(end < 0 ? length : end, length) - start);
    }

    /// <summary>Whether a path is a block device, true, or a file, false; null where nothing is.</summary>
    /// <exception cref="DiskException">It is something else, or may not be looked at.</exception>
    internal static bool? IsBlockDevice(string path)
    {
        const int currentFolder = -100;
        const uint typeOnly = 1;
        const int modeAt = 28;

        // statx(2): a layout that is the same on every architecture, unlike that of stat(2).
        Span<byte> answer = stackalloc byte[256];
        if (Status(currentFolder, path, 0, typeOnly, answer) != 0)
        {
            return Marshal.GetLastPInvokeError() switch
            {
                2 or 20 => null,
                13 => throw DiskException.From(new UnauthorizedAccessException(), path),
                var other => throw DiskException.From(new IOException(Marshal.GetPInvokeErrorMessage(other)), path),
            };
        }

        return (MemoryMarshal.Read<ushort>(answer[modeAt..]) & 0xF000) switch
        {
            0x8000 => false,
            0x6000 => true,
            0x4000 => throw new DiskException(DiskFault.Usage, path, "it is a folder", "name a file or a block device"),
            _ => throw new DiskException(DiskFault.Usage, path, "it is neither a file nor a block device", "name a file or a block device"),
        };
    }

    /// <summary>Makes a whole device read as zeros without writing them (fallocate(2)); false where it cannot.</summary>
    internal static bool TryZero(SafeFileHandle file, long length) =>
        Allocate(file, KeepSize | ZeroRange, 0, length) == 0;

    /// <summary>ENOSPC or EDQUOT, as .NET carries an errno: in the low word of HResult or as it is.</summary>
    internal static bool IsNoSpace(Exception error) =>
        (error.HResult & 0xFFFF) is NoSpace or QuotaExceeded or 0x70 or 0x27;

    /// <summary>EWOULDBLOCK: another process has the file open for itself (flock(2)).</summary>
    internal static bool IsLocked(IOException error) => (error.HResult & 0xFFFF) == WouldBlock;

    /// <summary>Makes a folder's names durable (fsync(2): a rename is not, until its folder is).</summary>
    internal static void FlushFolder(string folder)
    {
        var file = OpenPath(folder, CloseOnExec);
        if (file < 0)
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        }

        var failed = Flush(file) != 0 ? Marshal.GetLastPInvokeError() : 0;
        _ = Close(file);

        // Some network file systems have no such call for folders.
        if (failed is not (0 or InvalidArgument))
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(failed), failed);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint mask, Span<byte> answer);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);
}
