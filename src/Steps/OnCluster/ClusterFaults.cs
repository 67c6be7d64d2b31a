using Kubernetes;
using Kubernetes.Waiting;
using StepRuntime;

namespace Steps.OnCluster;

/// <summary>Turns a cluster's faults into a step's end; compiled into each step that works on a cluster.</summary>
internal static class ClusterFaults
{
    /// <summary>Whether a fault is a cluster's.</summary>
    public static bool IsKnown(Exception fault) => fault is KubernetesException or VolumeException;

    /// <summary>The step's error for a fault; null where it is none of a cluster.</summary>
    public static StepException? Explain(Exception fault) => fault switch
    {
        KubernetesException refused => new StepException(
            refused.Kind switch
            {
                KubernetesFault.Usage => ExitCode.BadInput,
                KubernetesFault.Denied or KubernetesFault.NotFound or KubernetesFault.AlreadyExists => ExitCode.Missing,
                KubernetesFault.Protocol => ExitCode.Integrity,
                _ => ExitCode.Transient,
            },
            refused.Subject,
            refused.Cause,
            refused.Next,
            refused),
        VolumeException volume => new StepException(
            volume.Kind switch
            {
                VolumeFault.Invalid or VolumeFault.NoConsumer => ExitCode.BadInput,
                VolumeFault.Quota or VolumeFault.SourceMissing or VolumeFault.SourceUnreachable or VolumeFault.Deleted => ExitCode.Missing,
                VolumeFault.Integrity or VolumeFault.Lost => ExitCode.Integrity,
                _ => ExitCode.Transient,
            },
            volume.Subject,
            volume.Cause,
            volume.Next,
            volume)
        {
            Details = volume.Details,
        },
        _ => null,
    };
}
