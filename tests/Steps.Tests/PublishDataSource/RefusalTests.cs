using Kubernetes;
using Lab.ApiServers;
using StepRuntime;

namespace Steps.Tests.PublishDataSource;

public class RefusalTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    public static TheoryData<ApiServerKind, string, string, string> Managed
    {
        get
        {
            var all = new TheoryData<ApiServerKind, string, string, string>();
            foreach (var kind in ApiServerAssets.Kinds)
            {
                all.Add(kind, """{"cdi.kubevirt.io/dataImportCron":"fedora-cron","cdi.kubevirt.io/dataImportCron.cleanup":"true"}""", "", "the DataImportCron fedora-cron");
                all.Add(kind, "{}", ""","annotations":{"cdi.kubevirt.io/dataImportCron":"fedora-cron"}""", "the DataImportCron fedora-cron");
                all.Add(kind, """{"app.kubernetes.io/managed-by":"ssp-operator"}""", "", "ssp-operator");
                all.Add(kind, "{}", ""","ownerReferences":[{"apiVersion":"v1","kind":"SSP","name":"ssp","uid":"1","controller":true}]""", "SSP ssp");
            }

            return all;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Managed))]
    public async Task A_data_source_that_another_manages_is_refused_before_anything_is_copied_unless_forced(ApiServerKind kind, string labels, string more, string manager)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.PointAsync($$"""{"pvc":{"namespace":"{{scene.Shared}}","name":"theirs"} }""", labels, more);
        await scene.WorkAsync("run-1-work");

        var refused = await Assert.ThrowsAsync<StepException>(() => scene.PublishAsync("run-1-work"));

        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.Contains($"DataSource {scene.Shared}/corp-fedora: {manager} manages it", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--force=true", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await scene.VersionsAsync());
        Assert.Equal("theirs", await scene.CurrentAsync());

        var forced = await scene.PublishAsync(scene.Request("run-1-work") with { Force = true });
        Assert.Equal(("theirs", forced.Volume), (forced.Previous, await scene.CurrentAsync()));
        // CDI updates only a DataSource that has the cron's label, and deletes only one that has the other one with it.
        var meta = (await scene.DataSourceAsync())["metadata"]!;
        Assert.All(
            ["cdi.kubevirt.io/dataImportCron", "cdi.kubevirt.io/dataImportCron.cleanup"],
            name => Assert.True(meta["labels"]?[name] is null && meta["annotations"]?[name] is null, name));
        Assert.Contains(scene.Log, line => line.Contains(
            manager.Contains("Cron", StringComparison.Ordinal) ? $"taken from {manager}" : $"{manager} manages it and may take the publication back", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_volume_that_is_missing_or_not_bound_is_refused(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("unbound-work", isBound: false);

        var missing = await Assert.ThrowsAsync<StepException>(() => scene.PublishAsync("run-1-work"));
        var unbound = await Assert.ThrowsAsync<StepException>(() => scene.PublishAsync("unbound-work"));

        Assert.Equal((ExitCode.Missing, ExitCode.Missing), (missing.Code, unbound.Code));
        Assert.Contains($"PersistentVolumeClaim {scene.Private}/run-1-work: it is not there", missing.Message, StringComparison.Ordinal);
        Assert.Contains("not Bound", unbound.Message, StringComparison.Ordinal);
        Assert.Empty(await scene.VersionsAsync());
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_volume_of_the_versions_name_that_is_no_copy_of_ours_is_left_alone(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("run-1-work");
        var own = await scene.PublishAsync("run-1-work");
        await scene.Api.MergeAsync($"{scene.Cdi.DataVolumes}/{own.Volume}", """{"metadata":{"annotations":{"goldenimage.io/working-volume":"another"} } }""");

        var refused = await Assert.ThrowsAsync<StepException>(() => scene.PublishAsync("run-1-work"));

        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.Contains($"DataVolume {scene.Shared}/{own.Volume}: it is there already, and was not copied from", refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_missing_target_namespace_is_an_object_that_is_missing(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("run-1-work");

        var refused = await Assert.ThrowsAsync<KubernetesException>(() => scene.PublishAsync(scene.Request("run-1-work") with { Namespace = "nowhere" }));

        Assert.Equal(KubernetesFault.NotFound, refused.Kind);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task An_older_build_does_not_replace_a_newer_one(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("older-work");
        // Times are in seconds.
        await Task.Delay(1100);
        await scene.WorkAsync("newer-work");
        var newer = await scene.PublishAsync("newer-work");

        var older = await scene.PublishAsync("older-work");

        Assert.Equal(newer.Volume, older.Volume);
        Assert.Equal(newer.Volume, await scene.CurrentAsync());
        Assert.Equal([newer.Volume], (await scene.VersionsAsync()).Keys);
        Assert.Contains(scene.Log, line => line.Contains("which is newer", StringComparison.Ordinal));

        // A pointer to nothing is no reason to keep it back.
        await scene.Api.RemoveAsync($"{scene.Cdi.DataVolumes}/{newer.Volume}");
        while (await scene.Api.FindAsync($"{scene.Cdi.Claims}/{newer.Volume}") is not null)
        {
            await Task.Delay(20);
        }

        var now = await scene.PublishAsync("older-work");
        Assert.NotEqual(newer.Volume, now.Volume);
        Assert.Equal(now.Volume, await scene.CurrentAsync());
    }
}
