using GoldenImages;
using Kubernetes.Client;

namespace Steps.PublishDataSource;

/// <summary>What is to be published, and where.</summary>
internal sealed record PublishRequest
{
    /// <summary>The DataSource.</summary>
    public required string DataSource { get; init; }

    /// <summary>Its namespace, where the versions are, too.</summary>
    public required string Namespace { get; init; }

    /// <summary>The sealed working volume; empty for a rollback.</summary>
    public string VolumeName { get; init; } = "";

    /// <summary>Its namespace.</summary>
    public string VolumeNamespace { get; init; } = "";

    /// <summary>The versions' storage class; the working volume's when empty.</summary>
    public string StorageClass { get; init; } = "";

    /// <summary>How many versions stay.</summary>
    public int Keep { get; init; } = Retention.DefaultKeep;

    /// <summary>What machines of the image get by default; the working volume's labels where empty.</summary>
    public VolumeHints Hints { get; init; } = VolumeHints.None;

    /// <summary>Annotations that say what the image was made from; the working volume's where empty.</summary>
    public IReadOnlyDictionary<string, string> Provenance { get; init; } = new Dictionary<string, string>();

    /// <summary>Publishes although somebody else manages the DataSource, or it points to something newer.</summary>
    public bool Force { get; init; }
}

/// <summary>What the publisher works with.</summary>
/// <param name="Client">The cluster.</param>
/// <param name="Time">The clock.</param>
/// <param name="Info">Takes what happens.</param>
/// <param name="Warn">Takes what a user should look at.</param>
internal sealed record Workshop(KubernetesClient Client, TimeProvider Time, Action<string> Info, Action<string> Warn);

/// <summary>How it ended.</summary>
/// <param name="Volume">The volume that the DataSource points to.</param>
/// <param name="Previous">The one before it; empty for none.</param>
internal sealed record PublishOutcome(string Volume, string Previous);
