using System.Collections.Concurrent;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

/// <summary>One way to run a step that needs some of its permissions.</summary>
internal sealed class RightsScene : IAsyncDisposable
{
    /// <summary>For each namespace of the file, and for <see cref="RbacFile.Home"/>, the test's.</summary>
    public required IReadOnlyDictionary<string, string> Namespaces { get; init; }

    /// <summary>The namespace where the step runs: its ServiceAccount's.</summary>
    public required string Home { get; init; }

    /// <summary>The step's options, without those for results and cluster.</summary>
    public required string[] Options { get; init; }

    /// <summary>How the step ends with all its permissions.</summary>
    public int Code { get; init; }

    /// <summary>
    /// The namespace of the file that the step clones out of into another; null for none. CDI's webhook looks for the right to, and
    /// where none is installed the same review is made here.
    /// </summary>
    public string? ClonesFrom { get; init; }

    /// <summary>What the proxy does to a request.</summary>
    public Func<ProxiedRequest, Task<Verdict>> Before { get; init; } = _ => Task.FromResult(Verdict.Pass);

    /// <summary>Ends with the scene.</summary>
    public IReadOnlyList<IAsyncDisposable> Players { get; init; } = [];

    /// <summary>Answers each first watch of a resource as too old (410), so that what is watched is listed again.</summary>
    public static Func<ProxiedRequest, Task<Verdict>> FirstWatchesAreGone()
    {
        var seen = new ConcurrentDictionary<string, bool>();
        return request => Task.FromResult(request.IsWatch && seen.TryAdd(request.Resource.Kind, true) ? Verdict.Gone : Verdict.Pass);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var player in Players)
        {
            await player.DisposeAsync();
        }
    }
}

/// <summary>
/// Proves of a task's <c>rbac.yaml</c> that it is enough, and that nothing in it is too much: the step runs as its ServiceAccount with all
/// of it, and then once for each permission without that one, and must say that it is missing.
/// </summary>
internal static class LeastRights
{
    /// <summary>Proves it.</summary>
    /// <param name="server">The server.</param>
    /// <param name="step">The executable, and the ServiceAccount's name.</param>
    /// <param name="file">The file, from the repository's root.</param>
    /// <param name="scenes">The ways to run the step; together they need every permission.</param>
    /// <returns>How many permissions were taken away, each noticed.</returns>
    public static async Task<int> ProveAsync(KubeApiServer server, string step, string file, params Func<Task<RightsScene>>[] scenes)
    {
        var rights = RbacFile.Read(server, file);
        var uses = new List<(Func<Task<RightsScene>> Prepare, HashSet<Grant> Used)>();
        foreach (var prepare in scenes)
        {
            await using var scene = await prepare();
            var (code, log, used) = await RunAsync(server, step, rights, scene, null);
            Assert.True(code == scene.Code, $"with all permissions of {file}, exit {code}: {log}");
            Assert.DoesNotContain("cannot ", log, StringComparison.Ordinal);
            if (scene.ClonesFrom is { } space)
            {
                var clones = new Grant("", space, "cdi.kubevirt.io", "datavolumes/source", "create");
                Assert.True(await RbacFile.MayAsync(server, Account(scene, step), clones, scene.Namespaces), $"{file} does not let the step clone out of {space}");
            }

            uses.Add((prepare, used));
        }

        var unnoticed = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(rights.Grants, new ParallelOptions { MaxDegreeOfParallelism = 3 }, async (grant, _) =>
        {
            // Only CDI's webhook, which sees who asks, looks for this one; where none is installed the same review is made here.
            var isReviewed = grant.Resource == "datavolumes/source";
            if (uses.Find(scene => isReviewed || scene.Used.Contains(grant)).Prepare is not { } prepare)
            {
                unnoticed.Enqueue($"{grant}: never used");
                return;
            }

            await using var scene = await prepare();
            var (code, log, _) = await RunAsync(server, step, rights, scene, grant);
            var isSaid = log.Contains($"{grant.Refusal} \"{scene.Namespaces[grant.Namespace]}\"", StringComparison.Ordinal) && (code == 3 || code == scene.Code);
            if (!isSaid && !(isReviewed && !await RbacFile.MayAsync(server, Account(scene, step), grant, scene.Namespaces)))
            {
                unnoticed.Enqueue($"{grant}: exit {code}: {log}");
            }
        });
        Assert.True(unnoticed.IsEmpty, $"{file} grants what is not needed, or its loss is not said: {string.Join('\n', unnoticed)}");
        return rights.Grants.Count;
    }

    private static async Task<(int Code, string Log, HashSet<Grant> Used)> RunAsync(KubeApiServer server, string step, RbacFile rights, RightsScene scene, Grant? without)
    {
        await rights.ApplyAsync(server, scene.Namespaces, without);
        using var proxy = await ApiProxyServer.StartAsync(server);
        proxy.Before = scene.Before;
        var (run, code) = await ClusterStep.RunAsync(step, proxy.KubeconfigFor(scene.Home, step), scene.Options);
        using (run)
        {
            var asked = proxy.Requests.Select(request => (request.Verb, request.Resource.Kind, request.Resource.Namespace)).ToHashSet();
            return (code, run.Log, [.. rights.Grants.Where(grant => asked.Contains((grant.Verb, grant.Resource, scene.Namespaces[grant.Namespace])))]);
        }
    }

    private static string Account(RightsScene scene, string step) => $"system:serviceaccount:{scene.Home}:{step}";
}
