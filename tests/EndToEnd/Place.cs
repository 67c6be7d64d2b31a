using Lab;

namespace EndToEnd;

/// <summary>Where a run works: which cluster, which registry, and where its outcome lies.</summary>
public sealed record Place
{
    /// <summary>What <c>make golden-image</c> uses, one of each in a checkout.</summary>
    public static Place Checkout { get; } = new();

    /// <summary>Folder of the outcome.</summary>
    public string Outcome { get; init; } = Path.Combine(Repository.Artifacts, "golden-image");

    /// <summary>Folder of the registry on this machine.</summary>
    public string Registry { get; init; } = Path.Combine(Repository.Artifacts, "registry");

    /// <summary>Folder of the local cluster's state.</summary>
    public string Cluster { get; init; } = Path.Combine(Repository.Artifacts, "local-cluster");

    /// <summary>Further options of <c>local-cluster up</c>.</summary>
    public IReadOnlyList<string> ClusterOptions { get; init; } = [];

    /// <summary>The administrator's kubeconfig, where it is not the local cluster's own.</summary>
    public string? OtherKubeconfig { get; init; }

    /// <summary>The administrator's kubeconfig.</summary>
    public string Kubeconfig => OtherKubeconfig ?? Path.Combine(Cluster, "kubeconfig");

    /// <summary>The golden disk, as it came back from the registry.</summary>
    public string Qcow2 => Path.Combine(Outcome, "disk.qcow2");

    /// <summary>What the golden machine said on its console.</summary>
    public string Console => Path.Combine(Outcome, "console.log");

    /// <summary>The golden run's summary.</summary>
    public string SummaryFile => Path.Combine(Outcome, "summary.json");

    /// <summary>The console of the last failed run, if it came to its boot.</summary>
    public string FailedConsole => Path.Combine(Outcome, "failed", "console.log");

    /// <summary>The executable that <c>make local-cluster</c> builds.</summary>
    public static string LocalCluster => Path.Combine(Repository.Artifacts, "local-cluster", "bin", "local-cluster");

    /// <summary>A file of the checkout, as short as it can be told from here.</summary>
    public static string InCheckout(params string[] path) => Terminal.Short(Path.Combine([Repository.Root, .. path]));

    /// <summary>Where the disk of a persistent volume is.</summary>
    public string Disk(string persistentVolume) => Path.Combine(Cluster, "cdi", "volumes", persistentVolume, "disk.img");
}
