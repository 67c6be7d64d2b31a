using System.Security.Cryptography;
using Kubernetes;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class ImportTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    private static string Http(string name, string url, string size = "16Mi", string more = "") => $$"""
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata: { name: {{name}}, namespace: NS }
        spec:
          source: { http: { url: "{{url}}"{{more}} } }
          storage: { resources: { requests: { storage: {{size}} } } }
        ---

        """;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Raw_and_qcow2_images_come_by_http_and_by_upload_and_an_empty_disk_by_itself(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        await using var web = await FileServer.StartAsync(bench.Scratch.Folder);
        var disk = bench.Disk();
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, bench.Scratch["disk.qcow2"]);
        var sum = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(disk)));
        bench.Create(
            Http("raw", $"{web.Url}/disk.raw", more: $", checksum: \"sha256:{sum}\"") + Http("qcow2", $"{web.Url}/disk.qcow2")
            + Http("wrong", $"{web.Url}/disk.raw", more: $", checksum: \"sha256:{sum.Replace(sum[0], sum[0] == '0' ? '1' : '0')}\"") + """
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: blank, namespace: NS }
            spec: { source: { blank: {} }, pvc: { accessModes: [ReadWriteOnce], volumeMode: Block, resources: { requests: { storage: 4Mi } } } }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: sent, namespace: NS }
            spec: { source: { upload: {} }, storage: { resources: { requests: { storage: 16Mi } } } }
            """);
        var ready = await bench.UntilAsync("sent", found => found.Status?.Phase == "UploadReady");
        Assert.Equal("Bound=False/Pending Ready=False/TransferRunning Running=True/Pod is running", CdiBench.Conditions(ready));
        await bench.Cdi.UploadAsync(bench.Space, "sent", bench.Scratch["disk.qcow2"], CdiBench.Limit());
        foreach (var name in (string[])["raw", "qcow2", "sent"])
        {
            await bench.DoneAsync(name);
            await bench.BoundAsync(name);
            await bench.SameDiskAsync(disk, name);
            var mode = File.GetUnixFileMode(await bench.PathAsync(name));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, mode);
            if (Environment.IsPrivilegedProcess)
            {
                Assert.Equal("107:107", Tool.Run("stat", "--format=%u:%g", await bench.PathAsync(name)).Output.Trim());
            }

            Assert.Equal(["disk.img"], Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(await bench.PathAsync(name))!).Select(Path.GetFileName));
        }

        await bench.DoneAsync("blank");
        await bench.BoundAsync("blank");
        Assert.Equal(4 << 20, new FileInfo(await bench.PathAsync("blank")).Length);
        var wrong = await bench.UntilAsync("wrong", found => found.Status?.Phase == "Failed");
        Assert.Equal("ChecksumError", Condition.Of(wrong.Status!.Conditions, "Running")!.Reason);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_import_goes_on_over_what_a_kill_left_and_when_its_claim_was_deleted(ApiServerKind kind)
    {
        var reached = new TaskCompletionSource();
        await using var bench = await CdiBench.StartAsync(kind, options => options with
        {
            Hold = async (_, phase, cancellation) =>
            {
                if (phase == "ImportInProgress")
                {
                    reached.TrySetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                }
            },
        });
        await using var web = await FileServer.StartAsync(bench.Scratch.Folder);
        var disk = bench.Disk();
        bench.Create(Http("held", $"{web.Url}/disk.raw"));
        await reached.Task.WaitAsync(CdiBench.Limit());
        var claim = await bench.Client.GetAsync(Kinds.PersistentVolumeClaims, bench.Space, "held", CdiBench.Limit());
        // kubectl would wait for a moment without such a claim, and there may be none.
        bench.Kubectl.Run("delete", "pvc", "held", "--wait=false");
        var anew = await bench.Client.WaitAsync(
            Kinds.PersistentVolumeClaims, bench.Space, "held", found => found is not null && found.Metadata.Uid != claim.Metadata.Uid, CdiBench.Limit());
        await bench.StopCdiAsync();
        foreach (var name in (string[])[".unfinished.img", ".unfinished.img.partial", ".download"])
        {
            bench.Scratch.File($"state/volumes/pvc-{anew!.Metadata.Uid}/{name}", "what a kill left");
        }

        bench.Scratch.File("state/volumes/pvc-nobodys/disk.img", "what a kill left");
        bench.Scratch.File("state/owners/pvc-nobodys", $"{bench.Space}/nobody");
        bench.StartCdi(options => options with { Hold = (_, _, _) => Task.CompletedTask });
        await bench.DoneAsync("held");
        await bench.SameDiskAsync(disk, "held");
        await DataVolumeTests.Eventually(() => Directory.GetDirectories(bench.Scratch["state/volumes"]).Length == 1);
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(await bench.PathAsync("held"))!));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_makes_no_sense_is_told_and_ends_nothing_else(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        await using var web = await FileServer.StartAsync(bench.Scratch.Folder);
        bench.Scratch.File("odd.raw", "not whole sectors");
        await File.WriteAllBytesAsync(bench.Scratch["cut.qcow2"], [(byte)'Q', (byte)'F', (byte)'I', 0xfb, 0, 0, 0, 3, 1, 2, 3]);
        bench.Create(Http("ftp", "ftp://127.0.0.1/disk.raw") + Http("relative", "disk.raw") + Http("odd", $"{web.Url}/odd.raw") + Http("cut", $"{web.Url}/cut.qcow2") + """
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: archive, namespace: NS }
            spec: { source: { registry: { url: "oci-archive://x" } }, storage: { resources: { requests: { storage: 4Mi } } } }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: secret, namespace: NS }
            spec: { source: { registry: { url: "docker://REGISTRY/x", secretRef: nobody } }, storage: { resources: { requests: { storage: 4Mi } } } }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata: { name: odd, namespace: NS, annotations: { cdi.kubevirt.io/storage.import.sourceDesiredDigest: "sha256:0" } }
            spec:
              schedule: "0 0 1 1 *"
              managedDataSource: odd
              template: { spec: { source: { registry: { url: "x" } }, storage: { resources: { requests: { storage: 4Mi } } } } }
            """);
        foreach (var name in (string[])["ftp", "relative", "odd", "cut", "archive", "secret"])
        {
            await bench.UntilAsync(name, found => Condition.Of(found.Status?.Conditions, "Running")?.Reason == "Error");
        }

        bench.Create("""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: { name: well, namespace: NS }
            spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
            """);
        await bench.BoundAsync("well");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_fails_is_tried_again_counted_and_recovers(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        await using var web = await FileServer.StartAsync(bench.Scratch.Folder);
        bench.Create(
            Http("late", $"{web.Url}/late.raw") + Http("small", $"{web.Url}/large.raw", "4Mi") + """
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: absent, namespace: NS }
            spec:
              source: { registry: { url: "docker://REGISTRY/NS/absent:1" } }
              storage: { resources: { requests: { storage: 16Mi } } }
            """);
        bench.Disk("large.raw");
        var late = await bench.UntilAsync("late", found => found.Status?.RestartCount >= 2 && Condition.Of(found.Status.Conditions, "Running")!.Reason == "Error");
        Assert.Equal("ImportInProgress", late.Status!.Phase);
        Assert.Equal(
            "False/Error/Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found",
            CdiBench.Show(Condition.Of(late.Status.Conditions, "Running")));
        var disk = bench.Disk("late.raw");
        await bench.DoneAsync("late");
        await bench.BoundAsync("late");
        await bench.SameDiskAsync(disk, "late");
        var small = await bench.UntilAsync("small", found => Condition.Of(found.Status?.Conditions, "Running")?.Message == "DataVolume too small to contain image");
        Assert.Equal("ImportInProgress", small.Status!.Phase);
        await bench.UntilAsync("absent", found => Condition.Of(found.Status?.Conditions, "Running")?.Reason == "ImagePullFailed");
        bench.Kubectl.Run("delete", "dv", "absent", "small");
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, "absent");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Classes_that_are_missing_wait_for_a_consumer_or_use_no_populator_show_as_CDI_shows_them(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        var (missing, lazy) = ($"missing-{bench.Space}", $"lazy-{bench.Space}");
        string Blank(string name, string className, string annotations = "{}") => $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: {{name}}, namespace: NS, annotations: {{annotations}} }
            spec: { source: { blank: {} }, storage: { storageClassName: {{className}}, resources: { requests: { storage: 4Mi } } } }
            ---

            """;
        string Class(string name, string mode) => $$"""
            apiVersion: storage.k8s.io/v1
            kind: StorageClass
            metadata: { name: {{name}} }
            provisioner: lab.example
            volumeBindingMode: {{mode}}
            ---

            """;
        bench.Create(
            Class(lazy, "WaitForFirstConsumer") + Blank("unknown", missing) + Blank("waits", lazy) + Blank("old", lazy, "{ cdi.kubevirt.io/storage.usePopulator: \"false\" }")
            + Blank("now", lazy, "{ cdi.kubevirt.io/storage.bind.immediate.requested: \"\" }"));
        var unknown = await bench.UntilAsync("unknown", found => Condition.Of(found.Status?.Conditions, "Bound")?.Reason == "ErrClaimNotValid");
        Assert.Equal("", unknown.Status!.Phase ?? "");
        await bench.UntilAsync("waits", found => found.Status?.Phase == "PendingPopulation");
        await bench.UntilAsync("old", found => found.Status?.Phase == "WaitForFirstConsumer");
        await bench.DoneAsync("now");
        bench.Create(Class(missing, "Immediate"));
        await bench.DoneAsync("unknown");
        foreach (var name in (string[])["waits", "old"])
        {
            bench.Create($$"""
                apiVersion: v1
                kind: Pod
                metadata: { name: consumer-{{name}}, namespace: NS }
                spec:
                  containers: [{ name: one, image: none }]
                  volumes: [{ name: disk, persistentVolumeClaim: { claimName: {{name}} } }]
                """);
            await bench.DoneAsync(name);
            await bench.BoundAsync(name);
        }

        bench.Kubectl.Run("delete", "sc", missing, lazy);
    }

    [SkippableTheory]
    [MemberData(nameof(ServersWithQuota))]
    public async Task A_quota_that_is_exceeded_is_told_and_waited_out(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        bench.Create("""
            apiVersion: v1
            kind: ResourceQuota
            metadata: { name: disks, namespace: NS }
            spec: { hard: { requests.storage: 1Mi } }
            """);

        // A cluster's quota controller would fill the status.
        bench.Kubectl.Run("patch", "quota", "disks", "--subresource=status", "--type=merge", "-p", """{"status":{"hard":{"requests.storage":"1Mi"},"used":{"requests.storage":"0"}}}""");
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: big, namespace: NS }
            spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
            """);
        var big = await bench.UntilAsync("big", found => Condition.Of(found.Status?.Conditions, "Bound")?.Reason == "ErrExceededQuota");
        Assert.Equal("Pending", big.Status!.Phase);
        Assert.Contains("exceeded quota", Condition.Of(big.Status.Conditions, "Ready")!.Message);
        bench.Kubectl.Run("delete", "quota", "disks");
        await bench.DoneAsync("big");
    }

    public static TheoryData<ApiServerKind> ServersWithQuota => [.. ApiServerAssets.Kinds.Where(kind => kind != ApiServerKind.Extensions136)];

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_volume_that_is_lost_fails_its_DataVolume(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: lost, namespace: NS }
            spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
            """);
        await bench.DoneAsync("lost");
        await bench.BoundAsync("lost");
        await bench.StopCdiAsync();
        Directory.Delete(bench.Scratch["state"], recursive: true);
        bench.StartCdi();
        var lost = await bench.UntilAsync("lost", found => found.Status?.Phase == "Failed");
        Assert.Equal("False/ClaimLost/Claim Lost", CdiBench.Show(Condition.Of(lost.Status!.Conditions, "Bound")));
    }
}
