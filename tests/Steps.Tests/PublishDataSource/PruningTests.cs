using GoldenImages;
using Lab.ApiServers;

namespace Steps.Tests.PublishDataSource;

public class PruningTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_somebody_reads_stays_and_goes_when_nobody_does_any_more(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await PublishAsync(scene, 6, keep: 10);
        await scene.Api.CreateAsync($"/api/v1/namespaces/{scene.Shared}/pods", $$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"reader"},"spec":{"containers":[{"name":"c","image":"i"}],
             "volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"{{versions[0]}}","readOnly":true} }]} }
            """);
        await scene.Api.CreateAsync($"/apis/cdi.kubevirt.io/v1beta1/namespaces/{scene.Shared}/volumeclonesources", $$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"VolumeCloneSource","metadata":{"name":"volume-clone-source-1"},
             "spec":{"source":{"kind":"PersistentVolumeClaim","name":"{{versions[1]}}"} } }
            """);
        scene.Cdi.Failure = """{"phase":"CloneInProgress"}""";
        await scene.Api.CreateAsync(scene.Cdi.DataVolumes, $$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","metadata":{"name":"vm-disk","annotations":{"goldenimage.io/state":"none"} },
             "spec":{"source":{"pvc":{"namespace":"{{scene.Shared}}","name":"{{versions[2]}}"} },"storage":{} } }
            """);
        while ((string?)(await scene.VersionAsync("vm-disk"))["status"]?["phase"] != "CloneInProgress")
        {
            await Task.Delay(20);
        }

        (scene.Cdi.Stuck, scene.Cdi.Failure) = ("vm-disk", null);
        await scene.Api.CreateAsync(scene.Cdi.Claims, $$"""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"tmp-pvc-1","labels":{"cdi.kubevirt.io/OwnedByUID":"1"} },
             "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"} },"dataSource":{"kind":"PersistentVolumeClaim","name":"{{versions[3]}}"} } }
            """);
        await scene.WorkAsync("last-work");

        var last = await scene.PublishAsync(scene.Request("last-work", keep: 1) with { Force = true });

        string[] left = [.. versions.Take(4), last.Volume, "vm-disk"];
        Assert.Equal(left.Order(StringComparer.Ordinal), (await scene.VersionsAsync()).Keys.Order(StringComparer.Ordinal));
        Assert.All(
            ["Pod reader uses it", "VolumeCloneSource volume-clone-source-1 clones it", "DataVolume vm-disk clones it", "PersistentVolumeClaim tmp-pvc-1 is being made of it"],
            why => Assert.Contains(scene.Log, line => line.EndsWith(why, StringComparison.Ordinal)));

        await scene.Api.MergeAsync($"/api/v1/namespaces/{scene.Shared}/pods/reader/status", """{"status":{"phase":"Succeeded"} }""");
        await scene.Api.RemoveAsync($"/apis/cdi.kubevirt.io/v1beta1/namespaces/{scene.Shared}/volumeclonesources/volume-clone-source-1");
        await scene.Api.MergeAsync($"{scene.Cdi.DataVolumes}/vm-disk/status", """{"status":{"phase":"Succeeded"} }""");
        await scene.Api.RemoveAsync($"{scene.Cdi.Claims}/tmp-pvc-1");
        await scene.Cdi.ReleaseAsync("tmp-pvc-1");
        await scene.PublishAsync(scene.Request("last-work", keep: 1));
        Assert.Equal(new[] { last.Volume, "vm-disk" }.Order(StringComparer.Ordinal), (await scene.VersionsAsync()).Keys.Order(StringComparer.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_version_that_a_rollback_takes_hold_of_while_it_is_being_pruned_stays(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await PublishAsync(scene, 2, keep: 10);
        await scene.WorkAsync("last-work");
        var rolledBack = "";

        await scene.PublishAsync(scene.Request("last-work", keep: 1) with { Force = true }, inner => new Hook(inner, async request =>
        {
            // The last moment: listed, judged, the DataSource read, and about to be deleted.
            if (request.Method == HttpMethod.Delete && rolledBack.Length == 0)
            {
                rolledBack = request.RequestUri!.Segments[^1];
                await scene.RollBackAsync(rolledBack);
            }
        }));

        Assert.Contains(rolledBack, versions);
        Assert.Equal(rolledBack, await scene.CurrentAsync());
        Assert.Contains(rolledBack, (await scene.VersionsAsync()).Keys);
        Assert.Contains(scene.Log, line => line.Contains($"{rolledBack} stays: somebody has changed it", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_version_that_is_published_again_by_force_while_it_is_being_pruned_stays(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await PublishAsync(scene, 2, keep: 10);
        await scene.WorkAsync("last-work");
        var again = "";

        await scene.PublishAsync(scene.Request("last-work", keep: 1) with { Force = true }, inner => new Hook(inner, async request =>
        {
            if (request.Method == HttpMethod.Delete && again.Length == 0)
            {
                again = request.RequestUri!.Segments[^1];
                await scene.PublishAsync(scene.Request(again == versions[0] ? "run-1-work" : "run-2-work", keep: 10) with { Force = true });
            }
        }));

        Assert.Contains(again, versions);
        Assert.Equal(again, await scene.CurrentAsync());
        Assert.Equal(Names.PublishedState, (await scene.VersionsAsync()).GetValueOrDefault(again));
        Assert.Contains(scene.Log, line => line.Contains($"{again} stays: somebody has changed it", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Whoever_makes_a_deleted_data_source_anew_takes_hold_of_the_version_once_more(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await PublishAsync(scene, 2, keep: 10);
        var (deleted, calls) = (false, new List<string>());

        var again = await scene.PublishAsync(scene.Request("run-1-work", keep: 10) with { Force = true }, inner => new Hook(inner, async request =>
        {
            calls.Add($"{request.Method} {request.RequestUri!.Segments[^2].Trim('/')}");
            if (request.Method == HttpMethod.Patch && calls[^1].EndsWith("datasources", StringComparison.Ordinal) && !deleted)
            {
                deleted = true;
                await scene.Api.RemoveAsync($"{scene.Cdi.DataSources}/{Scene.Name}");
            }
        }));

        Assert.Equal(again.Volume, await scene.CurrentAsync());
        var made = calls.FindLastIndex(call => call == "POST " + scene.Shared);
        Assert.Equal("PATCH datavolumes", calls[made - 1]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_another_data_source_points_to_stays(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await PublishAsync(scene, 3, keep: 10);
        Task<System.Text.Json.Nodes.JsonNode> PointAsync(string name, string target) => scene.Api.CreateAsync(scene.Cdi.DataSources, $$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataSource","metadata":{"name":"{{name}}"},"spec":{"source":{{target}} } }
            """);
        await PointAsync("stable", $$"""{"pvc":{"namespace":"{{scene.Shared}}","name":"{{versions[0]}}"} }""");
        // One that CDI has not followed yet: its status shows what machines may be made of this very moment.
        await PointAsync("slow", $$"""{"pvc":{"namespace":"{{scene.Shared}}","name":"{{versions[1]}}"} }""");
        while ((string?)(await scene.Api.ReadAsync($"{scene.Cdi.DataSources}/slow"))["status"]?["source"]?["pvc"]?["name"] != versions[1])
        {
            await Task.Delay(20);
        }

        await scene.Api.MergeAsync($"{scene.Cdi.DataSources}/slow", """{"spec":{"source":{"pvc":{"namespace":"elsewhere","name":"theirs"} } } }""");
        await scene.Api.MergeAsync($"{scene.Cdi.DataSources}/slow", $$"""{"status":{"source":{"pvc":{"namespace":"{{scene.Shared}}","name":"{{versions[1]}}"} } } }""");

        await scene.PublishAsync(scene.Request("run-3-work", keep: 1));

        Assert.Contains(versions[0], (await scene.VersionsAsync()).Keys);
        Assert.Contains(scene.Log, line => line.EndsWith("DataSource stable points to it", StringComparison.Ordinal));

        await scene.Api.RemoveAsync($"{scene.Cdi.DataSources}/stable");
        await scene.Api.RemoveAsync($"{scene.Cdi.DataSources}/slow");
        await scene.PublishAsync(scene.Request("run-3-work", keep: 1));
        Assert.Equal([versions[2]], (await scene.VersionsAsync()).Keys);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_a_dead_run_left_is_pruned_after_a_day_and_not_before(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var versions = await PublishAsync(scene, 3, keep: 10);
        var (now, old) = (DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(-25));
        async Task Touch(string name, DateTimeOffset when, string published) => await scene.Api.MergeAsync(
            $"{scene.Cdi.DataVolumes}/{name}",
            $$"""{"metadata":{"annotations":{"goldenimage.io/state":"publishing","goldenimage.io/published-at":{{published}},"goldenimage.io/touched-at":"{{Timestamp.Format(when)}}"} } }""");
        // A copy whose run may go on; and one that was published, and whose rollback died: it counts as published again.
        await Touch(versions[0], now, "null");
        await Touch(versions[1], old, $"\"{Timestamp.Format(old)}\"");

        await scene.PublishAsync(scene.Request("run-3-work", keep: 1));

        Assert.Equal(new[] { versions[0], versions[2] }.Order(StringComparer.Ordinal), (await scene.VersionsAsync()).Keys.Order(StringComparer.Ordinal));
    }

    private static async Task<IReadOnlyList<string>> PublishAsync(Scene scene, int count, int keep)
    {
        var versions = new List<string>();
        for (var run = 1; run <= count; run++)
        {
            await scene.WorkAsync($"run-{run}-work");
            versions.Add((await scene.PublishAsync(scene.Request($"run-{run}-work", keep) with { Force = true })).Volume);
        }

        return versions;
    }

    private sealed class Hook(HttpMessageHandler inner, Func<HttpRequestMessage, Task> before) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await before(request);
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
