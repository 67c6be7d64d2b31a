using Kubernetes;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class DataVolumeTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_container_disk_is_imported_with_its_hints_and_cloned_within_and_across_namespaces(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        var disk = bench.Disk();
        await bench.PushAsync(disk, $"{bench.Space}/vendor");
        var phases = await bench.PhasesAsync("vendor", () =>
        {
            bench.Create("""
                apiVersion: cdi.kubevirt.io/v1beta1
                kind: DataVolume
                metadata: { name: vendor, namespace: NS, labels: { team: red }, annotations: { note: kept } }
                spec:
                  source: { registry: { url: "docker://REGISTRY/NS/vendor:1" } }
                  storage: { resources: { requests: { storage: 16Mi } } }
                """);
            return Task.CompletedTask;
        });
        Assert.Equal(["", "Pending", "ImportScheduled", "ImportInProgress", "Succeeded"], phases);
        var claim = await bench.BoundAsync("vendor");
        var done = await bench.UntilAsync("vendor", found => Condition.Of(found.Status?.Conditions, "Bound")!.IsTrue);
        Assert.Equal("Bound=True/Bound Ready=True/ Running=False/Completed", CdiBench.Conditions(done));
        Assert.Equal("100.0%", done.Status!.Progress);
        Assert.Equal("u1.medium", done.Metadata.Label("instancetype.kubevirt.io/default-instancetype"));
        Assert.Equal("debian", claim!.Metadata.Label("instancetype.kubevirt.io/default-preference"));
        Assert.Equal(("red", "kept"), (claim.Metadata.Label("team"), claim.Metadata.Annotation("note")));
        Assert.Equal(done.Metadata.Uid, claim.Metadata.OwnerReferences!.Single(owner => owner.Controller == true).Uid);
        await bench.SameDiskAsync(disk, "vendor");
        Assert.Equal(16 << 20, new FileInfo(await bench.PathAsync("vendor")).Length);

        phases = await bench.PhasesAsync("copy", () =>
        {
            bench.Create("""
                apiVersion: cdi.kubevirt.io/v1beta1
                kind: DataVolume
                metadata: { name: copy, namespace: NS }
                spec:
                  source: { pvc: { namespace: NS, name: vendor } }
                  storage: {}
                """);
            return Task.CompletedTask;
        });
        Assert.Equal(["", "CloneScheduled", "CSICloneInProgress", "PrepClaimInProgress", "RebindInProgress", "Succeeded"], phases);
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: copy, namespace: OTHER }
            spec:
              source: { pvc: { namespace: NS, name: vendor } }
              storage: {}
            """);
        await bench.DoneAsync("copy", bench.Other);
        foreach (var space in (string[])[bench.Space, bench.Other])
        {
            var copy = await bench.BoundAsync("copy", space);
            Assert.Equal(claim.Status!.Capacity!["storage"], copy!.Status!.Capacity!["storage"]);
            Assert.Equal("u1.medium", copy.Metadata.Label("instancetype.kubevirt.io/default-instancetype"));
            await bench.SameDiskAsync(disk, "copy", space);
        }

    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_claim_is_bound_held_by_pods_that_name_it_and_its_volume_goes_with_it(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        bench.Create("""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: { name: plain, namespace: NS }
            spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
            ---
            apiVersion: v1
            kind: Pod
            metadata: { name: user, namespace: NS }
            spec:
              restartPolicy: Never
              containers: [{ name: one, image: none }]
              volumes: [{ name: disk, persistentVolumeClaim: { claimName: plain } }]
            """);
        var claim = await bench.BoundAsync("plain");
        Assert.Equal("1Gi", claim!.Status!.Capacity!["storage"]);
        Assert.Contains("kubernetes.io/pvc-protection", claim.Metadata.Finalizers!);
        var folder = Path.GetDirectoryName(await bench.PathAsync("plain"))!;
        bench.Kubectl.Run("delete", "pvc", "plain", "--wait=false");
        bench.Kubectl.Run("patch", "pod", "user", "--subresource=status", "--type=merge", "-p", """{"status":{"phase":"Succeeded"}}""");
        await Task.Delay(300);
        Assert.NotNull((await bench.Client.FindAsync(Kinds.PersistentVolumeClaims, bench.Space, "plain", CdiBench.Limit()))!.Metadata.DeletionTimestamp);
        Assert.True(Directory.Exists(folder));
        bench.Kubectl.Run("delete", "pod", "user", "--force", "--grace-period=0");
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, "plain");
        await Eventually(() => !Directory.Exists(folder));
    }

    internal static async Task Eventually(Func<bool> holds)
    {
        for (var attempt = 0; !holds(); attempt++)
        {
            Assert.True(attempt < 500, "it did not come true within 10 s");
            await Task.Delay(20);
        }
    }
}
