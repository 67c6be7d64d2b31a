using System.Net;
using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Kubernetes.Tests.LabServers;

public sealed class ApiProxyTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Kubectl_works_through_the_proxy_as_whoever_it_is_and_is_written_down(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var home = await server.CreateNamespaceAsync("proxy");

        var admin = new Kubectl(proxy.Kubeconfig(home));
        Assert.Contains(home, admin.Run("get", "ns"), StringComparison.Ordinal);
        admin.Run("create", "configmap", "one", "--from-literal=a=b");
        admin.Run("delete", "configmap", "one");
        Assert.Contains("cannot list", new Kubectl(proxy.KubeconfigFor(home, "alice")).Try("get", "configmaps").Error, StringComparison.Ordinal);

        Assert.All(proxy.Requests, request => Assert.Equal("HTTP/2", request.Protocol));
        Assert.Contains(proxy.Requests, request => request is { Verb: "create", User: "admin", Status: 201 } && request.Resource == ("configmaps", home, ""));
        Assert.Contains(proxy.Requests, request => request is { Verb: "delete", Status: 200 } && request.Resource == ("configmaps", home, "one"));
        Assert.Contains(proxy.Requests, request => request is { Verb: "list", Status: 403 } && request.User == $"system:serviceaccount:{home}:alice");
        Assert.All(proxy.Requests, request => Assert.True(request.Ended >= request.Started));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_watch_delivers_each_event_when_it_happens(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var home = await server.CreateNamespaceAsync("proxy");
        var lines = new System.Collections.Concurrent.BlockingCollection<string>();
        using var watcher = new ChildProcess(
            "kubectl",
            [.. new Kubectl(proxy.Kubeconfig(home)).Common, "get", "configmaps", "--watch-only", "-o", "name"],
            text => lines.Add(text.ToString()),
            text => lines.Add(text.ToString()));
        await Until(() => proxy.Requests.Any(request => request is { IsWatch: true, Status: 200 }));

        foreach (var name in (string[])["one", "two"])
        {
            await server.Http.CreateAsync($"/api/v1/namespaces/{home}/configmaps", $$$"""{"metadata":{"name":"{{{name}}}"}}""");
            Assert.True(lines.TryTake(out var line, Limit), "no event came");
            Assert.Equal($"configmap/{name}", line.Trim());
        }

        Assert.Null(proxy.Requests.Single(request => request.IsWatch).Ended);
    }

    [SkippableFact]
    public async Task Faults_reach_the_client_as_they_are_asked_for()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var home = await server.CreateNamespaceAsync("proxy");
        var path = $"/api/v1/namespaces/{home}/configmaps";
        using var client = Client(server, proxy);

        proxy.Before = _ => Task.FromResult(Verdict.TooManyRequests(3));
        using (var busy = await client.GetAsync(path))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, busy.StatusCode);
            Assert.Equal("3", busy.Headers.RetryAfter!.ToString());
            Assert.Contains("\"reason\":\"TooManyRequests\"", await busy.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        proxy.Before = request => Task.FromResult(request.IsChange ? Verdict.Reset : Verdict.Pass);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.CreateAsync(path, """{"metadata":{"name":"never-sent"}}"""));

        proxy.Before = _ => Task.FromResult(Verdict.Pass);
        proxy.After = request => Task.FromResult(request.IsChange ? Verdict.ResetConnection : Verdict.Pass);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.CreateAsync(path, """{"metadata":{"name":"done-unheard"}}"""));
        Assert.Equal(201, proxy.Requests[^1].Answer!.Status);

        proxy.Before = _ => Task.FromResult(Verdict.Silence);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetAsync(path, patience.Token));

        Assert.Null(await server.Http.FindAsync($"{path}/never-sent"));
        Assert.NotNull(await server.Http.FindAsync($"{path}/done-unheard"));
    }

    [SkippableFact]
    public async Task A_watch_can_be_ended_cut_or_silenced_after_some_events()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var home = await server.CreateNamespaceAsync("proxy");
        var path = $"/api/v1/namespaces/{home}/configmaps";
        using var client = Client(server, proxy);
        foreach (var name in (string[])["one", "two", "three"])
        {
            await server.Http.CreateAsync(path, $$$"""{"metadata":{"name":"{{{name}}}"}}""");
        }

        proxy.After = _ => Task.FromResult(Verdict.EndWatchAfter(2));
        Assert.Equal((2, "ended"), await Read(client, path, Limit));
        proxy.After = _ => Task.FromResult(Verdict.CutWatchAfter(1));
        Assert.Equal((1, "cut"), await Read(client, path, Limit));
        proxy.After = _ => Task.FromResult(Verdict.SilenceWatchAfter(2));
        Assert.Equal((2, "silent"), await Read(client, path, TimeSpan.FromSeconds(5)));
        proxy.After = _ => Task.FromResult(Verdict.Silence);
        Assert.Equal((0, "silent"), await Read(client, path, TimeSpan.FromSeconds(1)));
    }

    [SkippableFact]
    public async Task Requests_wait_at_the_gate_until_a_test_lets_them_go()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var home = await server.CreateNamespaceAsync("proxy");
        var path = $"/api/v1/namespaces/{home}/configmaps";
        using var client = Client(server, proxy);
        var second = new TaskCompletionSource();
        proxy.Before = async request =>
        {
            if (request.Json?["metadata"]?["labels"] is not null)
            {
                await second.Task;
            }

            return Verdict.Pass;
        };
        proxy.After = request =>
        {
            second.TrySetResult();
            return Task.FromResult(Verdict.Pass);
        };

        var held = client.CreateAsync(path, """{"metadata":{"name":"same","labels":{"held":"true"}}}""");
        await Until(() => proxy.Requests.Count == 1);
        await client.CreateAsync(path, """{"metadata":{"name":"same"}}""");
        var late = await Assert.ThrowsAsync<InvalidOperationException>(() => held);
        Assert.Contains("409", late.Message, StringComparison.Ordinal);
    }

    private static ApiServerKind Kind => ApiServerAssets.Kinds[^1];

    private static HttpClient Client(KubeApiServer server, ApiProxyServer proxy)
    {
        var client = new HttpClient(Certificates.TrustOnly(proxy.CaFile)) { BaseAddress = new Uri(proxy.Url), DefaultRequestVersion = HttpVersion.Version20 };
        client.DefaultRequestHeaders.Authorization = new("Bearer", server.AdminToken);
        return client;
    }

    /// <summary>How many events came, and how the watch went on.</summary>
    private static async Task<(int Events, string End)> Read(HttpClient client, string path, TimeSpan limit)
    {
        var count = 0;
        using var patience = new CancellationTokenSource(limit);
        try
        {
            await foreach (var _ in client.WatchAsync(path, patience.Token))
            {
                count++;
            }

            return (count, "ended");
        }
        catch (OperationCanceledException)
        {
            return (count, "silent");
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return (count, "cut");
        }
    }

    private static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
