using System.Collections.Concurrent;
using Kubernetes;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class CloneTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    private const string Source = """
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata: { name: source, namespace: NS }
        spec: { source: { upload: {} }, pvc: { accessModes: [ReadWriteOnce], volumeMode: MODE, resources: { requests: { storage: 16Mi } } } }
        """;

    private static string Clone(string name, string source, string storage = "{}", string annotations = "{}") => $$"""
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata: { name: {{name}}, namespace: NS, annotations: {{annotations}} }
        spec: { {{source}}, storage: {{storage}} }
        ---

        """;

    private const string FromPvc = "source: { pvc: { namespace: NS, name: source } }";

    private static async Task<string> SourceAsync(CdiBench bench, string mode = "Filesystem")
    {
        bench.Create(Source.Replace("MODE", mode));
        var disk = bench.Disk();
        await bench.Cdi.UploadAsync(bench.Space, "source", disk, CdiBench.Limit());
        await bench.BoundAsync("source");
        return disk;
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Snapshots_DataSources_and_pointers_to_them_are_cloned(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { CloneStrategy = "snapshot" });
        var disk = await SourceAsync(bench);
        bench.Create("""
            apiVersion: snapshot.storage.k8s.io/v1
            kind: VolumeSnapshot
            metadata: { name: snap, namespace: NS }
            spec: { source: { persistentVolumeClaimName: source } }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: direct, namespace: NS, labels: { instancetype.kubevirt.io/default-preference: from-data-source } }
            spec: { source: { snapshot: { namespace: NS, name: snap } } }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: pointer, namespace: NS }
            spec: { source: { dataSource: { namespace: NS, name: direct } } }
            """);
        await bench.Client.WaitAsync(
            Kinds.VolumeSnapshots, bench.Space, "snap", found => found?.Status is { ReadyToUse: true, RestoreSize: "16Mi" }, CdiBench.Limit());
        var phases = await bench.PhasesAsync("smart", () =>
        {
            bench.Create(Clone("smart", FromPvc));
            return Task.CompletedTask;
        });
        Assert.Equal(
            ["", "CloneScheduled", "SnapshotForSmartCloneInProgress", "CloneFromSnapshotSourceInProgress", "PrepClaimInProgress", "RebindInProgress", "Succeeded"], phases);
        phases = await bench.PhasesAsync("from-snapshot", () =>
        {
            bench.Create(Clone("from-snapshot", "source: { snapshot: { namespace: NS, name: snap } }"));
            return Task.CompletedTask;
        });
        Assert.Equal(["", "CloneScheduled", "CloneFromSnapshotSourceInProgress", "PrepClaimInProgress", "RebindInProgress", "Succeeded"], phases);
        bench.Create(Clone("by-reference", "sourceRef: { kind: DataSource, name: pointer }"));
        await bench.DoneAsync("by-reference");
        foreach (var name in (string[])["smart", "from-snapshot", "by-reference"])
        {
            await bench.BoundAsync(name);
            await bench.SameDiskAsync(disk, name);
        }

        var byReference = await bench.Client.GetAsync(Kinds.DataVolumes, bench.Space, "by-reference", CdiBench.Limit());
        Assert.Equal("from-data-source", byReference.Metadata.Label("instancetype.kubevirt.io/default-preference"));

        // A snapshot outlives its volume; its own data goes with it.
        bench.Kubectl.Run("delete", "dv", "source");
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, "source");
        bench.Create(Clone("later", "source: { snapshot: { namespace: NS, name: snap } }"));
        await bench.DoneAsync("later");
        bench.Kubectl.Run("delete", "volumesnapshot", "snap");
        await DataVolumeTests.Eventually(() => !Directory.EnumerateFileSystemEntries(bench.Scratch["state/snapshots"]).Any());
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_source_that_is_missing_larger_or_in_use_is_told_and_waited_for(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { CloneStrategy = "copy" });
        bench.Create(Clone("early", FromPvc));
        var early = await bench.UntilAsync("early", found => Condition.Of(found.Status?.Conditions, "Bound")?.Reason == "CloneWithoutSource");
        Assert.Equal("", early.Status!.Phase ?? "");
        Assert.Equal("The source pvc source doesn't exist", Condition.Of(early.Status.Conditions, "Ready")!.Message);
        var disk = await SourceAsync(bench, "Block");
        await bench.DoneAsync("early");
        bench.Create(Clone("small", FromPvc, "{ resources: { requests: { storage: 8Mi } } }"));
        var small = await bench.UntilAsync("small", found => Condition.Of(found.Status?.Conditions, "Bound")?.Reason == "CloneValidationFailed");
        Assert.EndsWith("smaller than the source 8388608 < 16777216", Condition.Of(small.Status!.Conditions, "Bound")!.Message, StringComparison.Ordinal);

        bench.Create("""
            apiVersion: v1
            kind: Pod
            metadata: { name: writer, namespace: NS }
            spec:
              containers: [{ name: one, image: none, volumeDevices: [{ name: disk, devicePath: /dev/disk }] }]
              volumes: [{ name: disk, persistentVolumeClaim: { claimName: source } }]
            """);
        await DataVolumeTests.Eventually(() => bench.Cdi.World.Pods.Find(bench.Space, "writer") is not null);
        bench.Create(Clone("waiting", FromPvc));
        await bench.UntilAsync("waiting", found => found.Status?.Phase == "CloneInProgress");
        await bench.Client.WaitAsync(
            Kinds.VolumeCloneSources, bench.Space, $"volume-clone-source-{(await bench.Client.GetAsync(Kinds.DataVolumes, bench.Space, "waiting", CdiBench.Limit())).Metadata.Uid}",
            found => found?.Spec.Source.Name == "source", CdiBench.Limit());
        var told = false;
        for (var attempt = 0; !told && attempt < 100; attempt++)
        {
            await Task.Delay(50);
            told = bench.Kubectl.Run("get", "events", "-o", "jsonpath={.items[*].reason}").Contains("CloneSourceInUse");
        }

        Assert.True(told);
        Assert.Equal("CloneInProgress", (await bench.Client.GetAsync(Kinds.DataVolumes, bench.Space, "waiting", CdiBench.Limit())).Status!.Phase);
        bench.Kubectl.Run("patch", "pod", "writer", "--subresource=status", "--type=merge", "-p", """{"status":{"phase":"Succeeded"}}""");
        await bench.DoneAsync("waiting");
        await bench.BoundAsync("waiting");
        await bench.SameDiskAsync(disk, "waiting");
        Assert.Equal("Block", (await bench.BoundAsync("waiting"))!.Spec.VolumeMode);
        await DataVolumeTests.Eventually(() => bench.Kubectl.Run("get", "volumeclonesources", "-o", "name").Length == 0);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Controllers_that_are_stopped_in_any_phase_go_on_when_they_are_back(ApiServerKind kind)
    {
        var reached = new ConcurrentDictionary<string, TaskCompletionSource>();
        await using var bench = await CdiBench.StartAsync(kind);
        var disk = await SourceAsync(bench);
        await bench.StopCdiAsync();
        foreach (var phase in (string[])["CloneScheduled", "CSICloneInProgress", "PrepClaimInProgress", "RebindInProgress"])
        {
            bench.StartCdi(options => options with
            {
                Hold = async (_, now, cancellation) =>
                {
                    if (now == phase)
                    {
                        reached.GetOrAdd(phase, _ => new()).TrySetResult();
                        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                    }
                },
            });
            var name = phase.ToLowerInvariant();
            bench.Create(Clone(name, FromPvc));
            await reached.GetOrAdd(phase, _ => new()).Task.WaitAsync(CdiBench.Limit());
            await bench.StopCdiAsync();
            bench.StartCdi(options => options with { Hold = (_, _, _) => Task.CompletedTask });
            await bench.DoneAsync(name);
            await bench.BoundAsync(name);
            await bench.SameDiskAsync(disk, name);
            await bench.StopCdiAsync();
        }

        bench.StartCdi();
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_clone_that_is_deleted_in_the_middle_leaves_nothing(ApiServerKind kind)
    {
        var reached = new TaskCompletionSource();
        await using var bench = await CdiBench.StartAsync(kind, options => options with
        {
            Hold = async (_, now, cancellation) =>
            {
                if (now == "RebindInProgress")
                {
                    reached.TrySetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                }
            },
        });
        await SourceAsync(bench);
        bench.Create(Clone("gone", FromPvc).Replace("namespace: NS, annotations", "namespace: OTHER, annotations"));
        await reached.Task.WaitAsync(CdiBench.Limit());
        bench.Kubectl.Run("delete", "dv", "gone", "-n", bench.Other);
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, "gone", bench.Other);
        await DataVolumeTests.Eventually(() => Directory.GetDirectories(bench.Scratch["state/volumes"]).Length == 1);
        await DataVolumeTests.Eventually(() => bench.Kubectl.Run("get", "volumeclonesources", "-o", "name").Length == 0);
    }
}
