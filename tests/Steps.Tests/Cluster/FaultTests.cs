using System.Collections.Concurrent;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

public sealed class FaultTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [SkippableTheory]
    [InlineData("reset before")]
    [InlineData("reset after")]
    [InlineData("connection reset after")]
    [InlineData("429")]
    [InlineData("500")]
    [InlineData("504")]
    [InlineData("504 after")]
    public async Task Every_request_may_fail_once_and_the_steps_end_as_if_none_had(string fault)
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("faults"));
        await work.ClaimAsync("source");
        await work.DataSourceAsync("fedora", $$$"""{"pvc":{"namespace":"{{{work.Namespace}}}","name":"source"}}""");
        await using var cdi = new HandCdi(server, work.Namespace);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var seen = new ConcurrentDictionary<string, bool>();
        Task<Verdict> Once(ProxiedRequest request) => Task.FromResult(seen.TryAdd($"{request.Verb} {request.Path}", true) ? Verdicts[fault] : Verdict.Pass);
        if (fault.EndsWith(" after", StringComparison.Ordinal))
        {
            proxy.After = Once;
        }
        else
        {
            proxy.Before = Once;
        }

        var (clone, code) = await ClusterStep.RunAsync("clone-source", proxy.Kubeconfig(work.Namespace), "--source-name=fedora", "--target-name=run-work");
        using (clone)
        {
            Assert.True(code == 0, clone.Log);
        }

        Assert.Equal(2, (await work.VolumesTextAsync()).Split('\n').Count(line => line.Contains("run-work", StringComparison.Ordinal)));
        seen.Clear();
        var (discard, discarded) = await ClusterStep.RunAsync("discard-volume", proxy.Kubeconfig(work.Namespace), "--volume-name=run-work");
        using (discard)
        {
            Assert.True(discarded == 0, discard.Log);
            Assert.Equal("", discard.Result("pending"));
        }

        Assert.Equal("PersistentVolumeClaim source Bound  []", await work.VolumesTextAsync());
    }

    [SkippableFact]
    public async Task A_clone_goes_on_when_the_API_server_was_restarted_in_the_middle()
    {
        using var server = await ApiServerFixture.StartOwnAsync(ApiServerAssets.Kinds[^1]);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("restart"));
        await work.ClaimAsync("source");
        using var proxy = await ApiProxyServer.StartAsync(server);
        using var step = ClusterStep.Start(
            "clone-source", proxy.Kubeconfig(work.Namespace), "--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=run-work");
        using (var limit = new CancellationTokenSource(Limit))
        {
            while (!proxy.Requests.Any(request => request.IsWatch))
            {
                await Task.Delay(10, limit.Token);
            }
        }

        await server.RestartAsync(kill: true);
        await using var cdi = new HandCdi(server, work.Namespace);
        Assert.True(await step.EndAsync() == 0, step.Log);
        Assert.Equal("run-work", step.Result("volume-name"));
    }

    private static readonly Dictionary<string, Verdict> Verdicts = new()
    {
        ["reset before"] = Verdict.Reset,
        ["reset after"] = Verdict.Reset,
        ["connection reset after"] = Verdict.ResetConnection,
        ["429"] = Verdict.TooManyRequests(0),
        ["500"] = Verdict.Error(500, "InternalError", "Internal error occurred: etcdserver: leader changed"),
        ["504"] = Verdict.Error(504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
        ["504 after"] = Verdict.Error(504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
    };
}
