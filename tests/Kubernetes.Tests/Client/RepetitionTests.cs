using System.Diagnostics;
using Kubernetes.Client;
using Kubernetes.Models;
using Kubernetes.Tests.Waiting;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Kubernetes.Tests.Client;

/// <summary>Faults that pass, between the client and a real API server.</summary>
public sealed class RepetitionTests
{
    public static TheoryData<string> Passing => ["reset", "connection", "429", "500", "503", "504"];

    [SkippableTheory]
    [MemberData(nameof(Passing))]
    public async Task A_fault_that_passes_is_survived_before_and_after_the_server_has_answered(string fault)
    {
        using var proxied = await Proxied.StartAsync();
        await proxied.Cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit);
        foreach (var after in (bool[])[false, true])
        {
            var left = 3;
            Func<ProxiedRequest, Task<Verdict>> break3 = _ => Task.FromResult(left-- > 0 ? Verdict(fault) : Lab.ApiProxy.Verdict.Pass);
            proxied.Proxy.Before = after ? Pass : break3;
            proxied.Proxy.After = after ? break3 : Pass;
            proxied.Cluster.Log.Clear();

            Assert.Equal("0", (await proxied.Cluster.Client.GetAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit)).Value());
            Assert.Equal(3, proxied.Cluster.Log.Count(line => line.Contains("again in", StringComparison.Ordinal)));
        }
    }

    [SkippableFact]
    public async Task A_fault_that_stays_ends_in_one_line_that_names_object_and_server()
    {
        using var proxied = await Proxied.StartAsync();
        proxied.Proxy.Before = _ => Task.FromResult(Lab.ApiProxy.Verdict.Error(500, "InternalError", "etcdserver: \n leader changed"));
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => proxied.Cluster.Client.GetAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
        Assert.Equal(KubernetesFault.Transient, fault.Kind);
        Assert.Contains($"ConfigMap {proxied.Space}/a", fault.Message, StringComparison.Ordinal);
        Assert.Contains("leader changed", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);

        proxied.Proxy.Before = _ => Task.FromResult(Lab.ApiProxy.Verdict.ResetConnection);
        fault = await Assert.ThrowsAsync<KubernetesException>(() => proxied.Cluster.Client.GetAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
        Assert.Equal(KubernetesFault.Unreachable, fault.Kind);
        Assert.Contains(new Uri(proxied.Proxy.Url).Authority, fault.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Retry_After_is_kept()
    {
        using var proxied = await Proxied.StartAsync();
        var first = true;
        proxied.Proxy.Before = _ =>
        {
            var verdict = first ? Lab.ApiProxy.Verdict.TooManyRequests(1) : Lab.ApiProxy.Verdict.Pass;
            first = false;
            return Task.FromResult(verdict);
        };
        var clock = Stopwatch.StartNew();
        Assert.Null(await proxied.Cluster.Client.FindAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.95, 30);
    }

    [SkippableFact]
    public async Task A_silent_server_is_asked_again()
    {
        using var proxied = await Proxied.StartAsync(Quick.Options with { RequestTimeout = TimeSpan.FromSeconds(1) });
        var left = 1;
        proxied.Proxy.Before = _ => Task.FromResult(left-- > 0 ? Lab.ApiProxy.Verdict.Silence : Lab.ApiProxy.Verdict.Pass);
        Assert.Null(await proxied.Cluster.Client.FindAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
        Assert.Contains(proxied.Cluster.Log, line => line.Contains("no answer within 1 s", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_create_whose_answer_was_lost_finds_its_own_object()
    {
        using var proxied = await Proxied.StartAsync();
        var left = 1;
        proxied.Proxy.After = _ => Task.FromResult(left-- > 0 ? Lab.ApiProxy.Verdict.Reset : Lab.ApiProxy.Verdict.Pass);
        var fault = await Assert.ThrowsAsync<KubernetesException>(
            () => proxied.Cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit));
        Assert.Equal(KubernetesFault.AlreadyExists, fault.Kind);
        Assert.NotNull(await proxied.Cluster.Client.FindAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Changes_of_many_at_once_are_all_made(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind);
        await cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, "a"), Quick.Limit);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => cluster.Client.ChangeAsync(
            Quick.ConfigMaps,
            cluster.Namespace,
            "a",
            map =>
            {
                map.Unknown!["data"] = Quick.ConfigMap("", "", $"{int.Parse(map.Value()) + 1}").Unknown!["data"];
                return true;
            },
            Quick.Limit)));
        Assert.Equal("12", (await cluster.Client.GetAsync(Quick.ConfigMaps, cluster.Namespace, "a", Quick.Limit)).Value());
    }

    [SkippableFact]
    public async Task A_conflict_is_met_by_reading_again()
    {
        using var proxied = await Proxied.StartAsync();
        await proxied.Cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit);
        var left = 2;
        proxied.Proxy.Before = request => Task.FromResult(request.Method == "PUT" && left-- > 0 ? Lab.ApiProxy.Verdict.Conflict : Lab.ApiProxy.Verdict.Pass);
        var calls = 0;
        await proxied.Cluster.Client.ChangeAsync(Quick.ConfigMaps, proxied.Space, "a", map => ++calls > 0, Quick.Limit);
        Assert.Equal(3, calls);
    }

    [SkippableFact]
    public async Task Pages_that_are_gone_are_listed_anew_once()
    {
        using var proxied = await Proxied.StartAsync(Quick.Options with { PageSize = 2 });
        foreach (var number in Enumerable.Range(0, 7))
        {
            await proxied.Cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, $"a{number}"), Quick.Limit);
        }

        var left = 1;
        proxied.Proxy.Before = request => Task.FromResult(
            request.Query.Contains("continue=", StringComparison.Ordinal) && left-- > 0 ? Lab.ApiProxy.Verdict.Gone : Lab.ApiProxy.Verdict.Pass);
        var list = await proxied.Cluster.Client.ListAsync(Quick.ConfigMaps, proxied.Space, Quick.Limit);
        Assert.Equal(Enumerable.Range(0, 7).Select(number => $"a{number}"), list.Items.Select(map => map.Metadata.Name));

        // Told one by one, each comes once all the same.
        left = 1;
        var told = new List<string?>();
        await foreach (var map in proxied.Cluster.Client.EachAsync(Quick.ConfigMaps, proxied.Space, Quick.Limit))
        {
            told.Add(map.Metadata.Name);
        }

        Assert.Equal(Enumerable.Range(0, 7).Select(number => $"a{number}"), told);

        left = 2;
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => proxied.Cluster.Client.ListAsync(Quick.ConfigMaps, proxied.Space, Quick.Limit));
        Assert.Equal(KubernetesFault.Gone, fault.Kind);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_server_that_restarts_is_waited_for(ApiServerKind kind)
    {
        using var server = await ApiServerFixture.StartOwnAsync(kind);
        using var cluster = await Cluster.OpenAsync(server, Quick.Options with { PageSize = 2, Retries = 40 });
        foreach (var number in Enumerable.Range(0, 4))
        {
            await cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, $"a{number}"), Quick.Limit);
        }

        // Killed between two pages of a list, and in the middle of a watch.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Quick.Limit);
        var told = new List<string>();
        var synced = new TaskCompletionSource();
        var watch = Task.Run(async () =>
        {
            await foreach (var change in cluster.Client.WatchAsync(Quick.ConfigMaps, cluster.Namespace, null, stop.Token))
            {
                told.Add($"{change.Type} {change.Object?.Metadata.Name}");
                if (change.Type == WatchEventType.Synced)
                {
                    synced.SetResult();
                }

                if (change.Object?.Metadata.Name == "after")
                {
                    return;
                }
            }
        });
        await synced.Task;
        using var volume = new Wait(cluster, "img", ownsCluster: false) { RealTime = true };
        await volume.StartAsync(VolumeState.Of("CSICloneInProgress"));
        await volume.SaysAsync("CSICloneInProgress");
        cluster.BeforeRequest = request => request.Contains("continue=", StringComparison.Ordinal) ? RestartOnceAsync() : Task.CompletedTask;
        var list = await cluster.Client.ListAsync(Quick.ConfigMaps, cluster.Namespace, Quick.Limit);
        Assert.Equal(4, list.Items.Count);

        await cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, "after"), Quick.Limit);
        await watch;
        Assert.Equal(["Added a0", "Added a1", "Added a2", "Added a3", "Synced ", "Added after"], told);
        await volume.FinishAsync();

        async Task RestartOnceAsync()
        {
            cluster.BeforeRequest = _ => Task.CompletedTask;
            await server.StopAsync(kill: true);
            _ = Task.Run(async () =>
            {
                await Task.Delay(300);
                await server.StartAsync();
            });
        }
    }

    [SkippableTheory]
    [InlineData(404)]
    [InlineData(403)]
    [InlineData(401)]
    public async Task What_a_server_that_starts_does_not_know_yet_is_waited_for(int status)
    {
        using var proxied = await Proxied.StartAsync();
        var client = proxied.Cluster.Client;
        var known = await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit);
        var left = 4;
        proxied.Proxy.Before = request => Task.FromResult(!request.IsWatch || left-- is > 3 or <= 0 ? Lab.ApiProxy.Verdict.Pass
            : status == 404 ? Lab.ApiProxy.Verdict.Answer(404, "404 page not found\n", "text/plain")
            : Lab.ApiProxy.Verdict.Error(status, "Forbidden", "RBAC: not synced"));
        proxied.Proxy.After = request => Task.FromResult(request.IsWatch && left == 3 ? Lab.ApiProxy.Verdict.EndWatchAfter(0) : Lab.ApiProxy.Verdict.Pass);
        var wait = client.WaitAsync(Quick.ConfigMaps, proxied.Space, "a", map => map?.Metadata.Label("done") == "yes", Quick.Limit, known);
        await proxied.Cluster.Raw.MergeAsync(proxied.Cluster.Path("configmaps", "a"), """{"metadata":{"labels":{"done":"yes"}}}""");
        Assert.NotNull(await wait);
        Assert.True(left < 0, "the faults were not met");
        Assert.Contains(proxied.Cluster.Log, line => line.Contains("although it was granted before", StringComparison.Ordinal));

        // What stays is told as what it is.
        proxied.Proxy.Before = _ => Task.FromResult(Lab.ApiProxy.Verdict.Answer(404, "404 page not found\n", "text/plain"));
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit));
        Assert.Equal(KubernetesFault.NotFound, fault.Kind);
    }

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    private static Task<Verdict> Pass(ProxiedRequest request) => Task.FromResult(Lab.ApiProxy.Verdict.Pass);

    private static Verdict Verdict(string fault) => fault switch
    {
        "reset" => Lab.ApiProxy.Verdict.Reset,
        "connection" => Lab.ApiProxy.Verdict.ResetConnection,
        "429" => Lab.ApiProxy.Verdict.TooManyRequests(0),
        _ => Lab.ApiProxy.Verdict.Error(int.Parse(fault), "Broken", "broken"),
    };
}
