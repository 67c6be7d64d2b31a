using System.Net;
using System.Text;
using Lab.ApiServers;
using StepRuntime;

namespace Steps.Tests.PublishDataSource;

/// <summary>The claim of a DataVolume that was deleted in the background, before the garbage collector comes for it.</summary>
public class LeftClaimTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task It_is_no_version_to_roll_back_to_and_none_that_counts(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);
        scene.Cdi.Collects = false;
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{versions[1]}");
        Assert.NotNull(await scene.Api.FindAsync($"{scene.Cdi.Claims}/{versions[1]}"));

        var refused = await Assert.ThrowsAsync<StepException>(() => scene.RollBackAsync(versions[1]));
        Assert.Contains("there is no such version", refused.Message, StringComparison.Ordinal);
        Assert.Equal(versions[0], (await scene.RollBackAsync("previous")).Volume);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_version_whose_data_volume_an_old_cdi_removed_is_one_still(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await ThreeAsync(scene);
        // CDI before 1.62 takes itself off the owners first.
        await scene.Api.MergeAsync($"{scene.Cdi.Claims}/{versions[1]}", """{"metadata":{"ownerReferences":null,"annotations":{"goldenimage.io/state":"published"} } }""");
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{versions[1]}");

        Assert.Equal(versions[1], (await scene.RollBackAsync(versions[1])).Volume);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task It_is_not_what_a_rerun_goes_on_with(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("run-1-work");
        var own = (await scene.PublishAsync("run-1-work")).Volume;
        scene.Cdi.Collects = false;
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{own}");
        var left = (string?)(await scene.Api.ReadAsync($"{scene.Cdi.Claims}/{own}"))["metadata"]!["uid"];

        var rerun = scene.PublishAsync(scene.Request("run-1-work"), inner => new Admission(inner, scene, own));
        await Task.Delay(300);
        Assert.False(rerun.IsCompleted);
        await scene.Cdi.CollectAsync(own);

        Assert.Equal(own, (await rerun).Volume);
        Assert.NotEqual(left, (string?)(await scene.Api.ReadAsync($"{scene.Cdi.Claims}/{own}"))["metadata"]!["uid"]);
        Assert.Equal("Succeeded", (string?)(await scene.VersionAsync(own))["status"]!["phase"]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_rerun_whose_working_volume_is_gone_does_not_publish_it(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("run-1-work");
        var own = (await scene.PublishAsync("run-1-work")).Volume;
        scene.Cdi.Collects = false;
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{own}");
        await scene.DiscardAsync("run-1-work");

        var refused = await Assert.ThrowsAsync<StepException>(() => scene.PublishAsync("run-1-work"));

        Assert.Equal(ExitCode.Missing, refused.Code);
        Assert.Contains("no version was made of it", refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_data_source_that_points_to_it_holds_nobody_back(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("older-work");
        // Times are in seconds.
        await Task.Delay(1100);
        await scene.WorkAsync("newer-work");
        var newer = (await scene.PublishAsync("newer-work")).Volume;
        scene.Cdi.Collects = false;
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{newer}");

        var now = await scene.PublishAsync("older-work");

        Assert.NotEqual(newer, now.Volume);
        Assert.Equal(now.Volume, await scene.CurrentAsync());
    }

    private static async Task<IReadOnlyList<string>> ThreeAsync(Scene scene)
    {
        var versions = new List<string>();
        for (var run = 1; run <= 3; run++)
        {
            await scene.WorkAsync($"run-{run}-work");
            versions.Add((await scene.PublishAsync(scene.Request($"run-{run}-work") with { Force = true })).Volume);
        }

        return versions;
    }

    /// <summary>CDI's webhook: no DataVolume where a claim has its name (datavolumes-validate, "Destination PVC … already exists").</summary>
    private sealed class Admission(HttpMessageHandler inner, Scene scene, string name) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath == scene.Cdi.DataVolumes && await scene.Api.FindAsync($"{scene.Cdi.Claims}/{name}") is not null
                ? new HttpResponseMessage(HttpStatusCode.UnprocessableEntity)
                {
                    Content = new StringContent(
                        $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422,"message":"Destination PVC {{scene.Shared}}/{{name}} already exists"}""",
                        Encoding.UTF8, "application/json"),
                }
                : await base.SendAsync(request, cancellationToken);
    }
}
