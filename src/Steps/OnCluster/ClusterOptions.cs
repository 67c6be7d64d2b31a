using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using StepRuntime.Options;
using StepRuntime.Output;

namespace Steps.OnCluster;

/// <summary>Which cluster a step works on; compiled into each step that works on one.</summary>
internal static class ClusterOptions
{
    /// <summary>A kubeconfig.</summary>
    internal static readonly StepOption<string> Kubeconfig = StepOption.Text(
        "kubeconfig", "The kubeconfig to use. Without it KUBECONFIG, then the pod's ServiceAccount, then ~/.kube/config.");

    /// <summary>A context of it.</summary>
    internal static readonly StepOption<string> Context = StepOption.Text("context", "The context of the kubeconfig; the current one without it.");

    /// <summary>Both.</summary>
    internal static IReadOnlyList<StepOption> All => [Kubeconfig, Context];

    /// <summary>Where the cluster is and who asks, from the options or the surroundings.</summary>
    internal static ClusterAccess Access(StepInput input)
    {
        try
        {
            return ClusterConfig.Load(input.Get(Kubeconfig), input.Get(Context));
        }
        catch (KubernetesException fault)
        {
            throw ClusterFaults.Explain(fault)!;
        }
    }

    /// <summary>A client of it that logs.</summary>
    internal static KubernetesClient Connect(ClusterAccess access, string step, StepLog log) =>
        new(access, new ClientOptions { UserAgent = $"golden-image-tasks/{step}", FieldManager = step, Log = log.Verbose });
}
