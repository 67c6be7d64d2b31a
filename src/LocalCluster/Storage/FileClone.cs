using System.Runtime.InteropServices;
using Disks;
using Microsoft.Win32.SafeHandles;

namespace LocalCluster.Storage;

/// <summary>Copies disk files without reading what is not there: by reflink where the file system has it, else by their allocated ranges.</summary>
internal static partial class FileClone
{
    private const nuint Ficlone = 0x40049409;
    private const int CloseOnExec = 0x80000;
    private const int DoNotBlock = 0x800;
    private const int ByHandle = 0x1000;
    private const uint Regular = 0x8000;
    private static readonly int NoFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    /// <summary>Copies a raw disk to a new file of the same or a larger length; the file has its name only when it is complete.</summary>
    /// <param name="from">The disk.</param>
    /// <param name="to">The path of the copy; what is there is replaced.</param>
    /// <param name="length">The copy's bytes.</param>
    /// <param name="progress">Is told bytes done and bytes in all.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="DiskException">It can't be read or written.</exception>
    internal static void Copy(string from, string to, long length, Action<long, long> progress, CancellationToken cancellation)
    {
        // By the handle: what has the name a moment later may lead elsewhere.
        using var source = Open(from);
        using var disk = new RawDisk($"/proc/self/fd/{source.DangerousGetHandle()}");
        if (TryReflink(source, to, length))
        {
            progress(1, 1);
            return;
        }

        using var target = new RawTarget(to, Math.Max(length, disk.Length), overwrite: true);
        var total = disk.AllocatedExtents().Sum(extent => extent.Length);
        DiskImport.Copy(disk, new CountedTarget(target, total, progress), cancellation);
        target.Complete();
    }

    /// <summary>Opens a regular file that whoever fills the volume may have put there: never what a link in its place leads to (open(2), O_NOFOLLOW).</summary>
    /// <exception cref="DiskException">It is not there, or no regular file.</exception>
    internal static SafeFileHandle Open(string path, bool write = false)
    {
        var file = OpenFile(path, (write ? 2 : 0) | NoFollow | CloseOnExec | DoNotBlock);
        if (file.IsInvalid)
        {
            var error = Marshal.GetLastPInvokeError();
            file.Dispose();
            throw new DiskException(error == 2 ? DiskFault.Missing : DiskFault.Denied, path, $"{Marshal.GetPInvokeErrorMessage(error)} (a link is not followed)", "check the volume");
        }

        // statx(2): the kind of file is in the upper bits of stx_mode.
        Span<byte> answer = stackalloc byte[256];
        if (Status(file, "", ByHandle, 1, answer) != 0 || (BitConverter.ToUInt16(answer[28..]) & 0xF000) != Regular)
        {
            file.Dispose();
            throw new DiskException(DiskFault.Denied, path, "it is no regular file", "check the volume");
        }

        return file;
    }

    /// <summary>Gives a file to qemu's user, where this process may (only root may).</summary>
    internal static void GiveToQemu(SafeFileHandle file)
    {
        if (Environment.IsPrivilegedProcess)
        {
            _ = ChangeOwner(file, 107, 107);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        }
    }

    /// <summary>Shares the bytes with the original until one of them is written (ioctl_ficlone(2)); false where that can't be.</summary>
    private static bool TryReflink(SafeFileHandle source, string to, long length)
    {
        var partial = to + ".partial";
        try
        {
            using (var target = File.OpenHandle(partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None))
            {
                GiveToQemu(target);
                if (Control(target, Ficlone, (int)source.DangerousGetHandle()) != 0)
                {
                    return false;
                }

                RandomAccess.SetLength(target, Math.Max(length, RandomAccess.GetLength(target)));
                RandomAccess.FlushToDisk(target);
            }

            File.Move(partial, to, overwrite: true);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new DiskException(DiskFault.Denied, to, fault.Message, "check the state folder", fault);
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, int argument);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(SafeFileHandle file, uint owner, uint group);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(SafeFileHandle file, string path, int flags, uint mask, Span<byte> answer);
}

/// <summary>Tells how much of a disk is written.</summary>
internal sealed class CountedTarget(RawTarget target, long total, Action<long, long> progress) : IRawTarget
{
    private long _done;

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        target.Write(offset, bytes);
        _done += bytes.Length;
        progress(_done, total);
    }
}
