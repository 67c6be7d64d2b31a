namespace GoldenImages;

/// <summary>How far a version's publication got.</summary>
public enum VersionState
{
    /// <summary>Its annotation is missing or none of ours.</summary>
    Unknown,

    /// <summary><see cref="Names.PublishingState"/></summary>
    Publishing,

    /// <summary><see cref="Names.PublishedState"/></summary>
    Published,
}

/// <summary>A volume that is, was, or is to be what a DataSource points to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">Annotation <see cref="Names.State"/>.</param>
/// <param name="CreatedAt">Its <c>metadata.creationTimestamp</c>.</param>
public sealed record ImageVersion(string Name, VersionState State, DateTimeOffset CreatedAt)
{
    /// <summary>Annotation <see cref="Names.PublishedAt"/>; null when it was never published.</summary>
    public DateTimeOffset? PublishedAt { get; init; }

    /// <summary>Whether the DataSource points to it.</summary>
    public bool IsCurrent { get; init; }

    /// <summary>Who reads it now (<c>DataVolume team/vm-1 is cloned from it</c>); null when nobody does.</summary>
    public string? InUse { get; init; }

    /// <summary>Why it cannot be used (not Succeeded, not Bound, being deleted); null when it is complete.</summary>
    public string? Incomplete { get; init; }

    /// <summary>Its <c>metadata.resourceVersion</c>, for a deletion that fails when it has changed since.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Its <c>metadata.uid</c>, for a deletion that never meets another of the same name.</summary>
    public string? Uid { get; init; }

    /// <summary>Newest first: by publication, else creation; names decide where times are equal, so that the order is always the same.</summary>
    internal static IComparer<ImageVersion> NewestFirst { get; } = Comparer<ImageVersion>.Create((a, b) =>
        b.Since != a.Since ? b.Since.CompareTo(a.Since) : string.CompareOrdinal(b.Name, a.Name));

    internal DateTimeOffset Since => PublishedAt ?? CreatedAt;

    /// <summary>The state that an annotation says.</summary>
    public static VersionState StateOf(string? annotation) => annotation switch
    {
        Names.PublishedState => VersionState.Published,
        Names.PublishingState => VersionState.Publishing,
        _ => VersionState.Unknown,
    };
}
