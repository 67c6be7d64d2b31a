namespace Kubernetes.Models;

/// <summary>A snapshot of a claim (snapshot.storage.k8s.io/v1).</summary>
public sealed class VolumeSnapshot : KubernetesObject
{
    /// <summary>Of what.</summary>
    public VolumeSnapshotSpec Spec { get; set; } = new();

    /// <summary>Whether it is there.</summary>
    public VolumeSnapshotStatus? Status { get; set; }
}

/// <summary>Of what a snapshot is.</summary>
public sealed class VolumeSnapshotSpec : OpenObject
{
    /// <summary>The claim, or a content.</summary>
    public VolumeSnapshotSource Source { get; set; } = new();

    /// <summary>The class; the default one without it.</summary>
    public string? VolumeSnapshotClassName { get; set; }
}

/// <summary>Of what a snapshot is: one of the two.</summary>
public sealed class VolumeSnapshotSource : OpenObject
{
    /// <summary>A claim of the same namespace.</summary>
    public string? PersistentVolumeClaimName { get; set; }

    /// <summary>A content that is there already.</summary>
    public string? VolumeSnapshotContentName { get; set; }
}

/// <summary>Whether a snapshot is there.</summary>
public sealed class VolumeSnapshotStatus : OpenObject
{
    /// <summary>Whether volumes can be made from it.</summary>
    public bool? ReadyToUse { get; set; }

    /// <summary>The least size of such a volume.</summary>
    public string? RestoreSize { get; set; }

    /// <summary>What went wrong.</summary>
    public VolumeSnapshotError? Error { get; set; }
}

/// <summary>What went wrong with a snapshot.</summary>
public sealed class VolumeSnapshotError : OpenObject
{
    /// <summary>As a sentence.</summary>
    public string? Message { get; set; }
}
