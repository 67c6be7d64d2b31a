using Lab;
using Lab.ApiServers;

namespace Benchmarks;

/// <summary>
/// From the start of a program to the API server's answer: a volume that is not there is to be deleted. As in a pod, with the
/// ServiceAccount's token and certificate authority at their place.
/// </summary>
public sealed class ClusterBenchmark : IBenchmark
{
    private const string Mounted = "/run/secrets/kubernetes.io/serviceaccount";
    private readonly KubeApiServer server = Start();
    private readonly Scratch scratch = new();
    private readonly Dictionary<string, string> environment;

    /// <summary>Starts the server; one answer warms it.</summary>
    public ClusterBenchmark()
    {
        var url = new Uri(server.Url);
        environment = new() { ["KUBERNETES_SERVICE_HOST"] = url.Host, ["KUBERNETES_SERVICE_PORT"] = $"{url.Port}", ["HOME"] = "/run", ["KUBECONFIG"] = "" };
        scratch.File("token", server.AdminToken);
        scratch.File("namespace", "default");
        scratch.File("ca.crt", File.ReadAllText(server.CaFile));
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
            ? InPod(Repository.Step("discard-volume"), "--volume-name=absent", "--volume-namespace=default")
            : InPod("kubectl", "--namespace=default", "delete", "pvc", "absent", "--ignore-not-found");
        return (cost, 0);
    }

    private Cost InPod(string program, params string[] arguments) => Meter.Run(
        environment, "bwrap", ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run", "--ro-bind", scratch.Folder, Mounted, "--", program, .. arguments]);

    /// <inheritdoc/>
    public void Dispose()
    {
        server.Dispose();
        scratch.Dispose();
    }

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
