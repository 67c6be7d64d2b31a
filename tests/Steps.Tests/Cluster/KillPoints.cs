using System.Collections.Concurrent;
using System.Globalization;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

/// <summary>A place where a step is killed again and again, each time a new one: namespaces of its own and all that the step needs.</summary>
internal sealed class KillScene : IAsyncDisposable
{
    /// <summary>The namespace of the ServiceAccount.</summary>
    public required string Namespace { get; init; }

    /// <summary>The ServiceAccount; null for the administrator.</summary>
    public string? ServiceAccount { get; init; }

    /// <summary>The step's options, without those for results and cluster.</summary>
    public required string[] Options { get; init; }

    /// <summary>The end state, as text: whatever must be the same after a kill and a rerun.</summary>
    public required Func<Task<string>> State { get; init; }

    /// <summary>What is lost or broken right now (asked after each kill, and at the end); null while all is well.</summary>
    public Func<Task<string?>> Lost { get; init; } = () => Task.FromResult<string?>(null);

    /// <summary>What differs from scene to scene (namespaces, uids); it is replaced in the states before they are compared.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Ends with the scene: the controllers that play in it.</summary>
    public IReadOnlyList<IAsyncDisposable> Players { get; init; } = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var player in Players)
        {
            await player.DisposeAsync();
        }
    }
}

/// <summary>What came out.</summary>
/// <param name="Requests">The requests of the undisturbed run.</param>
/// <param name="Points">How many kills were made.</param>
/// <param name="Losses">What went wrong, a line each.</param>
internal sealed record KillReport(IReadOnlyList<string> Requests, int Points, IReadOnlyList<string> Losses)
{
    /// <summary>The last line of a kill test's output.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"kill points: {Points}, losses: {Losses.Count}");
}

/// <summary>
/// Kills a step (SIGKILL) at every request it makes to the API server: before the server gets it, and after the server has answered
/// it but before the step knows. After each kill the step runs again with the same options, and must end as it does undisturbed.
/// </summary>
internal static class KillPoints
{
    private enum Moment
    {
        BeforeItIsSent,
        AfterItIsAnswered,
    }

    /// <summary>Does it.</summary>
    /// <param name="server">The API server.</param>
    /// <param name="step">The executable.</param>
    /// <param name="prepare">Makes a new scene.</param>
    public static async Task<KillReport> RunAsync(KubeApiServer server, string step, Func<Task<KillScene>> prepare)
    {
        var (requests, expected) = await UndisturbedAsync(server, step, prepare);
        var losses = new ConcurrentQueue<string>();
        var kills = 0;
        var points = Enumerable.Range(1, requests.Count).SelectMany(number => Enum.GetValues<Moment>().Select(moment => (number, moment)));
        await Parallel.ForEachAsync(points, new ParallelOptions { MaxDegreeOfParallelism = 3 }, async (point, _) =>
        {
            await using var scene = await prepare();
            var (killed, request) = await KillAsync(server, step, scene, point.number, point.moment);
            var where = $"killed {(point.moment == Moment.BeforeItIsSent ? "before" : "after")} {request}";
            if (!killed)
            {
                losses.Enqueue($"request {point.number} of {requests.Count} never came");
                return;
            }

            Interlocked.Increment(ref kills);
            await KeepAsync(scene, $"{where}, at once", losses);
            var actual = await RerunAsync(server, step, scene);
            if (actual != expected)
            {
                losses.Enqueue($"{where}, after the rerun:\n{actual}\nexpected:\n{expected}");
            }

            await KeepAsync(scene, $"{where}, after the rerun", losses);
        });
        return new KillReport(requests, kills, [.. losses]);
    }

    private static async Task<(IReadOnlyList<string> Requests, string State)> UndisturbedAsync(KubeApiServer server, string step, Func<Task<KillScene>> prepare)
    {
        await using var scene = await prepare();
        using var proxy = await ApiProxyServer.StartAsync(server);
        var state = await EndStateAsync(step, scene, Kubeconfig(proxy, scene));
        var lost = await scene.Lost();
        Assert.True(state.StartsWith("exit 0\n", StringComparison.Ordinal), state);
        Assert.True(lost is null, $"the undisturbed run lost something: {lost}");
        return ([.. proxy.Requests.Select(request => request.ToString())], state);
    }

    private static async Task<(bool Killed, string Request)> KillAsync(KubeApiServer server, string step, KillScene scene, int number, Moment moment)
    {
        using var proxy = await ApiProxyServer.StartAsync(server);
        var process = new TaskCompletionSource<ClusterStep>(TaskCreationOptions.RunContinuationsAsynchronously);
        string? killedAt = null;
        async Task<Verdict> Strike(ProxiedRequest request)
        {
            if (killedAt is not null || request.Number != number)
            {
                return killedAt is null ? Verdict.Pass : Verdict.Reset;
            }

            killedAt = request.ToString();
            (await process.Task).Kill();
            return Verdict.Reset;
        }

        if (moment == Moment.BeforeItIsSent)
        {
            proxy.Before = Strike;
        }
        else
        {
            proxy.After = Strike;
        }

        using var run = ClusterStep.Start(step, Kubeconfig(proxy, scene), scene.Options);
        process.SetResult(run);
        await run.EndAsync();
        return (killedAt is not null, killedAt ?? "");
    }

    private static Task<string> RerunAsync(KubeApiServer server, string step, KillScene scene) => EndStateAsync(
        step, scene, scene.ServiceAccount is { } account ? server.KubeconfigFor(scene.Namespace, account) : server.Kubeconfig(scene.Namespace));

    private static async Task<string> EndStateAsync(string step, KillScene scene, string kubeconfig)
    {
        var (run, code) = await ClusterStep.RunAsync(step, kubeconfig, scene.Options);
        using (run)
        {
            var state = $"exit {code}\n{run.Results}\n{(code == 0 ? "" : run.Log)}{await scene.State()}";
            return scene.Names.Prepend(scene.Namespace).Select((name, index) => (name, index))
                .Aggregate(state, (text, name) => text.Replace(name.name, $"<{name.index}>", StringComparison.Ordinal));
        }
    }

    private static string Kubeconfig(ApiProxyServer proxy, KillScene scene) =>
        scene.ServiceAccount is { } account ? proxy.KubeconfigFor(scene.Namespace, account) : proxy.Kubeconfig(scene.Namespace);

    private static async Task KeepAsync(KillScene scene, string when, ConcurrentQueue<string> losses)
    {
        if (await scene.Lost() is { } loss)
        {
            losses.Enqueue($"{when}: {loss}");
        }
    }
}
