using Lab;
using Lab.ApiServers;

namespace Benchmarks;

/// <summary>From the start of a program to the API server's answer: a volume that is not there is to be deleted.</summary>
public sealed class ClusterBenchmark : IBenchmark
{
    private static readonly Dictionary<string, string> Plain = [];
    private readonly KubeApiServer server = Start();
    private readonly string kubeconfig;

    /// <summary>Starts the server; one answer warms it.</summary>
    public ClusterBenchmark()
    {
        kubeconfig = server.Kubeconfig();
        Run(ours: false);
    }

    /// <inheritdoc/>
    public string Title => "start, ask an API server, end";

    /// <inheritdoc/>
    public string Ours => "discard-volume of an absent volume";

    /// <inheritdoc/>
    public string Theirs => "kubectl delete pvc --ignore-not-found";

    /// <inheritdoc/>
    public int DefaultRuns => 15;

    /// <inheritdoc/>
    public int SecondsPerRun => 1;

    /// <inheritdoc/>
    public (Cost Cost, long ResultBytes) Run(bool ours)
    {
        var cost = ours
            ? Meter.Run(Plain, Repository.Step("discard-volume"), "--volume-name=absent", "--volume-namespace=default", $"--kubeconfig={kubeconfig}")
            : Meter.Run(Plain, "kubectl", $"--kubeconfig={kubeconfig}", "--namespace=default", "delete", "pvc", "absent", "--ignore-not-found");
        return (cost, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => server.Dispose();

    /// <summary>What is missing on this machine for it; empty when nothing is.</summary>
    internal static string Missing =>
        ApiServerAssets.Find(ApiServerAssets.Kinds[^1]) is { Folder: null, Missing: var missing } ? missing
        : ApiServerAssets.Schemas is null ? "the schemas of CDI are not beside the repository" : "";

    private static KubeApiServer Start() => StartAsync().GetAwaiter().GetResult();

    private static async Task<KubeApiServer> StartAsync()
    {
        var kind = ApiServerAssets.Kinds[^1];
        var started = await KubeApiServer.StartAsync(kind, ApiServerAssets.Find(kind).Folder!);
        await started.InstallCrdsAsync(ApiServerAssets.Schemas!, "cdi", "snapshot");
        return started;
    }
}
