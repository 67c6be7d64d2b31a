using System.Text.RegularExpressions;

namespace Guests.Inspect;

/// <summary>One filesystem of the disk.</summary>
/// <param name="Device">As the appliance names it: <c>/dev/sda1</c>, <c>/dev/VG/LV</c>.</param>
/// <param name="Type">As blkid names it.</param>
/// <param name="Uuid">Its UUID, or empty.</param>
/// <param name="Label">Its label, or empty.</param>
/// <param name="PartitionUuid">The UUID of its partition, or empty; asked for only when it is needed.</param>
public sealed record GuestFilesystem(string Device, string Type, Func<string> Uuid, Func<string> Label, Func<string> PartitionUuid)
{
    /// <summary>The name of its partition in a GPT, or empty; asked for only when it is needed.</summary>
    public Func<string> PartitionLabel { get; init; } = () => "";
}

/// <summary>Finds what a guest's name of a device means among the disk's filesystems.</summary>
public static partial class DeviceNames
{
    /// <summary>The filesystem that <paramref name="name"/> means, or null when it is not on this disk.</summary>
    public static GuestFilesystem? Resolve(string name, IReadOnlyList<GuestFilesystem> filesystems)
    {
        if (After(name, "UUID=", "/dev/disk/by-uuid/") is { } uuid)
        {
            return filesystems.FirstOrDefault(f => Same(f.Uuid(), uuid));
        }

        if (After(name, "LABEL=", "/dev/disk/by-label/") is { } label)
        {
            return filesystems.FirstOrDefault(f => f.Label() == label && label.Length > 0);
        }

        if (After(name, "PARTUUID=", "/dev/disk/by-partuuid/") is { } partition)
        {
            return filesystems.FirstOrDefault(f => Same(f.PartitionUuid(), partition));
        }

        if (After(name, "PARTLABEL=", "/dev/disk/by-partlabel/") is { } partitionLabel)
        {
            return filesystems.FirstOrDefault(f => f.PartitionLabel() == partitionLabel && partitionLabel.Length > 0);
        }

        if (After(name, "/dev/mapper/") is { } mapper)
        {
            // Device mapper doubles the hyphens of both names and puts one between them.
            return filesystems.FirstOrDefault(f => f.Device.Split('/') is ["", "dev", var group, var volume]
                && $"{group.Replace("-", "--", StringComparison.Ordinal)}-{volume.Replace("-", "--", StringComparison.Ordinal)}" == mapper);
        }

        var number = Partition().Match(name);
        return number.Success
            ? filesystems.FirstOrDefault(f => Partition().Match(f.Device) is { Success: true } own
                && own.Groups["number"].ValueSpan.SequenceEqual(number.Groups["number"].ValueSpan))
            : filesystems.FirstOrDefault(f => f.Device == name);
    }

    private static string? After(string name, params ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return name[prefix.Length..];
            }
        }

        return null;
    }

    private static bool Same(string one, string other) => one.Length > 0 && string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    /// <summary>The first disk of each driver: a guest that knows its disk as vda finds it in the appliance as sda.</summary>
    [GeneratedRegex("^/dev/(?:sda|vda|hda|xvda|nvme0n1p|mmcblk0p)(?<number>[0-9]{1,3})$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Partition();
}
