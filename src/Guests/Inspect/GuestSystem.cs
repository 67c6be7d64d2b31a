namespace Guests.Inspect;

/// <summary>The operating system that was found on a disk, and where it is mounted.</summary>
/// <param name="Id">os-release <c>ID</c> (<c>debian</c>, <c>rhel</c>), lower case; see os-release(5).</param>
/// <param name="IdLike">os-release <c>ID_LIKE</c>, split at blanks.</param>
/// <param name="VersionId">os-release <c>VERSION_ID</c>; empty on a rolling release.</param>
/// <param name="PrettyName">os-release <c>PRETTY_NAME</c>, control characters removed, at most 80 characters.</param>
/// <param name="Architecture">Machine of the guest's <c>/bin/sh</c> as uname(1) names it (<c>x86_64</c>, <c>aarch64</c>); empty when unknown.</param>
/// <param name="MountPoints">Every mounted filesystem, root first.</param>
public sealed record GuestSystem(
    string Id,
    IReadOnlyList<string> IdLike,
    string VersionId,
    string PrettyName,
    string Architecture,
    IReadOnlyList<string> MountPoints)
{
    /// <summary>Filesystems of the disk that are not mounted, and so neither sealed nor looked at; swap and LVM's members do not count.</summary>
    public IReadOnlyList<UnseenFilesystem> NotMounted { get; init; } = [];

    /// <summary>Whether the system is one of a family, by <c>ID</c> or <c>ID_LIKE</c>.</summary>
    public bool IsLike(string id) => Id == id || IdLike.Contains(id);
}

/// <summary>A filesystem, or what may hold one, that is not part of the mounted tree.</summary>
/// <param name="Device">As the appliance names it: <c>/dev/sda3</c>.</param>
/// <param name="Type">As blkid names it: <c>ext4</c>, <c>crypto_LUKS</c>.</param>
/// <param name="Reason">Why it is not mounted, in a few words.</param>
public sealed record UnseenFilesystem(string Device, string Type, string Reason);
