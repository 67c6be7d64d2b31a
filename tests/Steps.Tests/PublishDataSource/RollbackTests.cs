using GoldenImages;
using Lab.ApiServers;
using StepRuntime;

namespace Steps.Tests.PublishDataSource;

public class RollbackTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Previous_goes_back_once_however_often_it_is_run(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);

        var first = await scene.RollBackAsync("previous");
        var again = await scene.RollBackAsync("previous");

        Assert.Equal((versions[1], versions[2]), (first.Volume, first.Previous));
        Assert.Equal(first, again);
        var shown = await scene.DataSourceAsync();
        Assert.Equal(versions[1], (string?)shown["status"]!["source"]!["pvc"]!["name"]);
        Assert.Equal("key-3", (string?)shown["metadata"]!["annotations"]![Names.RolledBackKey]);
        Assert.Equal("key-2", (string?)shown["metadata"]!["annotations"]![Names.BuildKey]);
        Assert.All((await scene.VersionsAsync()).Values, state => Assert.Equal(Names.PublishedState, state));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_name_goes_to_that_version_and_forth_again(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);

        Assert.Equal(versions[0], (await scene.RollBackAsync(versions[0])).Volume);
        Assert.Equal(versions[0], await scene.CurrentAsync());
        Assert.Equal(versions[2], (await scene.RollBackAsync(versions[2])).Volume);
        Assert.Equal(versions[2], await scene.CurrentAsync());
        Assert.Equal(versions[2], (await scene.RollBackAsync(versions[2])).Volume);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_rollback_is_not_undone_by_a_rerun_but_by_the_next_build(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);
        await scene.RollBackAsync("previous");

        var rerun = await scene.PublishAsync("run-3-work");
        Assert.Equal((versions[1], versions[1]), (rerun.Volume, await scene.CurrentAsync()));

        // Killed before it could say that it had published: no reason either.
        await scene.Api.MergeAsync($"{scene.Cdi.DataVolumes}/{versions[2]}", """{"metadata":{"annotations":{"goldenimage.io/state":"publishing","goldenimage.io/published-at":null} } }""");
        Assert.Equal(versions[1], (await scene.PublishAsync("run-3-work")).Volume);

        await Task.Delay(1100);
        await scene.WorkAsync("run-4-work");
        var next = await scene.PublishAsync("run-4-work");
        Assert.Equal((next.Volume, versions[1]), (await scene.CurrentAsync(), next.Previous));
        var annotations = (await scene.DataSourceAsync())["metadata"]!["annotations"]!;
        Assert.Null(annotations[Names.RolledBackFrom]);
        Assert.Null(annotations[Names.RolledBackKey]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_not_there_or_not_complete_is_refused(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var nothing = await Assert.ThrowsAsync<StepException>(() => scene.RollBackAsync("previous"));
        var versions = await ThreeAsync(scene);
        await scene.Api.MergeAsync($"{scene.Cdi.Claims}/{versions[0]}/status", """{"status":{"phase":"Lost"} }""");

        var unknown = await Assert.ThrowsAsync<StepException>(() => scene.RollBackAsync("corp-fedora-20200101-00000000"));
        var incomplete = await Assert.ThrowsAsync<StepException>(() => scene.RollBackAsync(versions[0]));

        Assert.All([nothing, unknown, incomplete], refused => Assert.Equal(ExitCode.Missing, refused.Code));
        Assert.Contains("it is not there", nothing.Message, StringComparison.Ordinal);
        Assert.Contains("there is no such version", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("its claim is Lost, not Bound", incomplete.Message, StringComparison.Ordinal);
        Assert.Equal(versions[2], await scene.CurrentAsync());
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_rollback_that_died_before_the_flip_is_gone_on_with(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);
        await scene.Api.MergeAsync(
            $"{scene.Cdi.DataVolumes}/{versions[1]}", $$"""{"metadata":{"annotations":{"goldenimage.io/state":"publishing","goldenimage.io/touched-at":"{{Timestamp.Format(DateTimeOffset.UtcNow)}}"} } }""");

        Assert.Equal(versions[1], (await scene.RollBackAsync("previous")).Volume);
    }

    private static async Task<IReadOnlyList<string>> ThreeAsync(Scene scene)
    {
        var versions = new List<string>();
        for (var run = 1; run <= 3; run++)
        {
            await scene.WorkAsync($"run-{run}-work");
            var request = scene.Request($"run-{run}-work") with { Force = true, Provenance = new Dictionary<string, string> { [Names.BuildKey] = $"key-{run}" } };
            versions.Add((await scene.PublishAsync(request)).Volume);
        }

        return versions;
    }
}
