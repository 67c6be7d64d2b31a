using System.Collections.Concurrent;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab.ApiServers;

namespace Kubernetes.Tests;

/// <summary>A namespace of a real API server, the product's client on it, and what that client said and asked.</summary>
internal sealed class Cluster : IDisposable
{
    private readonly ClusterAccess _access;
    private readonly ClientOptions _options;

    private Cluster(KubeApiServer server, string space, string kubeconfig, ClientOptions options)
    {
        Server = server;
        Namespace = space;
        _access = ClusterConfig.Load(kubeconfig);
        _options = options with
        {
            Log = line =>
            {
                Log.Enqueue(line);
                options.Log(line);
            },
            Handler = handler => options.Handler(new Counter(this, handler)),
        };
        Client = new KubernetesClient(_access, _options);
    }

    public KubeApiServer Server { get; }

    public string Namespace { get; }

    public KubernetesClient Client { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Runs before a request is sent.</summary>
    public Func<string, Task> BeforeRequest { get; set; } = _ => Task.CompletedTask;

    /// <summary>The administrator, by plain HTTP.</summary>
    public HttpClient Raw => Server.Http;

    public static async Task<Cluster> OpenAsync(ApiServerKind kind, ClientOptions? options = null) =>
        await OpenAsync(await ApiServerFixture.GetAsync(kind), options);

    public static async Task<Cluster> OpenAsync(KubeApiServer server, ClientOptions? options = null, Func<string, string>? kubeconfig = null)
    {
        var space = await server.CreateNamespaceAsync();
        return new Cluster(server, space, (kubeconfig ?? (name => server.Kubeconfig(name)))(space), options ?? new ClientOptions());
    }

    /// <summary>Another client, with a clock of its own.</summary>
    public KubernetesClient ClientWith(TimeProvider time) => new(_access, _options with { Time = time });

    public string Path(string resource, string? name = null, string api = "/api/v1") =>
        $"{api}/namespaces/{Namespace}/{resource}{(name is null ? "" : $"/{name}")}";

    public string DataVolumes(string? name = null) => Path("datavolumes", name, "/apis/cdi.kubevirt.io/v1beta1");

    public string Claims(string? name = null) => Path("persistentvolumeclaims", name);

    public void Dispose() => Client.Dispose();

    private sealed class Counter(Cluster cluster, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var asked = $"{request.Method} {request.RequestUri!.PathAndQuery}";
            cluster.Requests.Enqueue(asked);
            await cluster.BeforeRequest(asked);
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
