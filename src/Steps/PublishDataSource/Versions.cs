using GoldenImages;
using Kubernetes;
using Kubernetes.Models;

namespace Steps.PublishDataSource;

/// <summary>Reads the versions of a DataSource off the cluster's objects.</summary>
internal static class Versions
{
    /// <summary>Selects the versions of a DataSource.</summary>
    public static string Selector(string dataSource) => $"{Names.DataSource}={LabelValue.Of(dataSource)}";

    /// <summary>
    /// Whether a claim is deleted with its DataVolume. Where that is gone, the garbage collector has yet to come: an old CDI that removes
    /// DataVolumes whose work is done takes itself off the claim's owners first (datavolume/garbagecollect.go), and that claim stays.
    /// </summary>
    public static bool GoesWithItsDataVolume(PersistentVolumeClaim claim) => claim.Metadata.OwnerReferences?.Exists(owner => owner.Kind == "DataVolume") == true;

    /// <summary>The versions among some objects, those that are being deleted left out.</summary>
    public static IReadOnlyList<VersionVolume> Among(string dataSource, IEnumerable<DataVolume> volumes, IEnumerable<PersistentVolumeClaim> claims)
    {
        var byName = claims.ToDictionary(claim => claim.Metadata.Name!, StringComparer.Ordinal);
        var found = volumes
            .Where(volume => IsOf(volume.Metadata, dataSource))
            .Select(volume => new VersionVolume(volume, byName.GetValueOrDefault(volume.Metadata.Name!)))
            .ToList();
        var known = found.Select(version => version.Name).ToHashSet(StringComparer.Ordinal);
        found.AddRange(byName.Values.Where(claim => IsOf(claim.Metadata, dataSource) && !known.Contains(claim.Metadata.Name!) && !GoesWithItsDataVolume(claim)).Select(claim => new VersionVolume(null, claim)));
        return [.. found.Where(version => version.Metadata.DeletionTimestamp is null)];
    }

    /// <summary>Why a version can't be used; null when all its content is there.</summary>
    public static string? WhyIncomplete(DataVolume? volume, PersistentVolumeClaim? claim) => (volume, claim) switch
    {
        ({ Metadata.DeletionTimestamp: not null }, _) or (_, { Metadata.DeletionTimestamp: not null }) => "it is being deleted",
        (null, { } left) when GoesWithItsDataVolume(left) => "its DataVolume was deleted, and it goes, too",
        ({ Status.Phase: not "Succeeded" }, _) or ({ Status: null }, _) => $"its DataVolume is {volume.Status?.Phase ?? "new"}, not Succeeded",
        (_, null) => "its claim is gone",
        (_, { IsBound: false }) => $"its claim is {claim.Status?.Phase ?? "new"}, not Bound",
        _ => null,
    };

    /// <summary>As the domain judges it.</summary>
    /// <param name="version">The version.</param>
    /// <param name="shown">The DataSource; null while it does not matter which one is current.</param>
    /// <param name="now">The time.</param>
    /// <param name="inUse">Who reads it.</param>
    public static ImageVersion Judged(VersionVolume version, DataSource? shown, DateTimeOffset now, string? inUse = null)
    {
        var meta = version.Metadata;
        var created = meta.CreationTimestamp ?? now;
        var published = Timestamp.Parse(meta.Annotation(Names.PublishedAt));
        var touched = Timestamp.Parse(meta.Annotation(Names.Touched));
        var state = version.State;
        if (state == VersionState.Publishing && WasPublished(version, shown) && now - (touched ?? created) >= Retention.PublishingTime)
        {
            // Its publication died after the flip, or a rollback before it: it is as good as any.
            state = VersionState.Published;
        }
        else if (state == VersionState.Publishing && version.DataVolume is null && touched is null)
        {
            // CDI copied the annotation to the claim, and the DataVolume, which knew better, is gone.
            state = VersionState.Unknown;
        }

        return new ImageVersion(version.Name, state, state == VersionState.Publishing && touched > created ? touched.Value : created)
        {
            PublishedAt = published,
            IsCurrent = Pointer.IsAt(shown, version.Name),
            InUse = inUse,
            Incomplete = WhyIncomplete(version.DataVolume, version.Claim),
            ResourceVersion = meta.ResourceVersion,
            Uid = meta.Uid,
        };
    }

    /// <summary>Whether the DataSource has pointed to it, whatever its state says.</summary>
    public static bool WasPublished(VersionVolume version, DataSource? shown) =>
        version.Metadata.Annotation(Names.PublishedAt) is not null || version.Name == shown?.Metadata.Annotation(Names.Previous);

    private static bool IsOf(ObjectMeta meta, string dataSource) =>
        meta.Label(Names.DataSource) == LabelValue.Of(dataSource) && (meta.Annotation(Names.DataSource) ?? dataSource) == dataSource;
}
