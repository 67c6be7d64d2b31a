namespace Guests.Engine;

/// <summary>
/// One disk in one running appliance: everything that Inspect, Customize and Seal may ask of it. It is the seam between
/// them and the engine, so that another engine can take libguestfs' place.
/// </summary>
/// <remarks>
/// Calls may come from any thread and are carried out one after the other. Guest paths are absolute, separated by '/', and
/// resolved inside the guest's root: a guest's absolute symbolic link never leads into the appliance.
/// Everything that is read is the guest's bytes, hostile until checked. Every call throws <see cref="GuestException"/>.
/// </remarks>
public interface IGuest : IDisposable
{
    /// <summary>Partitions by device name (<c>/dev/sda1</c>), in the disk's order.</summary>
    IReadOnlyList<string> Partitions();

    /// <summary>LVM logical volumes (<c>/dev/VG/LV</c>).</summary>
    IReadOnlyList<string> LogicalVolumes();

    /// <summary>Filesystem type as blkid names it (<c>ext4</c>, <c>vfat</c>, <c>LVM2_member</c>); empty when there is none.</summary>
    string FilesystemType(string device);

    /// <summary>Filesystem UUID; empty when there is none.</summary>
    string FilesystemUuid(string device);

    /// <summary>Filesystem label; empty when there is none.</summary>
    string FilesystemLabel(string device);

    /// <summary>A partition's UUID in its table (fstab's <c>PARTUUID=</c>); empty when there is none.</summary>
    string PartitionUuid(string device);

    /// <summary>A partition's name in its GPT (fstab's <c>PARTLABEL=</c>); empty when there is none.</summary>
    string PartitionLabel(string device);

    /// <summary>Whole disks; the one that was opened is the only one.</summary>
    IReadOnlyList<string> Devices();

    /// <summary>
    /// Mounts with the type forced (never the kernel's choice) and <c>nosuid,nodev</c>, and the further
    /// <paramref name="options"/> (separated by commas) if there are.
    /// </summary>
    void Mount(string device, string mountPoint, string filesystemType, bool readOnly, string options = "");

    /// <summary>Unmounts everything; the disk stays open.</summary>
    void UnmountAll();

    /// <summary>What stands at <paramref name="path"/> itself (links are not followed), or null.</summary>
    GuestFile? Stat(string path);

    /// <summary>Whether something stands at <paramref name="path"/>, links followed.</summary>
    bool Exists(string path);

    /// <summary>What stands where <paramref name="path"/> leads, links followed, or null.</summary>
    GuestFile? StatTarget(string path);

    /// <summary>
    /// Where <paramref name="path"/> leads inside the guest: absolute, without links; null when that does not exist.
    /// </summary>
    string? RealPath(string path);

    /// <summary>A link's target as it is written in the link.</summary>
    string ReadLink(string path);

    /// <summary>A whole file; <see cref="GuestFault.TooLarge"/> when it has more than <paramref name="limit"/> bytes.</summary>
    byte[] Read(string path, int limit = 1 << 20);

    /// <summary>At most <paramref name="count"/> (up to 1 MiB) first bytes of a regular file, however large it is.</summary>
    byte[] ReadStart(string path, int count);

    /// <summary>The names in a directory, without <c>.</c> and <c>..</c>; empty when it is absent.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Paths that match a shell pattern (<c>*</c>, <c>?</c>, <c>[]</c>, not <c>**</c>); empty when none does.</summary>
    IReadOnlyList<string> Glob(string pattern);

    /// <summary>Every path below a directory, absolute; empty when it is absent.</summary>
    IReadOnlyList<string> Find(string directory);

    /// <summary>Replaces a file's content, or makes it (mode 0644, root). Links are followed.</summary>
    void Write(string path, ReadOnlySpan<byte> content);

    /// <summary>Sends a local file's content. Links are followed.</summary>
    void Upload(string localPath, string path);

    /// <summary>
    /// Unpacks a local uncompressed tar below a directory, with owners, modes, links and extended attributes. An entry for
    /// a directory that exists changes its owner and mode: leave such entries out. Name entries by <see cref="RealPath"/>:
    /// the unpacking itself follows a link in an entry's folders, and an absolute one leads out of the guest.
    /// </summary>
    void ExtractTar(string localTar, string directory);

    /// <summary>Makes a directory and its missing parents (0755, root).</summary>
    void MakeDirectories(string path);

    /// <summary>Removes a file or link (not a directory); no fault when it is absent.</summary>
    void RemoveFile(string path);

    /// <summary>Removes whatever stands there, a directory with its content; no fault when it is absent.</summary>
    void RemoveTree(string path);

    /// <summary>Renames.</summary>
    void Move(string from, string to);

    /// <summary>Copies a file or a tree inside the guest, with its attributes.</summary>
    void Copy(string from, string to);

    /// <summary>Makes a symbolic link, in place of one that is there.</summary>
    void Link(string target, string link);

    /// <summary>Sets the permission bits (0 to 07777).</summary>
    void ChangeMode(string path, int mode);

    /// <summary>Sets owner and group; a link itself, not its target.</summary>
    void ChangeOwner(string path, int uid, int gid);

    /// <summary>Sets a file's size to 0.</summary>
    void Truncate(string path);

    /// <summary>Makes an empty file, or sets the times of one that is there.</summary>
    void Touch(string path);

    /// <summary>Mode, owner and extended attributes of one file onto another.</summary>
    void CopyAttributes(string from, string to);

    /// <summary>
    /// Runs a script with the guest's <c>/bin/sh</c>, in its root, and gives its standard output. A failing script is
    /// <see cref="GuestFault.Command"/> with its standard error as the message.
    /// </summary>
    string RunScript(string script);

    /// <summary>Gives a mounted filesystem's free blocks back to the disk (FITRIM).</summary>
    void Trim(string mountPoint);

    /// <summary>Overwrites a mounted filesystem's free blocks with zeros, for as long as there are any; the disk's storage grows by them.</summary>
    void ZeroFreeSpace(string mountPoint);

    /// <summary>
    /// From now on cancellation ends no call: for the few short ones after which the disk is complete. Throws, and changes
    /// nothing, when it has come already.
    /// </summary>
    /// <exception cref="OperationCanceledException">It has come already.</exception>
    void HoldCancellation();

    /// <summary>Flushes the guest's filesystems to the disk.</summary>
    void Sync();

    /// <summary>
    /// Ends the appliance in good order. When it returns, everything that was written is on the disk's storage; without it,
    /// <see cref="IDisposable.Dispose"/> stops the appliance wherever it is.
    /// </summary>
    void Shutdown();

    /// <summary>Whether the guest's network is on (package managers need it).</summary>
    bool HasNetwork { get; }
}

/// <summary>What kind of thing a path is.</summary>
public enum GuestFileKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A device, socket or pipe.</summary>
    Other,
}

/// <summary>What lstat(2) says of a guest's path.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">Permission bits, 0 to 07777.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="Size">Bytes.</param>
public sealed record GuestFile(GuestFileKind Kind, int Mode, int Uid, int Gid, long Size);
