using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LocalCluster.Pods;

/// <summary>What the base library does not have.</summary>
internal static partial class Posix
{
    internal const int SigTerm = 15, SigKill = 9;
    private const int NoFollow = 0x20000, NonBlocking = 0x800, CloseOnExec = 0x80000, OpenPath = 0x200000;
    private const nint OpenAt2 = 437;

    /// <summary>Links lead nowhere above the folder (RESOLVE_IN_ROOT), and those of /proc nowhere (RESOLVE_NO_MAGICLINKS); openat2(2).</summary>
    private const ulong InRoot = 0x10 | 0x02;

    internal static bool IsRoot { get; } = EffectiveUser() == 0;

    /// <summary>Opens what is at a path below a folder, whatever links there are, to be named by <c>/proc/PID/fd</c>.</summary>
    /// <exception cref="IOException">There is nothing.</exception>
    internal static SafeFileHandle OpenBelow(string folder, string path)
    {
        using var root = Open(folder, OpenPath | CloseOnExec | NoFollow);
        var how = new How { Flags = OpenPath | CloseOnExec, Resolve = InRoot };
        var found = root.IsInvalid ? -1 : SystemCall(OpenAt2, root.DangerousGetHandle(), path, ref how, (nuint)Marshal.SizeOf<How>());
        return found >= 0 ? new SafeFileHandle(found, ownsHandle: true) : throw new IOException($"{folder}/{path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>The first bytes of a regular file, never through a link; null where there is none.</summary>
    internal static byte[]? ReadFile(string path, int most)
    {
        using var file = Open(path, NoFollow | NonBlocking | CloseOnExec);
        try
        {
            var bytes = file.IsInvalid ? null : new byte[Math.Min(RandomAccess.GetLength(file), most)];
            return bytes?[..RandomAccess.Read(file, bytes, 0)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Gives a file to a user, where we may.</summary>
    internal static void Give(string path, uint user)
    {
        if (IsRoot && ChangeOwner(path, user, user) != 0)
        {
            throw new IOException($"{path} can't be given to user {user}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Renames, also what is a link to a folder.</summary>
    internal static void Rename(string from, string to)
    {
        if (RenameFile(from, to) != 0)
        {
            throw new IOException($"{from} can't be renamed to {to}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Keeps what this process inherited (a pipe that somebody reads to its end) from those that it starts.</summary>
    internal static void KeepDescriptors() => _ = CloseRange(3, uint.MaxValue, 4);

    [LibraryImport("libc", EntryPoint = "close_range")]
    private static partial int CloseRange(uint first, uint last, int closeOnExec);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameFile(string from, string to);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint SystemCall(nint number, nint folder, string path, ref How how, nuint size);

    private struct How
    {
        internal ulong Flags;
        internal ulong Mode;
        internal ulong Resolve;
    }
}
