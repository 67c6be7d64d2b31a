using Guests.Engine;

namespace Guests.Inspect;

/// <summary>
/// Finds the one operating system of a disk and mounts it, by a dozen cheap calls in place of libguestfs' own inspection,
/// which takes longer than the launch.
/// </summary>
public static class GuestInspector
{
    private const int MaximumDevices = 64, MaximumMounts = 16;

    private static readonly string[] LinuxTypes = ["ext2", "ext3", "ext4", "xfs", "btrfs"];
    private static readonly string[] MountableTypes = [.. LinuxTypes, "vfat"];

    /// <summary>What holds no files: swap, and the parts of a volume group, whose volumes are looked at themselves.</summary>
    private static readonly string[] FilelessTypes = ["swap", "LVM2_member"];
    private static readonly string[] BtrfsRoots = ["root", "@", "@rootfs"];
    private static readonly string[] OsReleaseFiles = ["/etc/os-release", "/usr/lib/os-release"];

    /// <summary>
    /// Mounts the guest's tree as its fstab(5) has it. Every kind of Linux that has os-release(5) on ext2/3/4, XFS or btrfs,
    /// on partitions, LVM or the whole disk.
    /// </summary>
    /// <exception cref="GuestException">
    /// <see cref="GuestFault.Unsupported"/>: none, or several; <see cref="GuestFault.Integrity"/>: a filesystem is corrupt.
    /// </exception>
    public static GuestSystem Mount(IGuest guest, bool readOnly, Action<string> log)
    {
        var filesystems = Filesystems(guest);
        var candidates = filesystems.Where(f => LinuxTypes.Contains(f.Type)).ToList();
        // With one candidate, the first mount can be the last.
        var stays = candidates.Count == 1 && candidates[0].Type != "btrfs";
        var roots = new List<Root>();
        GuestException? broken = null;
        foreach (var filesystem in candidates)
        {
            try
            {
                if (FindRoot(guest, filesystem, readOnly || !stays) is { } found)
                {
                    roots.Add(found);
                }
            }
            catch (GuestException e) when (e.Fault == GuestFault.Integrity)
            {
                broken ??= e;
            }

            if (!stays)
            {
                guest.UnmountAll();
            }
        }

        switch (roots)
        {
            case []:
                throw broken is not null
                    ? new GuestException(GuestFault.Integrity, broken.Subject, $"its filesystem cannot be mounted: {broken.Cause}", "make a new clone of the source", broken)
                    : new GuestException(GuestFault.Unsupported, "disk", $"no operating system was found ({Describe(filesystems)})", "name a disk with a Linux system on ext4, XFS or btrfs");
            case [var root]:
                if (!stays)
                {
                    guest.Mount(root.Filesystem.Device, "/", root.Filesystem.Type, readOnly, root.Options);
                }

                return MountTree(guest, root, filesystems, readOnly, log);
            default:
                var list = string.Join(", ", roots.Select(r => $"{r.Release.PrettyName} on {r.Filesystem.Device}"));
                throw new GuestException(GuestFault.Unsupported, "disk", $"holds {roots.Count} operating systems: {list}", "name a disk with one");
        }
    }

    private static List<GuestFilesystem> Filesystems(IGuest guest)
    {
        var partitions = guest.Partitions();
        var filesystems = new List<GuestFilesystem>();
        Look(partitions.Count > 0 ? partitions : guest.Devices());
        if (filesystems.Exists(f => f.Type == "LVM2_member"))
        {
            Look(guest.LogicalVolumes());
        }

        return filesystems;

        void Look(IReadOnlyList<string> devices)
        {
            if (filesystems.Count + devices.Count > MaximumDevices)
            {
                throw new GuestException(GuestFault.Unsupported, "disk", $"has more than {MaximumDevices} partitions and volumes");
            }

            foreach (var device in devices)
            {
                var type = guest.FilesystemType(device);
                if (type.Length > 0)
                {
                    filesystems.Add(new GuestFilesystem(
                        device, type, Once(() => guest.FilesystemUuid(device)), Once(() => guest.FilesystemLabel(device)), Once(() => guest.PartitionUuid(device)))
                    {
                        PartitionLabel = Once(() => guest.PartitionLabel(device)),
                    });
                }
            }
        }
    }

    private static Func<string> Once(Func<string> ask)
    {
        var answer = new Lazy<string>(ask, LazyThreadSafetyMode.None);
        return () => answer.Value;
    }

    private static string Describe(List<GuestFilesystem> filesystems) => filesystems.Count == 0
        ? "no filesystem at all"
        : string.Join(", ", filesystems.Take(8).Select(f => $"{f.Device}: {f.Type}"));

