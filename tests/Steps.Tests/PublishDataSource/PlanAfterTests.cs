using System.Diagnostics;
using GoldenImages;
using Lab;
using Lab.ApiServers;
using Steps.Tests.PlanBuild;

namespace Steps.Tests.PublishDataSource;

/// <summary>What the next plan makes of what a publication or a rollback has left.</summary>
public sealed class PlanAfterTests : IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(8);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [SkippableFact]
    [Trait("Suite", "Long")]
    public async Task A_rebuild_of_the_same_key_that_was_rolled_back_is_not_made_again_before_its_time()
    {
        using var scene = await Scene.NewAsync(ApiServerAssets.Kinds[^1]);
        await new Images(scene.Server).VendorAsync(scene.Private);
        var first = Plan(scene);
        Assert.Equal(("true", "nothing is published yet"), (first["needed"], first["reason"]));
        var old = await PublishAsync(scene, "run-1-work", first);
        Assert.Equal("false", Plan(scene)["needed"]);

        await Task.Delay(MaxAge);
        var weekly = Plan(scene);
        Assert.Equal(("true", first["build-key"]), (weekly["needed"], weekly["build-key"]));
        Assert.StartsWith("nothing changed, but ", weekly["reason"], StringComparison.Ordinal);
        var bad = await PublishAsync(scene, "run-2-work", weekly);
        Assert.Equal("false", Plan(scene)["needed"]);

        Assert.Equal((old, bad), ((await scene.RollBackAsync("previous")).Volume, (await scene.DataSourceAsync())["metadata"]!["annotations"]![Names.Previous]!.ToString()));
        var clock = Stopwatch.StartNew();
        var next = Plan(scene);
        Skip.If(clock.Elapsed >= MaxAge, "this machine is too slow to tell a moment from the longest age");
        Assert.Equal(("false", $"nothing changed since {old} was published"), (next["needed"], next["reason"]));
        await Task.Delay(MaxAge);
        Assert.Equal("true", Plan(scene)["needed"]);
    }

    [SkippableFact]
    public async Task After_two_rollbacks_neither_image_is_built_again()
    {
        using var scene = await Scene.NewAsync(ApiServerAssets.Kinds[^1]);
        await new Images(scene.Server).VendorAsync(scene.Private);
        var (one, two, three) = (Plan(scene, "touch /1"), Plan(scene, "touch /2"), Plan(scene, "touch /3"));
        var first = await PublishAsync(scene, "run-1-work", one);
        await PublishAsync(scene, "run-2-work", two);
        await PublishAsync(scene, "run-3-work", three);

        await scene.RollBackAsync("previous");
        await scene.RollBackAsync(first);

        Assert.Equal(first, await scene.CurrentAsync());
        Assert.All(
            ["touch /2", "touch /3"],
            commands => Assert.Equal(
                ("false", $"a build of these very inputs was published and rolled back, and {first} stays; change an input, or force it"),
                (Plan(scene, commands)["needed"], Plan(scene, commands)["reason"])));
        Assert.Equal("the customization changed", Plan(scene, "touch /4")["reason"]);
        // A rerun of either run publishes nothing either.
        Assert.Equal(first, (await scene.PublishAsync("run-3-work")).Volume);
        // Killed before they could say that they had published: no reason either.
        foreach (var version in (await scene.VersionsAsync()).Keys.Where(name => name != first))
        {
            await scene.Api.MergeAsync(
                $"{scene.Cdi.DataVolumes}/{version}", """{"metadata":{"annotations":{"goldenimage.io/state":"publishing","goldenimage.io/published-at":null} } }""");
        }

        Assert.All([await scene.PublishAsync("run-2-work"), await scene.PublishAsync("run-3-work")], rerun => Assert.Equal(first, rerun.Volume));
    }

    private static async Task<string> PublishAsync(Scene scene, string volume, PlanRun plan)
    {
        await scene.WorkAsync(volume);
        return (await scene.PublishAsync(scene.Request(volume) with
        {
            Force = true,
            Provenance = new Dictionary<string, string>
            {
                [Names.BuildKey] = plan["build-key"],
                [Names.BuildInputs] = plan["build-inputs"],
                [Names.SourceDigest] = plan["source-digest"],
            },
        })).Volume;
    }

    private PlanRun Plan(Scene scene, string commands = "touch /x") => PlanRun.Run(
        _scratch, scene.Server.Kubeconfig(scene.Private), "--source-name=fedora", $"--data-source={Scene.Name}", $"--target-namespace={scene.Shared}",
        $"--commands={commands}", $"--max-age={(commands == "touch /x" ? $"{MaxAge.TotalSeconds}s" : "1h")}");
}
