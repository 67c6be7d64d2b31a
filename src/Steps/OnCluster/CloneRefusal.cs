using Kubernetes;
using Kubernetes.Client;
using StepRuntime;

namespace Steps.OnCluster;

/// <summary>
/// CDI asks whether the one who makes a clone may read the source's namespace (<c>datavolumes/source</c>), and says so in words only.
/// Compiled into each step that clones.
/// </summary>
internal static class CloneRefusal
{
    /// <summary>Whether a fault is that refusal.</summary>
    internal static bool Is(KubernetesException fault) =>
        fault.Kind is KubernetesFault.Usage or KubernetesFault.Denied && fault.Cause.Contains("insufficient permissions in clone source namespace", StringComparison.Ordinal);

    /// <summary>The step's error for it.</summary>
    /// <param name="fault">The refusal.</param>
    /// <param name="target">The volume that was to be made, for the message.</param>
    /// <param name="sourceNamespace">Where the permission is missing.</param>
    /// <param name="step">The step, which the permission is to be given to.</param>
    internal static StepException Explain(KubernetesException fault, string target, string? sourceNamespace, string step) => new(
        ExitCode.Missing, target, fault.Cause, $"let this ServiceAccount create datavolumes/source in namespace {sourceNamespace} (rbac.yaml of {step})", fault);
}
