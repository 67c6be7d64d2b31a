using System.Runtime.InteropServices;

namespace Guests.Engine;

/// <summary>
/// The part of libguestfs' C API that the engine uses (guestfs(3); the ABI of libguestfs.so.0 is stable). Functions with
/// optional arguments are variadic in C, so their <c>_argv</c> twins are bound: a pointer to a structure that starts with a
/// mask of the members set, or null.
/// </summary>
internal static unsafe partial class Libguestfs
{
    private const string Library = "libguestfs.so.0";

    /// <summary><c>GUESTFS_CREATE_NO_ENVIRONMENT | GUESTFS_CREATE_NO_CLOSE_ON_EXIT</c>: nothing but our settings count, and
    /// no exit handler runs against a runtime that is going down.</summary>
    public const uint CreateFlags = 3;

    public const ulong EventAppliance = 0x10;
    public const ulong EventLibrary = 0x20;
    public const ulong EventWarning = 0x200;

    [LibraryImport(Library, EntryPoint = "guestfs_create_flags")]
    public static partial nint Create(uint flags);

    [LibraryImport(Library, EntryPoint = "guestfs_close")]
    public static partial void Close(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_shutdown")]
    public static partial int Shutdown(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_last_error")]
    public static partial byte* LastError(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_last_errno")]
    public static partial int LastErrno(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_set_error_handler")]
    public static partial void SetErrorHandler(nint g, nint callback, nint opaque);

    [LibraryImport(Library, EntryPoint = "guestfs_set_event_callback")]
    public static partial int SetEventCallback(
        nint g, delegate* unmanaged[Cdecl]<nint, nint, ulong, int, int, byte*, nuint, ulong*, nuint, void> callback, ulong events, int flags, nint opaque);

    [LibraryImport(Library, EntryPoint = "guestfs_user_cancel")]
    public static partial int UserCancel(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_parse_environment_list")]
    public static partial int ParseEnvironmentList(nint g, byte** environment);

    [LibraryImport(Library, EntryPoint = "guestfs_set_backend", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int SetBackend(nint g, string backend);

    [LibraryImport(Library, EntryPoint = "guestfs_set_backend_settings")]
    public static partial int SetBackendSettings(nint g, byte** settings);

    [LibraryImport(Library, EntryPoint = "guestfs_set_path", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int SetPath(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_set_hv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int SetHypervisor(nint g, string program);

    [LibraryImport(Library, EntryPoint = "guestfs_set_tmpdir", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int SetTmpdir(nint g, string folder);

    [LibraryImport(Library, EntryPoint = "guestfs_set_cachedir", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int SetCachedir(nint g, string folder);

    [LibraryImport(Library, EntryPoint = "guestfs_set_memsize")]
    public static partial int SetMemsize(nint g, int mebibytes);

    [LibraryImport(Library, EntryPoint = "guestfs_set_smp")]
    public static partial int SetSmp(nint g, int cpus);

    [LibraryImport(Library, EntryPoint = "guestfs_set_network")]
    public static partial int SetNetwork(nint g, int on);

    [LibraryImport(Library, EntryPoint = "guestfs_set_pgroup")]
    public static partial int SetPgroup(nint g, int on);

    [LibraryImport(Library, EntryPoint = "guestfs_config", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Config(nint g, string parameter, string value);

    [LibraryImport(Library, EntryPoint = "guestfs_add_drive_opts_argv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int AddDrive(nint g, string file, AddDriveOptions* options);

    [LibraryImport(Library, EntryPoint = "guestfs_launch")]
    public static partial int Launch(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_list_devices")]
    public static partial byte** ListDevices(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_list_partitions")]
    public static partial byte** ListPartitions(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_lvs")]
    public static partial byte** LogicalVolumes(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_vfs_type", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* VfsType(nint g, string device);

    [LibraryImport(Library, EntryPoint = "guestfs_vfs_uuid", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* VfsUuid(nint g, string device);

    [LibraryImport(Library, EntryPoint = "guestfs_vfs_label", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* VfsLabel(nint g, string device);

    [LibraryImport(Library, EntryPoint = "guestfs_blkid", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte** Blkid(nint g, string device);

    [LibraryImport(Library, EntryPoint = "guestfs_mount_vfs", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int MountVfs(nint g, string options, string type, string device, string mountPoint);

    [LibraryImport(Library, EntryPoint = "guestfs_umount_all")]
    public static partial int UmountAll(nint g);

    [LibraryImport(Library, EntryPoint = "guestfs_lstatns", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial FileStatus* Lstat(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_statns", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial FileStatus* Stat(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_free_statns")]
    public static partial void FreeStatus(FileStatus* status);

    [LibraryImport(Library, EntryPoint = "guestfs_readlink", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* ReadLink(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_realpath", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* RealPath(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_read_file", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* ReadFile(nint g, string path, nuint* size);

    [LibraryImport(Library, EntryPoint = "guestfs_pread", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* Pread(nint g, string path, int count, long offset, nuint* size);

    [LibraryImport(Library, EntryPoint = "guestfs_ls0", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Ls0(nint g, string directory, string localFile);

    [LibraryImport(Library, EntryPoint = "guestfs_find0", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Find0(nint g, string directory, string localFile);

    [LibraryImport(Library, EntryPoint = "guestfs_glob_expand_opts_argv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte** GlobExpand(nint g, string pattern, GlobOptions* options);

    [LibraryImport(Library, EntryPoint = "guestfs_write", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Write(nint g, string path, byte* content, nuint size);

    [LibraryImport(Library, EntryPoint = "guestfs_upload", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Upload(nint g, string localFile, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_tar_in_opts_argv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int TarIn(nint g, string localTar, string directory, TarInOptions* options);

    [LibraryImport(Library, EntryPoint = "guestfs_mkdir_p", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int MkdirP(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_rm_f", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int RmF(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_rm_rf", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int RmRf(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_rmdir", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Rmdir(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_mv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Mv(nint g, string from, string to);

    [LibraryImport(Library, EntryPoint = "guestfs_cp_a", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int CpA(nint g, string from, string to);

    [LibraryImport(Library, EntryPoint = "guestfs_ln_sf", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int LnSf(nint g, string target, string link);

    [LibraryImport(Library, EntryPoint = "guestfs_chmod", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Chmod(nint g, int mode, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_lchown", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Lchown(nint g, int uid, int gid, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_truncate", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Truncate(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_touch", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Touch(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_copy_attributes_argv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int CopyAttributes(nint g, string from, string to, CopyAttributesOptions* options);

    [LibraryImport(Library, EntryPoint = "guestfs_sh", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial byte* Sh(nint g, string script);

    [LibraryImport(Library, EntryPoint = "guestfs_fstrim_argv", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int Fstrim(nint g, string mountPoint, nint options);

    [LibraryImport(Library, EntryPoint = "guestfs_zero_free_space", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial int ZeroFreeSpace(nint g, string mountPoint);

    [LibraryImport(Library, EntryPoint = "guestfs_statvfs", StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(GuestTextMarshaller))]
    public static partial FilesystemStatus* Statvfs(nint g, string path);

    [LibraryImport(Library, EntryPoint = "guestfs_free_statvfs")]
    public static partial void FreeFilesystemStatus(FilesystemStatus* status);

    [LibraryImport(Library, EntryPoint = "guestfs_sync")]
    public static partial int Sync(nint g);
}

/// <summary><c>struct guestfs_add_drive_opts_argv</c>; bit N of the mask says that member N is set.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AddDriveOptions
{
    public const ulong ReadOnlyBit = 1 << 0, FormatBit = 1 << 1, CachemodeBit = 1 << 9, DiscardBit = 1 << 10;

    public ulong Mask;
    public int ReadOnly;
    public byte* Format;
    public byte* Iface;
    public byte* Name;
    public byte* Label;
    public byte* Protocol;
    public byte** Server;
    public byte* Username;
    public byte* Secret;
    public byte* Cachemode;
    public byte* Discard;
    public int CopyOnRead;
    public int BlockSize;
}

/// <summary><c>struct guestfs_glob_expand_opts_argv</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GlobOptions
{
    public ulong Mask;
    public int DirectorySlash;
}

/// <summary><c>struct guestfs_tar_in_opts_argv</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TarInOptions
{
    public ulong Mask;
    public byte* Compress;
    public int Xattrs;
    public int Selinux;
    public int Acls;
}

/// <summary><c>struct guestfs_copy_attributes_argv</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CopyAttributesOptions
{
    public ulong Mask;
    public int All;
    public int Mode;
    public int XAttributes;
    public int Ownership;
}

/// <summary><c>struct guestfs_statns</c>: stat(2) of a guest's path.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileStatus
{
    public long Device, Inode, Mode, Links, Uid, Gid, Rdev, Size, BlockSize, Blocks;
    public long AccessSeconds, AccessNanoseconds, ModifySeconds, ModifyNanoseconds, ChangeSeconds, ChangeNanoseconds;
    public long Spare1, Spare2, Spare3, Spare4, Spare5, Spare6;
}

/// <summary><c>struct guestfs_statvfs</c>: statvfs(3) of a guest's filesystem.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilesystemStatus
{
    public long BlockSize, FragmentSize, Blocks, BlocksFree, BlocksAvailable, Files, FilesFree, FilesAvailable, Id, Flags, LongestName;
}
