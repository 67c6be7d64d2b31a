using System.Text.Json.Nodes;
using GoldenImages;
using Lab;
using Lab.ApiServers;
using Steps.Tests.Cluster;
using Xunit.Abstractions;

namespace Steps.Tests.PublishDataSource;

public class KillPointTests(ITestOutputHelper output)
{
    [SkippableFact]
    public async Task A_publication_that_is_killed_at_any_request_loses_nothing_and_a_rerun_completes_it() =>
        Check(await KillPoints.RunAsync(await Server(), "publish-datasource", () => SceneAsync("--volume-name=run-3-work", "--keep=2")));

    [SkippableFact]
    [Trait("Suite", "Long")]
    public async Task A_rollback_that_is_killed_at_any_request_loses_nothing_and_a_rerun_completes_it() =>
        Check(await KillPoints.RunAsync(await Server(), "publish-datasource", () => SceneAsync("--rollback=previous")));

    [SkippableFact]
    [Trait("Suite", "Long")]
    public async Task A_first_publication_that_is_killed_at_any_request_leaves_no_data_source_or_a_good_one() =>
        Check(await KillPoints.RunAsync(await Server(), "publish-datasource", async () =>
        {
            var scene = await Scene.NewAsync(Kind);
            return OfScene(scene, await NamesAsync(scene, await scene.WorkAsync("run-1-work")), "--volume-name=run-1-work");
        }));

    private static ApiServerKind Kind => ApiServerAssets.Kinds[^1];

    private static Task<KubeApiServer> Server() => ApiServerFixture.GetAsync(Kind);

    /// <summary>Two versions are published, a third is to be.</summary>
    private static async Task<KillScene> SceneAsync(params string[] options)
    {
        var scene = await Scene.NewAsync(Kind);
        var names = new List<string>();
        foreach (var run in (string[])["run-1-work", "run-2-work", "run-3-work"])
        {
            names.AddRange(await NamesAsync(scene, await scene.WorkAsync(run)));
            if (run != "run-3-work")
            {
                await scene.PublishAsync(scene.Request(run) with { Force = true });
            }
        }

        // What was published long ago was made long ago: all three were made within a second, and the one that is published last must be the newest.
        var earlier = $$"""{"metadata":{"annotations":{"{{Names.WorkingVolumeCreated}}":"2026-01-01T00:00:00.000Z"} } }""";
        await scene.Api.MergeAsync($"{scene.Cdi.DataSources}/{Scene.Name}", earlier);
        foreach (var version in (await scene.VersionsAsync()).Keys)
        {
            await scene.Api.MergeAsync($"{scene.Cdi.DataVolumes}/{version}", earlier);
        }

        return OfScene(scene, names, options);
    }

    private static KillScene OfScene(Scene scene, IEnumerable<string> names, params string[] options) => new()
    {
        Namespace = scene.Private,
        Names = [.. names, scene.Shared],
        Options = [$"--data-source={Scene.Name}", $"--target-namespace={scene.Shared}", .. options],
        State = () => StateAsync(scene, [.. names]),
        Lost = () => LostAsync(scene),
        Players = [scene],
    };

    private static Task<IReadOnlyList<string>> NamesAsync(Scene scene, JsonNode work)
    {
        var uid = (string)work["metadata"]!["uid"]!;
        return Task.FromResult<IReadOnlyList<string>>([VersionName.Of(Scene.Name, (DateTimeOffset)work["metadata"]!["creationTimestamp"]!, uid).ToString(), uid]);
    }

    private static async Task<string> StateAsync(Scene scene, IReadOnlyList<string> names)
    {
        var shown = await scene.DataSourceAsync();
        var annotations = shown["metadata"]!["annotations"]!.AsObject();
        foreach (var time in (string[])[Names.PublishedAt, Names.WorkingVolumeCreated])
        {
            annotations.Remove(time);
        }

        string[] lines =
        [
            .. (await scene.VersionsAsync()).Select(version => $"{version.Key} {version.Value}"),
            .. (await CollectedClaimsAsync(scene)).Select(claim => $"claim {claim!["metadata"]!["name"]} {claim["metadata"]!["labels"]!.ToJsonString()}"),
            shown["spec"]!.ToJsonString(),
            .. annotations.Select(pair => $"{pair.Key}={pair.Value}"),
            shown["metadata"]!["labels"]!.ToJsonString(),
        ];
        // Names have a hash in them: their order must not matter.
        var known = lines.Select(line => names.Select((name, index) => (name, index)).Aggregate(line, (text, one) => text.Replace(one.name, $"[{one.index}]", StringComparison.Ordinal)));
        return string.Join('\n', known.Order(StringComparer.Ordinal));
    }

    /// <summary>The claims, when those of deleted versions are collected: the step does not wait for that.</summary>
    private static async Task<IReadOnlyList<JsonNode?>> CollectedClaimsAsync(Scene scene)
    {
        for (var attempt = 1; ; attempt++)
        {
            var versions = await scene.VersionsAsync();
            var claims = (await scene.Api.ReadAsync(scene.Cdi.Claims))["items"]!.AsArray();
            if (attempt == 250 || claims.All(claim => versions.ContainsKey((string)claim!["metadata"]!["name"]!)))
            {
                return [.. claims];
            }

            await Task.Delay(20);
        }
    }

    private static async Task<string?> LostAsync(Scene scene)
    {
        if (await scene.Api.FindAsync($"{scene.Cdi.DataSources}/{Scene.Name}") is not { } shown)
        {
            return (await scene.VersionsAsync()).Any(version => version.Value == Names.PublishedState) ? "there are versions but no DataSource" : null;
        }

        var current = (string)shown["spec"]!["source"]!["pvc"]!["name"]!;
        var volume = await scene.Api.FindAsync($"{scene.Cdi.DataVolumes}/{current}");
        var claim = await scene.Api.FindAsync($"{scene.Cdi.Claims}/{current}");
        return (string?)volume?["status"]?["phase"] == "Succeeded" && volume!["metadata"]!["deletionTimestamp"] is null && (string?)claim?["status"]?["phase"] == "Bound"
            ? null
            : $"the DataSource points to {current}, which is not complete";
    }

    private void Check(KillReport report)
    {
        output.WriteLine(string.Join('\n', report.Requests));
        Assert.True(report.Losses.Count == 0, string.Join("\n\n", report.Losses));
        Assert.Equal(report.Requests.Count * 2, report.Points);
        output.WriteLine($"publish-datasource: {report.Requests.Count} requests, {report}");
        Figures.Say($"publish-datasource: {report}");
    }
}
