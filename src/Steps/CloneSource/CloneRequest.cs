using Steps.OnCluster.Sources;

namespace Steps.CloneSource;

/// <summary>What is to be cloned, and into what.</summary>
internal sealed record CloneRequest
{
    /// <summary>An object of the cluster; this or <see cref="Url"/>.</summary>
    internal SourceRequest? Source { get; init; }

    /// <summary>A container disk (<c>docker://</c>) or a disk image on a web server.</summary>
    internal string? Url { get; init; }

    /// <summary>Secret with the credentials for the address; in the target's namespace.</summary>
    internal string? UrlSecret { get; init; }

    /// <summary>ConfigMap with the certificate authorities of the address; in the target's namespace.</summary>
    internal string? UrlAuthorities { get; init; }

    /// <summary>The volume's name.</summary>
    internal required string TargetName { get; init; }

    /// <summary>The volume's namespace.</summary>
    internal required string TargetNamespace { get; init; }

    /// <summary>The storage class; CDI's choice without it.</summary>
    internal string? StorageClass { get; init; }

    /// <summary>The size as a quantity; the source's without it.</summary>
    internal string? Size { get; init; }

    /// <summary>The access mode; the storage profile's without it.</summary>
    internal string? AccessMode { get; init; }

    /// <summary>The volume mode; the source's without it.</summary>
    internal string? VolumeMode { get; init; }

    /// <summary>The PipelineRun that the volume goes away with.</summary>
    internal string? OwnerName { get; init; }

    /// <summary>Its uid.</summary>
    internal string? OwnerUid { get; init; }

    /// <summary>The source as a user named it.</summary>
    internal string From => Source?.ToString() ?? Url!;

    /// <summary>The volume, for messages.</summary>
    internal string Target => $"DataVolume {TargetNamespace}/{TargetName}";

    /// <summary>All that shapes the volume, as one line: the same request finds its own volume by it.</summary>
    internal string Fingerprint => string.Join(
        "; ",
        new (string Name, string? Value)[]
        {
            ("from", From), ("architecture", Source?.Architecture), ("storage-class", StorageClass), ("size", Size), ("access-mode", AccessMode), ("volume-mode", VolumeMode),
        }.Where(part => !string.IsNullOrEmpty(part.Value)).Select(part => $"{part.Name} {part.Value}"));
}
