using System.Net.Http.Headers;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab;
using Lab.ApiServers;
using LocalCluster.Api;

namespace LocalCluster.Tests.Api;

/// <summary>A local API server in a folder of its own, and those who ask it: kubectl, the product's client, and bare HTTP.</summary>
internal sealed class LocalApi : IAsyncDisposable
{
    private LocalApi(Scratch scratch) => Scratch = scratch;

    internal Scratch Scratch { get; }

    internal ApiServer Server { get; private set; } = null!;

    internal Kubectl Kubectl { get; private set; } = null!;

    internal KubernetesClient Client { get; private set; } = null!;

    internal HttpClient Http { get; private set; } = null!;

    internal List<string> Log { get; } = [];

    internal string State => Scratch["state"];

    internal static async Task<LocalApi> StartAsync(int history = 20_000)
    {
        var api = new LocalApi(new Scratch());
        await api.BeginAsync(api.State, history);
        return api;
    }

    internal async Task RestartAsync()
    {
        await EndAsync();
        await BeginAsync(State, 20_000);
    }

    /// <summary>What a server makes of the files as they are at this instant: all that a killed one leaves.</summary>
    internal async Task<LocalApi> CopyAsync()
    {
        var copy = new LocalApi(new Scratch());
        Tool.Run("cp", "-r", State, copy.State);
        // The old one still has the port.
        File.Delete(Path.Combine(copy.State, "api", "port"));
        await copy.BeginAsync(copy.State, 20_000);
        return copy;
    }

    internal HttpClient HttpAs(string token)
    {
        var http = new HttpClient(Certificates.TrustOnly(Server.CaFile)) { BaseAddress = new Uri(Server.Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    internal static CancellationToken Limit(int seconds = 60) => new CancellationTokenSource(TimeSpan.FromSeconds(seconds)).Token;

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        Scratch.Dispose();
    }

    private async Task BeginAsync(string state, int history)
    {
        Server = await ApiServer.StartAsync(new ApiServerOptions(state) { History = history, Log = line => { lock (Log) { Log.Add(line); } } }, Limit());
        Kubectl = new Kubectl(Server.Kubeconfig);
        Client = new KubernetesClient(ClusterConfig.Load(Server.Kubeconfig));
        Http = HttpAs(File.ReadAllText(Path.Combine(state, "api", "admin.token")));
    }

    private async Task EndAsync()
    {
        Http.Dispose();
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
