using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

public sealed class DiscardVolumeTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_volume_goes_although_finished_pods_name_it_and_going_twice_is_no_mistake(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("discard"));
        await work.VolumeAsync("run-work");
        await work.ClaimAsync("other");
        await work.PodAsync("customize", "run-work", "Succeeded");
        await work.PodAsync("seal", "run-work", "Failed");
        await work.PodAsync("stranger", "other", "Running");
        using var proxy = await ApiProxyServer.StartAsync(server);

        Assert.Equal("", await Discard(proxy.Kubeconfig(work.Namespace), "run-work"));
        Assert.Equal("PersistentVolumeClaim other Bound  []", await work.VolumesTextAsync());
        Assert.True(proxy.Requests.Count <= 10, string.Join('\n', proxy.Requests));
        Assert.Equal("", await Discard(proxy.Kubeconfig(work.Namespace), "run-work"));
        // Without a DataVolume it is the claim.
        await work.ClaimAsync("alone");
        Assert.Equal("", await Discard(proxy.Kubeconfig(work.Namespace), "alone"));
        Assert.Null(await work.FindAsync($"{work.Claims}/alone"));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_pod_that_runs_holds_the_volume_and_is_named_and_the_next_run_ends_it(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("discard"));
        await work.VolumeAsync("run-work");
        await work.PodAsync("done", "run-work", "Succeeded");
        await work.PodAsync("debugger", "run-work", "Running");
        var kubeconfig = server.Kubeconfig(work.Namespace);

        Assert.Equal("pod debugger", await Discard(kubeconfig, "run-work"));
        var claim = (await work.FindAsync($"{work.Claims}/run-work"))!;
        Assert.NotNull(claim["metadata"]!["deletionTimestamp"]);
        Assert.Equal("kubernetes.io/pvc-protection", (string?)claim["metadata"]!["finalizers"]![0]);
        Assert.Null(await work.FindAsync($"{work.Volumes}/run-work"));

        await server.Http.MergeAsync($"{work.Pods}/debugger/status", """{"status":{"phase":"Succeeded"}}""");
        Assert.Equal("", await Discard(kubeconfig, "run-work"));
        Assert.Null(await work.FindAsync($"{work.Claims}/run-work"));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_published_is_refused_and_stays(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var shared = new ClusterObjects(server, await server.CreateNamespaceAsync("shared"));
        await shared.VolumeAsync("corp-1", claimMetadata: ""","annotations":{"goldenimage.io/state":"published","goldenimage.io/data-source":"corp"}""");
        await shared.VolumeAsync("corp-2");
        await shared.VolumeAsync("corp-3", metadata: ""","labels":{"goldenimage.io/data-source":"corp"},"annotations":{"goldenimage.io/state":"publishing"}""");
        await shared.VolumeAsync("fedora-old", claimMetadata: ""","labels":{"cdi.kubevirt.io/dataImportCron":"fedora"}""");
        await shared.DataSourceAsync("corp", $$$"""{"pvc":{"namespace":"{{{shared.Namespace}}}","name":"corp-2"}}""");
        var before = await shared.VolumesTextAsync();

        foreach (var (name, why) in ((string, string)[])[("corp-1", "a published version of DataSource corp"), ("corp-2", "corp points at it"),
            ("corp-3", "it is being published as a version of DataSource corp"), ("fedora-old", "DataImportCron fedora imported it")])
        {
            var (step, code) = await ClusterStep.RunAsync("discard-volume", server.Kubeconfig(shared.Namespace), $"--volume-name={name}");
            using (step)
            {
                Assert.True(code == 2, step.Log);
                Assert.Contains(why, step.Error, StringComparison.Ordinal);
            }
        }

        Assert.Equal(before, await shared.VolumesTextAsync());
    }

    [SkippableFact]
    public async Task A_finalizer_of_somebody_else_is_waited_for_and_told()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("discard"));
        await work.ClaimAsync("held");
        await server.Http.MergeAsync($"{work.Claims}/held", """{"metadata":{"finalizers":["kubernetes.io/pvc-protection","example.org/backup"]}}""");

        Assert.Equal("finalizer example.org/backup", await Discard(server.Kubeconfig(work.Namespace), "held", "--wait=1s"));

        // While it waits it sees the end at once.
        var waiting = ClusterStep.Start("discard-volume", server.Kubeconfig(work.Namespace), "--volume-name=held", "--wait=1m");
        await server.Http.MergeAsync($"{work.Claims}/held", """{"metadata":{"finalizers":null}}""");
        using (waiting)
        {
            Assert.Equal(0, await waiting.EndAsync());
            Assert.Equal("", waiting.Result("pending"));
        }
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_DataVolume_that_a_finalizer_keeps_is_waited_for_and_told(bool hasClaim)
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("discard"));
        const string kept = ""","finalizers":["cdi.kubevirt.io/dataVolumeFinalizer"]""";
        if (hasClaim)
        {
            await work.VolumeAsync("run-work", metadata: kept);
        }
        else
        {
            await server.Http.CreateAsync(work.Volumes, $$$"""
                {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","metadata":{"name":"run-work"{{{kept}}}},
                 "spec":{"source":{"blank":{}},"storage":{"resources":{"requests":{"storage":"1Gi"} } } } }
                """);
        }

        Assert.Equal("finalizer cdi.kubevirt.io/dataVolumeFinalizer", await Discard(server.Kubeconfig(work.Namespace), "run-work", "--wait=1s"));
        using var waiting = ClusterStep.Start("discard-volume", server.Kubeconfig(work.Namespace), "--volume-name=run-work", "--wait=1m");
        await server.Http.MergeAsync($"{work.Volumes}/run-work", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(0, await waiting.EndAsync());
        Assert.Equal("", waiting.Result("pending"));
        Assert.Equal("", await work.VolumesTextAsync());
    }

    [SkippableTheory]
    [InlineData("datavolumes")]
    [InlineData("persistentvolumeclaims")]
    public async Task What_is_published_between_the_look_and_the_deletion_stays(string resource)
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("discard"));
        await work.VolumeAsync("run-work");
        using var proxy = await ApiProxyServer.StartAsync(server);
        proxy.Before = async request =>
        {
            if (request.Verb == "delete" && request.Resource.Kind == resource)
            {
                proxy.Before = _ => Task.FromResult(Verdict.Pass);
                await server.Http.MergeAsync($"{work.Claims}/run-work", """{"metadata":{"labels":{"goldenimage.io/data-source":"corp"}}}""");
                if (resource == "datavolumes")
                {
                    await server.Http.MergeAsync($"{work.Volumes}/run-work", """{"metadata":{"labels":{"goldenimage.io/data-source":"corp"}}}""");
                }
            }

            return Verdict.Pass;
        };

        var (step, code) = await ClusterStep.RunAsync("discard-volume", proxy.Kubeconfig(work.Namespace), "--volume-name=run-work");
        using (step)
        {
            Assert.True(code == 2, step.Log);
        }

        Assert.Null((await work.FindAsync($"{work.Claims}/run-work"))!["metadata"]!["deletionTimestamp"]);
    }

    [SkippableFact]
    public async Task A_kill_at_any_request_loses_nothing()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var report = await KillPoints.RunAsync(server, "discard-volume", async () =>
        {
            var work = new ClusterObjects(server, await server.CreateNamespaceAsync("kill"));
            await work.VolumeAsync("run-work");
            await work.VolumeAsync("published");
            await work.DataSourceAsync("corp", $$$"""{"pvc":{"namespace":"{{{work.Namespace}}}","name":"published"}}""");
            await work.PodAsync("customize", "run-work", "Succeeded");
            return new KillScene
            {
                Namespace = work.Namespace,
                Options = ["--volume-name=run-work"],
                State = work.VolumesTextAsync,
                Lost = async () => await work.FindAsync($"{work.Claims}/published") is null ? "the published volume is gone" : null,
            };
        });

        Assert.True(report.Losses.Count == 0, string.Join("\n\n", report.Losses));
        Assert.Equal(report.Requests.Count * 2, report.Points);
        Figures.Say($"discard-volume: {report}");
    }

    private static ApiServerKind Kind => ApiServerAssets.Kinds[^1];

    /// <summary>Runs it, successfully; the result <c>pending</c>.</summary>
    private static async Task<string> Discard(string kubeconfig, string name, params string[] options)
    {
        var (step, code) = await ClusterStep.RunAsync("discard-volume", kubeconfig, [$"--volume-name={name}", .. options]);
        using (step)
        {
            Assert.True(code == 0, step.Log);
            return step.Result("pending");
        }
    }
}
