using System.Text.Json.Nodes;
using GoldenImages;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab.ApiServers;
using Steps.PublishDataSource;

namespace Steps.Tests.PublishDataSource;

/// <summary>A private and a shared namespace of a real API server, with CDI played, and what a publication needs in them.</summary>
internal sealed class Scene : IDisposable, IAsyncDisposable
{
    public const string Name = "corp-fedora";
    private readonly CancellationTokenSource _end = new();
    private readonly List<IDisposable> _clients = [];

    private Scene(KubeApiServer server, string @private, string shared)
    {
        (Server, Private, Shared) = (server, @private, shared);
        Cdi = new PlayedCdi(server.Http, shared);
    }

    public KubeApiServer Server { get; }

    /// <summary>The working volumes' namespace.</summary>
    public string Private { get; }

    /// <summary>The DataSource's namespace.</summary>
    public string Shared { get; }

    public PlayedCdi Cdi { get; }

    /// <summary>What the publications said.</summary>
    public List<string> Log { get; } = [];

    public HttpClient Api => Server.Http;

    public static async Task<Scene> NewAsync(ApiServerKind kind, bool cdiRuns = true, bool isOneNamespace = false)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var own = await server.CreateNamespaceAsync("private");
        var scene = new Scene(server, own, isOneNamespace ? own : await server.CreateNamespaceAsync("shared"));
        if (cdiRuns)
        {
            _ = scene.Cdi.RunAsync(scene._end.Token);
        }

        return scene;
    }

    /// <summary>A sealed working volume.</summary>
    public async Task<JsonNode> WorkAsync(string name, string? labels = null, string? annotations = null, bool isBound = true)
    {
        var path = $"/api/v1/namespaces/{Private}/persistentvolumeclaims";
        var made = await Api.CreateAsync(path, $$"""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim",
             "metadata":{"name":"{{name}}","namespace":"{{Private}}","labels":{{labels ?? "{}"}},"annotations":{{annotations ?? "{}"}} },
             "spec":{"accessModes":["ReadWriteOnce"],"volumeMode":"Filesystem","resources":{"requests":{"storage":"1Gi"} } } }
            """);
        return isBound ? await Api.MergeAsync($"{path}/{name}/status", """{"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"}} }""") : made;
    }

    /// <summary>Takes a working volume away, as discard-volume does.</summary>
    public async Task DiscardAsync(string name)
    {
        var path = $"/api/v1/namespaces/{Private}/persistentvolumeclaims/{name}";
        await Api.RemoveAsync(path);
        if (await Api.FindAsync(path) is not null)
        {
            await Api.MergeAsync(path, """{"metadata":{"finalizers":null} }""");
        }
    }

    /// <summary>A DataSource that somebody has made.</summary>
    public Task<JsonNode> PointAsync(string source, string labels = "{}", string more = "") => Api.CreateAsync(Cdi.DataSources, $$"""
        {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataSource","metadata":{"name":"{{Name}}","namespace":"{{Shared}}","labels":{{labels}}{{more}} },"spec":{"source":{{source}}} }
        """);

    public PublishRequest Request(string volume, int keep = 3) =>
        new() { DataSource = Name, Namespace = Shared, VolumeName = volume, VolumeNamespace = Private, Keep = keep };

    public async Task<PublishOutcome> PublishAsync(PublishRequest request, Func<HttpMessageHandler, HttpMessageHandler>? handler = null)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await new Publication(Workshop(handler), request).RunAsync(_ => { }, limit.Token);
    }

    public Task<PublishOutcome> PublishAsync(string volume, int keep = 3) => PublishAsync(Request(volume, keep));

    public async Task<PublishOutcome> RollBackAsync(string wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await new Rollback(Workshop(), Request(""), wanted).RunAsync(limit.Token);
    }

    public Workshop Workshop(Func<HttpMessageHandler, HttpMessageHandler>? handler = null)
    {
        var client = new KubernetesClient(
            ClusterConfig.Load(Server.Kubeconfig()), new ClientOptions { Handler = handler ?? (static inner => inner) });
        _clients.Add(client);
        return new Workshop(client, TimeProvider.System, Say, Say);
    }

    public Task<JsonNode> DataSourceAsync() => Api.ReadAsync($"{Cdi.DataSources}/{Name}");

    public async Task<string> CurrentAsync() => (string)(await DataSourceAsync())["spec"]!["source"]!["pvc"]!["name"]!;

    public Task<JsonNode> VersionAsync(string name) => Api.ReadAsync($"{Cdi.DataVolumes}/{name}");

    /// <summary>The names and states of all versions.</summary>
    public async Task<SortedDictionary<string, string>> VersionsAsync() => new((await Api.ReadAsync(Cdi.DataVolumes))["items"]!.AsArray()
        .ToDictionary(item => (string)item!["metadata"]!["name"]!, item => (string)item!["metadata"]!["annotations"]![Names.State]!));

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _end.Cancel();
        _clients.ForEach(client => client.Dispose());
        _end.Dispose();
    }

    private void Say(string line)
    {
        lock (Log)
        {
            Log.Add(line);
        }
    }
}
