using System.Runtime.InteropServices;

namespace Guests.Engine;

/// <summary>The few calls of the C library that the base library does not offer.</summary>
internal static unsafe partial class Libc
{
    public const int SigKill = 9;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Fsync(SafeHandle file);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    /// <summary>Sets a variable of the C environment, which child processes of C libraries inherit; .NET keeps a copy of its own.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, FileInformation* information);

    /// <summary>statx(2) of a path, links followed or not; null when it cannot be had.</summary>
    public static FileInformation? Status(string path, bool followLinks = true)
    {
        const int here = -100, noFollow = 0x100;
        const uint basic = 0x7ff;
        FileInformation information;
        return Statx(here, path, followLinks ? 0 : noFollow, basic, &information) == 0 ? information : null;
    }
}

/// <summary><c>struct statx</c> (statx(2)), up to what is used; the rest is padding to its 256 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileInformation
{
    [FieldOffset(20)]
    public uint Uid;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(32)]
    public ulong Inode;

    [FieldOffset(40)]
    public ulong Size;

    /// <summary>Allocated, in units of 512 bytes whatever the filesystem.</summary>
    [FieldOffset(48)]
    public ulong Blocks;

    public readonly bool IsBlockDevice => (Mode & 0xF000) == 0x6000;

    public readonly bool IsRegularFile => (Mode & 0xF000) == 0x8000;

    public readonly bool IsDirectory => (Mode & 0xF000) == 0x4000;
}
