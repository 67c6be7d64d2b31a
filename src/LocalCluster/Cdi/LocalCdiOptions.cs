using Kubernetes;
using Kubernetes.Models;

namespace LocalCluster.Cdi;

/// <summary>How the local CDI behaves.</summary>
public sealed record LocalCdiOptions
{
    /// <summary>Works only in these namespaces, as if there were no others; null for all.</summary>
    public IReadOnlySet<string>? Namespaces { get; init; }

    /// <summary>How often a DataImportCron asks its registry, in place of its schedule; null for the schedule.</summary>
    public TimeSpan? PollInterval { get; init; }

    /// <summary>How clones are made where the class's StorageProfile does not say: <c>snapshot</c>, <c>csi-clone</c> or <c>copy</c>.</summary>
    public string CloneStrategy { get; init; } = "csi-clone";

    /// <summary>The part of a Filesystem claim that the file system itself takes (CDIConfig, filesystemOverhead).</summary>
    public double FilesystemOverhead { get; init; } = 0.06;

    /// <summary>Awaited in every phase of a DataVolume after it is shown and before its work begins; for tests that look or break in there.</summary>
    public Func<DataVolume, string, CancellationToken, Task> Hold { get; init; } = static (_, _, _) => Task.CompletedTask;

    /// <summary>The first pause after an import or clone failed; it doubles.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often progress is written.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a web server may send nothing (64 KiB at least).</summary>
    public TimeSpan StallLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many imports and copies run beside each other.</summary>
    public int Transfers { get; init; } = 2;

    /// <summary>Registries (host and port) that speak plain HTTP or have a certificate of their own; those on loopback are always taken so.</summary>
    public IReadOnlySet<string> InsecureRegistries { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Whether the admission webhook is served and registered.</summary>
    public bool Webhook { get; init; } = true;

    /// <summary>Whether objects go away with their owners and namespaces with their content; off where the cluster does it.</summary>
    public bool GarbageCollection { get; init; } = true;

    /// <summary>More kinds that own, are owned, or stand in namespaces.</summary>
    public IReadOnlyList<ResourceKind<AnyObject>> CollectedKinds { get; init; } =
    [
        Kubernetes.Kinds.Any("", "v1", "configmaps", "ConfigMap", true),
        Kubernetes.Kinds.Any("", "v1", "secrets", "Secret", true),
        Kubernetes.Kinds.Any("", "v1", "serviceaccounts", "ServiceAccount", true),
        Kubernetes.Kinds.Any("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
        Kubernetes.Kinds.Any("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
        Kubernetes.Kinds.Any("tekton.dev", "v1", "taskruns", "TaskRun", true),
        Kubernetes.Kinds.Any("tekton.dev", "v1", "pipelineruns", "PipelineRun", true),
    ];

    /// <summary>Takes lines.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}