    /// <summary>Mounts a filesystem alone and looks for a system in it; leaves it mounted.</summary>
    private static Root? FindRoot(IGuest guest, GuestFilesystem filesystem, bool readOnly)
    {
        guest.Mount(filesystem.Device, "/", filesystem.Type, readOnly);
        if (ReadRelease(guest) is { } release)
        {
            return new Root(filesystem, "", release);
        }

        if (filesystem.Type != "btrfs")
        {
            return null;
        }

        foreach (var subvolume in BtrfsRoots.Where(name => guest.Stat($"/{name}/etc") is { Kind: GuestFileKind.Directory }))
        {
            guest.UnmountAll();
            var options = $"subvol={subvolume}";
            guest.Mount(filesystem.Device, "/", filesystem.Type, readOnly: true, options);
            if (ReadRelease(guest) is { } inside)
            {
                return new Root(filesystem, options, inside);
            }
        }

        return null;
    }

    private static OsRelease? ReadRelease(IGuest guest)
    {
        foreach (var path in OsReleaseFiles)
        {
            if (guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: <= 65536 })
            {
                return OsRelease.Parse(GuestText.Decode(guest.Read(path, 65536)));
            }
        }

        // /usr may be a filesystem of its own: the link is there, its target comes with the mount.
        return guest.Stat(OsReleaseFiles[0]) is { Kind: GuestFileKind.Link } && guest.Exists("/etc/fstab") ? OsRelease.Parse("") : null;
    }

    private static GuestSystem MountTree(IGuest guest, Root root, List<GuestFilesystem> filesystems, bool readOnly, Action<string> log)
    {
        var mounted = new List<string> { "/" };
        var seen = new HashSet<string> { root.Filesystem.Device };
        var reasons = new Dictionary<string, string>();
        var table = guest.StatTarget("/etc/fstab") is { Kind: GuestFileKind.File }
            ? Fstab.Parse(GuestText.Decode(guest.Read("/etc/fstab", 65536)))
            : [];
        // Also those with noauto: the guest's administrator mounts them when he needs them, with all that they hold.
        foreach (var entry in table.Where(entry => entry.MountPoint != "/"))
        {
            var wanted = entry.Type == "auto" || MountableTypes.Contains(entry.Type);
            if (!wanted || mounted.Contains(entry.MountPoint))
            {
                continue;
            }

            var place = GuestText.Printable(entry.MountPoint);
            if (DeviceNames.Resolve(entry.Device, filesystems) is not { } filesystem)
            {
                log($"{place}: {GuestText.Printable(entry.Device)} is not on this disk, left out");
            }
            else if (!MountableTypes.Contains(filesystem.Type))
            {
                reasons[filesystem.Device] = $"{place} cannot be mounted here";
            }
            else if (guest.StatTarget(entry.MountPoint) is not { Kind: GuestFileKind.Directory })
            {
                reasons[filesystem.Device] = $"its directory {place} is not there";
            }
            else if (mounted.Count == MaximumMounts)
            {
                throw new GuestException(GuestFault.Unsupported, "/etc/fstab", $"mounts more than {MaximumMounts} filesystems of this disk");
            }
            else
            {
                var subvolume = entry.Options.FirstOrDefault(option => filesystem.Type == "btrfs" && option.StartsWith("subvol", StringComparison.Ordinal)) ?? "";
                guest.Mount(filesystem.Device, entry.MountPoint, filesystem.Type, readOnly, subvolume);
                mounted.Add(entry.MountPoint);
                seen.Add(filesystem.Device);
            }
        }

        var release = ReadRelease(guest) ?? root.Release;
        var system = new GuestSystem(release.Id, release.IdLike, release.VersionId, release.PrettyName, Architecture(guest), mounted)
        {
            NotMounted =
            [
                .. filesystems.Where(f => !seen.Contains(f.Device) && !FilelessTypes.Contains(f.Type))
                    .Select(f => new UnseenFilesystem(f.Device, GuestText.Printable(f.Type, 40), reasons.GetValueOrDefault(f.Device, "/etc/fstab does not name it"))),
            ],
        };
        log($"found {system.PrettyName} ({(system.Architecture.Length > 0 ? system.Architecture : "unknown architecture")}) on {root.Filesystem.Device}");
        return system;
    }

    private static string Architecture(IGuest guest)
    {
        foreach (var program in (string[])["/bin/sh", "/usr/bin/env"])
        {
            if (guest.StatTarget(program) is { Kind: GuestFileKind.File } && ElfMachine.Of(guest.ReadStart(program, ElfMachine.HeaderBytes)) is { Length: > 0 } machine)
            {
                return machine;
            }
        }

        return "";
    }

    /// <summary>A filesystem with a system on it.</summary>
    private sealed record Root(GuestFilesystem Filesystem, string Options, OsRelease Release);
}
