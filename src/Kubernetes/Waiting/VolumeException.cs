namespace Kubernetes.Waiting;

/// <summary>Why a volume will not become ready.</summary>
public enum VolumeFault
{
    /// <summary>What was asked for can't be: too small, of the wrong content, no such storage class.</summary>
    Invalid,

    /// <summary>A quota is exhausted.</summary>
    Quota,

    /// <summary>The source is not there.</summary>
    SourceMissing,

    /// <summary>The source can't be fetched: the image can't be pulled, the server refuses.</summary>
    SourceUnreachable,

    /// <summary>Nothing consumes the claim of a class that waits for its first consumer.</summary>
    NoConsumer,

    /// <summary>The worker's pod can't be placed.</summary>
    Unschedulable,

    /// <summary>The content is not what its checksum says.</summary>
    Integrity,

    /// <summary>The claim has lost its volume.</summary>
    Lost,

    /// <summary>The volume was deleted while it was waited for.</summary>
    Deleted,

    /// <summary>CDI reports an error that stays.</summary>
    Failed,
}

/// <summary>A volume will not become ready.</summary>
/// <param name="kind">Why.</param>
/// <param name="subject">The volume: <c>DataVolume team-a/fedora</c>.</param>
/// <param name="cause">Why, in CDI's words or ours.</param>
/// <param name="next">What to do.</param>
/// <param name="details">What stands in its conditions and events, a line each.</param>
public sealed class VolumeException(VolumeFault kind, string subject, string cause, string next, IReadOnlyList<string> details)
    : Exception($"{subject}: {cause}; {next}")
{
    /// <summary>Why.</summary>
    public VolumeFault Kind { get; } = kind;

    /// <summary>The volume.</summary>
    public string Subject { get; } = subject;

    /// <summary>Why, in words.</summary>
    public string Cause { get; } = cause;

    /// <summary>What to do.</summary>
    public string Next { get; } = next;

    /// <summary>What stands in its conditions and events, a line each.</summary>
    public IReadOnlyList<string> Details { get; } = details;
}
