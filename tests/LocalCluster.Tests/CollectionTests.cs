using Kubernetes;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class CollectionTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    private static async Task<string> OwnedAsync(CdiBench bench, string owner)
    {
        bench.Create($$"""
            apiVersion: v1
            kind: ConfigMap
            metadata: { name: {{owner}}, namespace: NS }
            """);
        var uid = bench.Kubectl.Run("get", "configmap", owner, "-o", "jsonpath={.metadata.uid}");
        bench.Create($$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata:
              name: {{owner}}-volume
              namespace: NS
              ownerReferences: [{ apiVersion: v1, kind: ConfigMap, name: {{owner}}, uid: {{uid}} }]
            spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
            """);
        await bench.DoneAsync($"{owner}-volume");
        await bench.BoundAsync($"{owner}-volume");
        return Path.GetDirectoryName(await bench.PathAsync($"{owner}-volume"))!;
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_is_owned_goes_with_its_owner_unless_it_is_orphaned(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        foreach (var cascade in (string[])["background", "foreground", "orphan"])
        {
            var folder = await OwnedAsync(bench, cascade);
            bench.Kubectl.Run("delete", "configmap", cascade, $"--cascade={cascade}");
            if (cascade == "orphan")
            {
                await Task.Delay(300);
                var kept = await bench.Client.GetAsync(Kinds.DataVolumes, bench.Space, "orphan-volume", CdiBench.Limit());
                Assert.Null(kept.Metadata.DeletionTimestamp);
                Assert.True(Directory.Exists(folder));
            }
            else
            {
                await bench.GoneAsync(Kinds.DataVolumes, $"{cascade}-volume");
                await bench.GoneAsync(Kinds.PersistentVolumeClaims, $"{cascade}-volume");
                await DataVolumeTests.Eventually(() => !Directory.Exists(folder));
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_deleted_namespace_takes_its_content_along(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        var folder = await OwnedAsync(bench, "owner");
        bench.Kubectl.Run("delete", "namespace", bench.Space, "--wait=false");
        await bench.Client.WaitAsync(Kinds.Namespaces, null, bench.Space, found => found is null, CdiBench.Limit());
        await bench.GoneAsync(Kinds.DataVolumes, "owner-volume");
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, "owner-volume");
        await DataVolumeTests.Eventually(() => !Directory.Exists(folder));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_API_server_that_is_killed_and_comes_back_ends_nothing(ApiServerKind kind)
    {
        using var server = await ApiServerFixture.StartOwnAsync(kind);
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var bench = await CdiBench.StartAsync(
            kind, options => options with
            {
                Hold = async (_, now, cancellation) =>
                {
                    if (now == "ImportInProgress")
                    {
                        reached.TrySetResult();
                        await go.Task.WaitAsync(cancellation);
                    }
                },
            },
            server);
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: blank, namespace: NS }
            spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
            """);
        await reached.Task.WaitAsync(CdiBench.Limit());
        await server.StopAsync(kill: true);
        go.SetResult();
        await server.StartAsync();
        await bench.DoneAsync("blank");
        await bench.BoundAsync("blank");
    }
}
