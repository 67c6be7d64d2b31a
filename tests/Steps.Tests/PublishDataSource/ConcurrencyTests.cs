using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using GoldenImages;
using Lab;
using Lab.ApiServers;
using Steps.PublishDataSource;
using Xunit.Abstractions;

namespace Steps.Tests.PublishDataSource;

public class ConcurrencyTests(ITestOutputHelper output)
{
    private const int Workers = 4;

    [SkippableFact]
    public async Task A_run_whose_data_source_is_pointed_elsewhere_before_it_is_shown_ends_well()
    {
        using var scene = await Scene.NewAsync(ApiServerAssets.Kinds[^1], cdiRuns: false);
        await scene.WorkAsync("a-work");
        var first = scene.PublishAsync("a-work");
        await UntilAsync(async () => await scene.VersionsAsync() is { Count: 1 } versions && await FilledAsync(scene, versions.Keys));
        await UntilAsync(async () => await scene.Api.FindAsync($"{scene.Cdi.DataSources}/{Scene.Name}") is not null);
        await Task.Delay(1100);
        await scene.WorkAsync("b-work");
        var second = scene.PublishAsync("b-work");
        await UntilAsync(async () => await scene.VersionsAsync() is { Count: 2 } versions && await FilledAsync(scene, versions.Keys));
        var one = await first.WaitAsync(TimeSpan.FromSeconds(30));
        await scene.Cdi.ShowAsync(Scene.Name);
        var two = await second.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal((two.Volume, two.Volume), (one.Volume, await scene.CurrentAsync()));
        Assert.Equal(2, (await scene.VersionsAsync()).Count(version => version.Value == Names.PublishedState));
        Assert.Contains(scene.Log, line => line.Contains("somebody has pointed it to", StringComparison.Ordinal));
    }

    /// <summary>Both have copied; from there on every order.</summary>
    [SkippableFact]
    [Trait("Suite", "Long")]
    public Task Two_copies_that_are_published_at_the_same_moment_end_alike_in_whatever_order_the_requests_come() => TryAllAsync("AAAAABBBBB", 100);

    /// <summary>From the first request on.</summary>
    [SkippableFact]
    [Trait("Suite", "Long")]
    public Task Two_runs_that_publish_at_the_same_moment_end_alike_in_whatever_order_their_requests_come() => TryAllAsync("", 300);

