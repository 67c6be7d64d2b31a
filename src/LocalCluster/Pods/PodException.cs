namespace LocalCluster.Pods;

/// <summary>Why a pod or container can't run.</summary>
/// <param name="reason">As one word.</param>
/// <param name="message">As a sentence: what, why, what to do.</param>
/// <param name="passes">Whether it may pass by itself: the pod waits.</param>
internal sealed class PodException(string reason, string message, bool passes = false) : Exception(message)
{
    internal string Reason => reason;

    internal bool Passes => passes;

    /// <summary>A volume is not there yet.</summary>
    internal static PodException Missing(string message) => new("FailedMount", message, passes: true);

    /// <summary>The pod asks for what there is not.</summary>
    internal static PodException Refused(string message) => new("Refused", message);
}
