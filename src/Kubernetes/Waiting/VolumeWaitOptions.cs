using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>How a volume is waited for.</summary>
public sealed record VolumeWaitOptions
{
    /// <summary>How long an error that may recover is borne before it is reported.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes what is worth a line: a new phase, a warning.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>Takes the progress in percent, 0 to 100; null while CDI can't tell. It may go back, and 100 does not mean done.</summary>
    public Action<double?> Progress { get; init; } = static _ => { };

    /// <summary>
    /// Takes, when the wait is cancelled (the deadline, a signal), where the volume stood then, a line each: phase, conditions, what the
    /// claim says, events. Asking the cluster for it takes two requests and at most three seconds; without it nothing is asked.
    /// </summary>
    public Action<IReadOnlyList<string>>? LastState { get; init; }
}

/// <summary>A volume that is there with all its content.</summary>
/// <param name="DataVolume">Its DataVolume; null where an old CDI has removed it after the work.</param>
/// <param name="Claim">Its claim, Bound.</param>
public sealed record ReadyVolume(DataVolume? DataVolume, PersistentVolumeClaim Claim);
