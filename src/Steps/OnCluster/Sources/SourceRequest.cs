using GoldenImages;
using Kubernetes.Models;

namespace Steps.OnCluster.Sources;

/// <summary>A source as the user names it.</summary>
/// <param name="Kind">One of the kinds below.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Architecture">Which of a DataSource's architectures; null for the one that it points to.</param>
internal sealed record SourceRequest(string Kind, string Namespace, string Name, string? Architecture)
{
    internal const string DataSource = "DataSource", PersistentVolumeClaim = "PersistentVolumeClaim", VolumeSnapshot = "VolumeSnapshot";

    /// <summary>As messages call it.</summary>
    public override string ToString() => $"{Kind} {Namespace}/{Name}";
}

/// <summary>A source that can no longer change under our hands: a claim or a snapshot, as it was read.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Claim">The claim; this or the snapshot.</param>
/// <param name="Snapshot">The snapshot.</param>
/// <param name="DataSource">The DataSource that led to it, if one did.</param>
internal sealed record PinnedSource(string Namespace, string Name, PersistentVolumeClaim? Claim, VolumeSnapshot? Snapshot, DataSource? DataSource)
{
    internal string Kind => Claim is null ? SourceRequest.VolumeSnapshot : SourceRequest.PersistentVolumeClaim;

    /// <summary>What its labels recommend. A DataSource's go before the volume's, as in KubeVirt's inference.</summary>
    internal VolumeHints Hints => VolumeHints.FromLabels(DataSource?.Metadata.Labels).Over(VolumeHints.FromLabels(Meta.Labels));

    internal ObjectMeta Meta => Claim?.Metadata ?? Snapshot!.Metadata;

    /// <summary>As messages call it.</summary>
    public override string ToString() => $"{Kind} {Namespace}/{Name}";
}
