using Lab;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

[Trait("Suite", "Long")]
public sealed class LeastRightsTests
{
    [SkippableFact]
    public Task Clone_source_needs_each_permission_of_its_file_and_no_other() =>
        ProveCloneAsync("tasks/clone-source/rbac-two-namespaces.yaml", twoNamespaces: true);

    [SkippableFact]
    public Task Clone_source_in_one_namespace_needs_each_permission_of_its_file_and_no_other() =>
        ProveCloneAsync("tasks/clone-source/rbac.yaml", twoNamespaces: false);

    private static async Task ProveCloneAsync(string file, bool twoNamespaces)
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var proved = await LeastRights.ProveAsync(
            server, "clone-source", file,
            () => Scene("--source-name=fedora"),
            () => Scene("--source-name=fedora", cutWatches: true),
            () => Scene("--source-name=snapshots"),
            () => Scene("--source-name=fedora", afterFailure: true),
            () => Scene("--source-url=https://example.org/disk --size=1Gi", code: 5, status: ClusterObjects.Failed));
        Figures.Say($"{file}: {proved} permissions, each needed");

        async Task<RightsScene> Scene(string options, int code = 0, string? status = null, bool cutWatches = false, bool afterFailure = false)
        {
            var work = new ClusterObjects(server, await server.CreateNamespaceAsync("rights"));
            var vendor = twoNamespaces ? new ClusterObjects(server, await server.CreateNamespaceAsync("rights")) : work;
            await vendor.VolumeAsync("fedora-1", """{"http":{"url":"https://example.org/fedora"}}""");
            await vendor.DataSourceAsync("fedora", $$$"""{"pvc":{"namespace":"{{{vendor.Namespace}}}","name":"fedora-1"}}""");
            await vendor.SnapshotAsync("snap", ""","labels":{"cdi.kubevirt.io/dataImportCron":"cron"}""");
            await vendor.DataSourceAsync("snapshots", $$$"""{"snapshot":{"namespace":"{{{vendor.Namespace}}}","name":"snap"}}""");
            string[] all = [.. options.Split(' '), "--target-name=run-work", $"--source-namespace={vendor.Namespace}"];
            if (afterFailure)
            {
                // An administrator's run of the same.
                await using var cdi = new HandCdi(server, work.Namespace, ClusterObjects.Failed);
                var (step, failed) = await ClusterStep.RunAsync("clone-source", server.Kubeconfig(work.Namespace), all);
                using (step)
                {
                    Assert.Equal(5, failed);
                }
            }

            return new RightsScene
            {
                Home = work.Namespace,
                Namespaces = new Dictionary<string, string>
                {
                    [RbacFile.Home] = work.Namespace,
                    ["golden-images"] = work.Namespace,
                    ["private-sources"] = vendor.Namespace,
                },
                Options = all,
                ClonesFrom = twoNamespaces ? "private-sources" : null,
                Code = code,
                Before = cutWatches ? RightsScene.FirstWatchesAreGone() : _ => Task.FromResult(Lab.ApiProxy.Verdict.Pass),
                Players = [status is null ? new HandCdi(server, work.Namespace, bindsLate: true) : new HandCdi(server, work.Namespace, status)],
            };
        }
    }

    [SkippableFact]
    public async Task Discard_volume_needs_each_permission_of_its_file_and_no_other()
    {
        const string file = "tasks/discard-volume/rbac.yaml";
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var proved = await LeastRights.ProveAsync(server, "discard-volume", file, () => Scene(held: false), () => Scene(held: true), () => Scene(held: true, cutWatches: true));
        Figures.Say($"{file}: {proved} permissions, each needed");

        async Task<RightsScene> Scene(bool held, bool cutWatches = false)
        {
            var work = new ClusterObjects(server, await server.CreateNamespaceAsync("rights"));
            await work.VolumeAsync("run-work", metadata: held ? ""","finalizers":["cdi.kubevirt.io/dataVolumeFinalizer"]""" : "");
            if (held)
            {
                await server.Http.MergeAsync($"{work.Claims}/run-work", """{"metadata":{"finalizers":["kubernetes.io/pvc-protection","example.org/backup"]}}""");
            }

            return new RightsScene
            {
                Home = work.Namespace,
                Namespaces = new Dictionary<string, string> { [RbacFile.Home] = work.Namespace },
                Options = ["--volume-name=run-work", "--wait=4s"],
                Before = cutWatches ? RightsScene.FirstWatchesAreGone() : _ => Task.FromResult(Lab.ApiProxy.Verdict.Pass),
            };
        }
    }
}
