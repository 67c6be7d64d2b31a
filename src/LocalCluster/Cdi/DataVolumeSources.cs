using Kubernetes.Models;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>Where a DataVolume's content comes from, references followed.</summary>
/// <param name="Source">The source.</param>
/// <param name="Claim">The claim, of a clone.</param>
/// <param name="Snapshot">The snapshot, of a clone of one.</param>
/// <param name="Labels">The source's labels, of which some go to what is made of it.</param>
internal sealed record ResolvedSource(
    DataVolumeSource Source, PersistentVolumeClaim? Claim, VolumeSnapshot? Snapshot, IReadOnlyDictionary<string, string>? Labels)
{
    /// <summary>Whether a claim or a snapshot is cloned.</summary>
    internal bool IsClone => Claim is not null || Snapshot is not null;

    /// <summary>The bytes that the source has as a volume; null where it is none.</summary>
    internal long? Size => VolumeSize.Parse(Claim is not null
        ? Claim.Status?.Capacity?.GetValueOrDefault("storage") ?? Claim.Spec.Resources?.Requests?.GetValueOrDefault("storage")
        : Snapshot?.Status?.RestoreSize);
}

/// <summary>Finds sources, through DataSources too (CDI, populateSourceIfSourceRef).</summary>
internal sealed class DataVolumeSources(CdiWorld world)
{
    /// <summary>The source; or what to show while there is none.</summary>
    internal (ResolvedSource? Source, DataVolumeView? Problem) Resolve(DataVolume dataVolume)
    {
        var meta = dataVolume.Metadata;
        var source = dataVolume.Spec.Source;
        Dictionary<string, string>? labels = null;
        if (dataVolume.Spec.SourceRef is { } reference)
        {
            var dataSource = Follow(world, world.DataSources.Find(reference.Namespace ?? meta.Namespace, reference.Name));
            labels = dataSource?.Metadata.Labels;
            source = dataSource?.Spec.Source is { } found ? new DataVolumeSource { Pvc = found.Pvc, Snapshot = found.Snapshot } : null;
        }

        if ((source?.Pvc ?? source?.Snapshot) is { Namespace: { } from } cloned && from != meta.Namespace
            && meta.Annotation(CdiNames.CloneToken) is var token
            && (token is null ? world.IsAdmissionReviewed : token != Admission.CloneAuthorization.Token(cloned, source!.Pvc is null)))
        {
            var fault = token is null ? "clone token missing" : $"invalid token: it is for {token}, the source is {cloned} now";
            return (null, new DataVolumeView { Phase = "Pending", Running = new("False", "Error", $"{fault}; make the DataVolume again") });
        }

        if (source?.Pvc is { } pvc)
        {
            var claim = world.Claims.Find(pvc.Namespace, pvc.Name ?? "");
            return claim is null ? (null, Missing(meta, "pvc", pvc)) : (new(source, claim, null, Merge(labels, claim.Metadata.Labels)), null);
        }

        if (source?.Snapshot is { } name)
        {
            var snapshot = world.Snapshots.Find(name.Namespace, name.Name ?? "");
            return snapshot is null ? (null, Missing(meta, "snapshot", name)) : (new(source, null, snapshot, Merge(labels, snapshot.Metadata.Labels)), null);
        }

        return source is { Http: not null } or { Registry: not null } or { Blank: not null } or { Upload: not null }
            ? (new(source, null, null, labels), null)
            : (null, new DataVolumeView { Running = DataVolumeView.Idle });
    }

    /// <summary>Whether a DataVolume has something as its source.</summary>
    internal bool Refers(DataVolume dataVolume, string kind, string inNamespace, string name)
    {
        if (dataVolume.Spec.SourceRef is { } reference)
        {
            var space = reference.Namespace ?? dataVolume.Metadata.Namespace;
            return kind == "DataSource" ? space == inNamespace : Resolves(world.DataSources.Find(space, reference.Name));
        }

        return Is(dataVolume.Spec.Source?.Pvc, "PersistentVolumeClaim") || Is(dataVolume.Spec.Source?.Snapshot, "VolumeSnapshot");

        bool Resolves(DataSource? dataSource) =>
            Follow(world, dataSource)?.Spec.Source is { } source && (Is(source.Pvc, "PersistentVolumeClaim") || Is(source.Snapshot, "VolumeSnapshot"));

        bool Is(NamespacedName? one, string itsKind) => one is not null && kind == itsKind && one.Namespace == inNamespace && one.Name == name;
    }

    /// <summary>The DataSource that another one points at: one step, in the same namespace.</summary>
    internal static DataSource? Follow(CdiWorld world, DataSource? dataSource) =>
        dataSource?.Spec.Source.DataSource is { } pointer ? world.DataSources.Find(dataSource.Metadata.Namespace, pointer.Name ?? "") : dataSource;

    private static Dictionary<string, string> Merge(Dictionary<string, string>? first, Dictionary<string, string>? second) =>
        new((first ?? []).Concat((second ?? []).Where(pair => first?.ContainsKey(pair.Key) != true)), StringComparer.Ordinal);

    private static DataVolumeView Missing(ObjectMeta meta, string kind, NamespacedName source) => new()
    {
        // Across namespaces the token is made first, in phase Pending.
        Phase = source.Namespace == meta.Namespace ? null : "Pending",
        Bound = new("False", "CloneWithoutSource", $"The source {kind} {source.Name} doesn't exist"),
        Running = DataVolumeView.Idle,
    };
}
