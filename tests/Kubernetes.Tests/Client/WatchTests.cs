using System.Diagnostics;
using Kubernetes.Client;
using Kubernetes.Models;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Kubernetes.Tests.Client;

/// <summary>Watches on a real API server, with a proxy that breaks them.</summary>
public sealed class WatchTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Everything_that_happens_is_told_once_and_in_order(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        var client = cluster.Client;
        await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, "old"), Quick.Limit);
        await using var told = new Told(client, cluster.Namespace);
        await told.UntilAsync("Synced ");
        await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, "new"), Quick.Limit);
        await client.ChangeAsync(Quick.ConfigMaps, cluster.Namespace, "new", Label("1"), Quick.Limit);
        Assert.True(await client.DeleteAsync(Quick.ConfigMaps, cluster.Namespace, "old", Quick.Limit));
        Assert.False(await client.DeleteAsync(Quick.ConfigMaps, cluster.Namespace, "old", Quick.Limit));
        await told.UntilAsync("Deleted old");
        Assert.Equal(["Added old", "Synced ", "Added new", "Modified new 1", "Deleted old"], told.All);
    }

    [SkippableTheory]
    [InlineData("cut")]
    [InlineData("end")]
    [InlineData("silent")]
    [InlineData("gone")]
    [InlineData("resets")]
    public async Task A_watch_that_breaks_goes_on_where_it_was(string how)
    {
        using var proxied = await Proxied.StartAsync(Quick.Options with { BookmarkSilence = TimeSpan.FromMilliseconds(500) });
        var client = proxied.Cluster.Client;
        await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "vanishes"), Quick.Limit);
        await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "changes"), Quick.Limit);
        var broken = 0;
        proxied.Proxy.Before = request => Task.FromResult(!request.IsWatch || broken++ > 1 ? Verdict.Pass : how switch
        {
            "cut" => Verdict.CutWatchAfter(1),
            "end" => Verdict.EndWatchAfter(1),
            "silent" => Verdict.SilenceWatchAfter(1),
            "gone" => Verdict.Gone,
            _ => Verdict.Reset,
        });
        await using var told = new Told(client, proxied.Space);
        await told.UntilAsync("Synced ");

        await client.ChangeAsync(Quick.ConfigMaps, proxied.Space, "changes", Label("1"), Quick.Limit);
        await told.UntilAsync("Modified changes 1");
        await client.DeleteAsync(Quick.ConfigMaps, proxied.Space, "vanishes", Quick.Limit);
        await told.UntilAsync("Deleted vanishes");
        await client.ChangeAsync(Quick.ConfigMaps, proxied.Space, "changes", Label("2"), Quick.Limit);
        await told.UntilAsync("Modified changes 2");
        Assert.Equal(["Added changes", "Added vanishes", "Synced ", "Modified changes 1", "Deleted vanishes", "Modified changes 2"], told.All);
        Assert.True(broken > 2, $"the watch was opened {broken} times");
    }

    [SkippableFact]
    public async Task A_watch_that_ends_at_once_again_and_again_is_opened_with_pauses()
    {
        using var proxied = await Proxied.StartAsync(Quick.Options with { FirstDelay = TimeSpan.FromMilliseconds(50), LongestDelay = TimeSpan.FromSeconds(1) });
        var opened = 0;
        var heals = false;
        proxied.Proxy.Before = request =>
        {
            opened += request.IsWatch ? 1 : 0;
            return Task.FromResult(request.IsWatch && !heals ? Verdict.EndWatchAfter(0) : Verdict.Pass);
        };
        await using var told = new Told(proxied.Cluster.Client, proxied.Space);
        await told.UntilAsync("Synced ");
        await Task.Delay(2000);
        Assert.InRange(opened, 3, 12);

        heals = true;
        await proxied.Cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit);
        await told.UntilAsync("Added a");
    }

    [SkippableFact]
    public async Task What_vanished_while_nobody_looked_is_told_also_to_who_began_with_a_known_object()
    {
        using var proxied = await Proxied.StartAsync();
        var client = proxied.Cluster.Client;
        var known = await client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(proxied.Space, "a"), Quick.Limit);
        await client.DeleteAsync(Quick.ConfigMaps, proxied.Space, "a", Quick.Limit);
        var first = true;
        proxied.Proxy.Before = request =>
        {
            var gone = request.IsWatch && first;
            first = first && !gone;
            return Task.FromResult(gone ? Verdict.Gone : Verdict.Pass);
        };
        Assert.Null(await client.WaitAsync(Quick.ConfigMaps, proxied.Space, "a", map => map is null, Quick.Limit, known));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Waiting_costs_one_request_and_sees_the_change_at_once(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        var known = await cluster.Client.CreateAsync(Quick.ConfigMaps, Quick.ConfigMap(cluster.Namespace, "a"), Quick.Limit);
        cluster.Requests.Clear();
        var wait = cluster.Client.WaitAsync(Quick.ConfigMaps, cluster.Namespace, "a", map => map?.Metadata.Label("step") == "2", Quick.Limit, known);
        foreach (var step in (string[])["1", "2"])
        {
            await cluster.Raw.MergeAsync(cluster.Path("configmaps", "a"), $$$"""{"metadata":{"labels":{"step":"{{{step}}}"} } }""");
        }

        var clock = Stopwatch.StartNew();
        Assert.Equal("2", (await wait)!.Metadata.Label("step"));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 5);
        Assert.Single(cluster.Requests);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_wire_that_falls_silent_is_found_by_pings(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        using var wire = SilentWire.Start(new Uri(server.Url).Authority);
        var options = Quick.Options with { PingDelay = TimeSpan.FromSeconds(1), PingTimeout = TimeSpan.FromSeconds(1) };
        using var cluster = await Cluster.OpenAsync(server, options, space => server.Kubeconfig(space, $"https://{wire.Host}"));
        await using var told = new Told(cluster.Client, cluster.Namespace);
        await told.UntilAsync("Synced ");
        await cluster.Raw.CreateAsync(cluster.Path("configmaps"), """{"metadata":{"name":"before"}}""");
        await told.UntilAsync("Added before");
        wire.Silence();
        await cluster.Raw.CreateAsync(cluster.Path("configmaps"), """{"metadata":{"name":"a"}}""");
        await told.UntilAsync("Added a");
        Assert.Contains(cluster.Log, line => line.Contains("the watch broke", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 12)]
    [InlineData(2, 48)]
    [InlineData(3, 55.5)]
    [InlineData(9, 55.5)]
    public void A_server_without_bookmarks_is_asked_again_less_and_less(int silences, double minutes)
    {
        var pace = new WatchPace(new ClientOptions());
        for (var silence = 0; silence < silences; silence++)
        {
            pace.Opened("1");
            pace.Closed(Kubernetes.Client.WatchEnd.SilentFromTheStart, "1", null);
        }

        Assert.Equal(minutes, pace.Silence.TotalMinutes);
        pace.Closed(Kubernetes.Client.WatchEnd.Silent, "1", null);
        Assert.Equal(3, pace.Silence.TotalMinutes);
    }

    private static Func<AnyObject, bool> Label(string value) => map =>
    {
        map.Metadata.Labels = new() { ["step"] = value };
        return true;
    };

    /// <summary>What a watch tells, as it comes.</summary>
    private sealed class Told : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(Quick.Limit);
        private readonly SemaphoreSlim _more = new(0);
        private readonly List<string> _all = [];
        private readonly Task _reader;

        public Told(KubernetesClient client, string space) => _reader = Task.Run(async () =>
        {
            await foreach (var change in client.WatchAsync(Quick.ConfigMaps, space, null, _stop.Token))
            {
                if (change.Object?.Metadata.Name == "kube-root-ca.crt")
                {
                    continue;
                }

                lock (_all)
                {
                    _all.Add($"{change.Type} {change.Object?.Metadata.Name} {change.Object?.Metadata.Label("step")}".TrimEnd() + (change.Object is null ? " " : ""));
                }

                _more.Release();
            }
        });

        public string[] All
        {
            get
            {
                lock (_all)
                {
                    return [.. _all];
                }
            }
        }

        public async Task UntilAsync(string line)
        {
            while (!All.Contains(line))
            {
                if (await Task.WhenAny(_reader, _more.WaitAsync(_stop.Token)) == _reader)
                {
                    await _reader;
                }

                Assert.False(_stop.IsCancellationRequested, $"\"{line}\" was never told, but {string.Join(", ", All)}");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _reader.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
            _more.Dispose();
        }
    }
}
