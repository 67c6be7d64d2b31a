using Kubernetes.Client;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Kubernetes.Tests.Client;

/// <summary>A proxy before a real API server, and the client behind it.</summary>
internal sealed class Proxied(ApiProxyServer proxy, Cluster cluster) : IDisposable
{
    public ApiProxyServer Proxy => proxy;

    public Cluster Cluster => cluster;

    public string Space => cluster.Namespace;

    public static async Task<Proxied> StartAsync(ClientOptions? options = null)
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[0]);
        var proxy = await ApiProxyServer.StartAsync(server);
        return new Proxied(proxy, await Cluster.OpenAsync(server, options ?? Quick.Options, proxy.Kubeconfig));
    }

    public void Dispose()
    {
        cluster.Dispose();
        proxy.Dispose();
    }
}