    private async Task TryAllAsync(string start, int atLeast)
    {
        var clock = Stopwatch.StartNew();
        var kind = ApiServerAssets.Kinds[^1];
        await ApiServerFixture.GetAsync(kind);
        var orders = Channel.CreateUnbounded<string>();
        await orders.Writer.WriteAsync(start);
        var (tried, doubled, longest, open) = (0, 0, 0, 1);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            try
            {
                using var scene = await Scene.NewAsync(kind, cdiRuns: false);
                await scene.WorkAsync("a-work");
                // Times are in seconds, and an order that another worker has found must be the same here.
                await Task.Delay(1100);
                var winner = await scene.WorkAsync("b-work");
                await foreach (var prefix in orders.Reader.ReadAllAsync())
                {
                    var order = await TryAsync(scene, prefix, start.Length, winner);
                    Interlocked.Add(ref open, order.Further.Count);
                    foreach (var further in order.Further)
                    {
                        await orders.Writer.WriteAsync(further);
                    }

                    Interlocked.Increment(ref order.IsDoubled ? ref doubled : ref tried);
                    longest = Math.Max(longest, order.Choices.Length);
                    if (Interlocked.Decrement(ref open) == 0)
                    {
                        orders.Writer.Complete();
                    }
                }
            }
            catch (Exception error)
            {
                // The others end, too.
                orders.Writer.TryComplete(error);
                throw;
            }
        })));

        var report = $"orders of two publications: {tried} tried, each of up to {longest} requests ({doubled} more turned out to be one of them), {clock.Elapsed.TotalSeconds:F0} s";
        output.WriteLine(report);
        Figures.Say(report);
        Assert.True(tried >= atLeast, report);
    }

    private static async Task<Order> TryAsync(Scene scene, string prefix, int fixedSteps, JsonNode winner)
    {
        var old = await StartAsync(scene);
        var interleaving = new Interleaving();
        var outcomes = new PublishOutcome[2];
        Func<Task> Program(int lane, string volume) => async () =>
            outcomes[lane] = await scene.PublishAsync(scene.Request(volume, keep: 1), interleaving.Gate(lane));
        Order order;
        try
        {
            order = await interleaving.RunAsync(prefix, fixedSteps, [Program(0, "a-work"), Program(1, "b-work")], async move =>
            {
                await (move switch
                {
                    { Kind: "datasources" } => scene.Cdi.ShowAsync(Scene.Name),
                    { Kind: "datavolumes", Method: "POST" } => scene.Cdi.FillAsync(move.Name),
                    { Kind: "datavolumes", Method: "DELETE" } => scene.Cdi.CollectAsync(move.Name),
                    _ => Task.CompletedTask,
                });
                if (move is { Kind: "datasources" } or { Method: "DELETE" })
                {
                    await AssertCompleteAsync(scene, prefix);
                }
            });
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"order {prefix}: {error.Message}\n{string.Join('\n', scene.Log)}", error);
        }

        var expected = VersionName.Of(Scene.Name, (DateTimeOffset)winner["metadata"]!["creationTimestamp"]!, (string)winner["metadata"]!["uid"]!).ToString();
        var left = await scene.VersionsAsync();
        var claims = (await scene.Api.ReadAsync(scene.Cdi.Claims))["items"]!.AsArray().Select(claim => (string)claim!["metadata"]!["name"]!).ToList();
        var log = $"order {order.Choices}, {old} before:\n{string.Join('\n', scene.Log)}";
        Assert.True(expected == await scene.CurrentAsync(), $"the older one has won, {log}");
        Assert.True(left.Count == 1 && left[expected] == Names.PublishedState, $"left are {string.Join(", ", left)}, {log}");
        Assert.True(claims.SequenceEqual(left.Keys), $"claims {string.Join(", ", claims)}, {log}");
        Assert.True(outcomes.Any(outcome => outcome.Volume == expected), $"nobody tells of the winner, {log}");
        scene.Log.Clear();
        return order;
    }

    /// <summary>One version is published, nothing else is there.</summary>
    private static async Task<string> StartAsync(Scene scene)
    {
        await scene.Api.RemoveAsync(scene.Cdi.DataSources);
        await scene.Api.RemoveAsync(scene.Cdi.DataVolumes);
        await scene.Api.RemoveAsync(scene.Cdi.Claims);
        foreach (var claim in (await scene.Api.ReadAsync(scene.Cdi.Claims))["items"]!.AsArray())
        {
            await scene.Cdi.ReleaseAsync((string)claim!["metadata"]!["name"]!);
        }

        const string Old = $"{Scene.Name}-20260101-00000001";
        await scene.Api.CreateAsync(scene.Cdi.DataVolumes, $$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume",
             "metadata":{"name":"{{Old}}","labels":{"goldenimage.io/data-source":"{{Scene.Name}}"},
               "annotations":{"goldenimage.io/state":"published","goldenimage.io/published-at":"2026-01-01T00:00:00.000Z"} },
             "spec":{"source":{"blank":{} },"storage":{} } }
            """);
        await scene.Cdi.FillAsync(Old);
        await scene.PointAsync($$"""{"pvc":{"namespace":"{{scene.Shared}}","name":"{{Old}}"} }""");
        await scene.Cdi.ShowAsync(Scene.Name);
        return Old;
    }

    private static async Task AssertCompleteAsync(Scene scene, string prefix)
    {
        var current = await scene.CurrentAsync();
        var volume = await scene.Api.FindAsync($"{scene.Cdi.DataVolumes}/{current}");
        var claim = await scene.Api.FindAsync($"{scene.Cdi.Claims}/{current}");
        Assert.True(
            (string?)volume?["status"]?["phase"] == "Succeeded" && volume!["metadata"]!["deletionTimestamp"] is null && (string?)claim?["status"]?["phase"] == "Bound",
            $"the DataSource points to {current}, which is not complete, order {prefix}");
    }

    private static async Task<bool> FilledAsync(Scene scene, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            await scene.Cdi.FillAsync(name);
        }

        return true;
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await isSo())
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
