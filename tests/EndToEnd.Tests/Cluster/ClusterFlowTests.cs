using System.Diagnostics;
using Kubernetes;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;

namespace EndToEnd.Tests.Cluster;

/// <summary>
/// The whole build on an API server with CDI's controllers beside it: a DataImportCron's vendor DataSource becomes a corporate DataSource,
/// by the steps as a Task runs them, each as its own ServiceAccount with its rbac.yaml and nothing else.
/// </summary>
[Collection(GoldenDiskTests.Name)]
[Trait("Suite", "Long")]
public sealed class ClusterFlowTests : IDisposable
{
    private const string Commands = "write /etc/corp-release:Corporate Debian 12\nupload content/motd:/etc/motd\n";
    private readonly Scratch scratch = new();

    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    public void Dispose() => scratch.Dispose();

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_vendors_DataSource_becomes_the_corporate_one(ApiServerKind kind)
    {
        await using var cluster = await GoldenCluster.StartAsync(await ApiServerFixture.GetAsync(kind), scratch);
        var vendor = await cluster.ImportVendorAsync();
        var customization = scratch.File("corp.commands", Commands);
        scratch.File("content/motd", "Welcome to the corporation.\n");
        string[] build = [$"--commands-file={customization}"];
        string[] plan =
        [
            "--source-name=vendor", $"--source-namespace={cluster.Private}", .. build,
            "--data-source=debian12-corp", $"--target-namespace={cluster.Shared}",
        ];

        var planned = await cluster.Step("plan-build", plan);
        Assert.Equal("true", planned["needed"]);
        Assert.Equal("PersistentVolumeClaim", planned["source-kind"]);
        Assert.Equal(vendor.Digest, planned["source-digest"]);

        var work = await cluster.Step(
            "clone-source",
            $"--source-kind={planned["source-kind"]}", $"--source-name={planned["source-name"]}", $"--source-namespace={planned["source-namespace"]}",
            "--target-name=build-1-work", $"--target-namespace={cluster.Private}");
        Assert.Equal("build-1-work", work["volume-name"]);
        Assert.Equal("u1.small", work["default-instancetype"]);
        Assert.Equal(vendor.Digest, work["source-digest"]);

        // As a pod would see it: the claim's folder with disk.img.
        var disk = Path.GetDirectoryName(await cluster.Cdi.VolumePathAsync(cluster.Private, "build-1-work", default))!;
        await cluster.Step("customize-disk", [$"--disk={disk}", .. build, "--seal=true"]);
        await cluster.Step("seal-volume", $"--disk={disk}", "--check=true");
        var image = await cluster.Step("push-containerdisk", $"--disk={disk}", $"--image={cluster.Registry}/golden/debian12:1", "--insecure=true");

        string[] publish =
        [
            $"--volume-name={work["volume-name"]}", $"--volume-namespace={work["volume-namespace"]}",
            "--data-source=debian12-corp", $"--target-namespace={cluster.Shared}", $"--build-key={planned["build-key"]}", $"--build-inputs={planned["build-inputs"]}",
            $"--source-reference={work["source-reference"]}", $"--source-digest={work["source-digest"]}",
            $"--default-instancetype={work["default-instancetype"]}", $"--default-preference={work["default-preference"]}",
            $"--image={image["IMAGE_URL"]}@{image["IMAGE_DIGEST"]}",
        ];
        var published = await cluster.Step("publish-datasource", publish);
        Assert.Equal("debian12-corp", published["data-source"]);
        Assert.Equal("", published["previous-volume"]);

        var source = await cluster.Client.GetAsync(Kinds.DataSources, cluster.Shared, "debian12-corp", default);
        Assert.Equal($"{cluster.Shared}/{published["volume-name"]}", $"{source.Status?.Source?.Pvc}");
        Assert.True(Condition.Of(source.Status?.Conditions, "Ready")?.IsTrue);
        Assert.Equal("u1.small", source.Metadata.Label("instancetype.kubevirt.io/default-instancetype"));

        // What was published is what was sealed, byte by byte, by a judge that nobody here wrote.
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "raw", Path.Combine(disk, "disk.img"), await cluster.Cdi.VolumePathAsync(cluster.Shared, published["volume-name"], default));

        var discarded = await cluster.Step("discard-volume", "--volume-name=build-1-work", $"--volume-namespace={cluster.Private}");
        Assert.Equal("", discarded["pending"]);
        Assert.Null(await cluster.Client.FindAsync(Kinds.PersistentVolumeClaims, cluster.Private, "build-1-work", default));
        Assert.Null(await cluster.Client.FindAsync(Kinds.DataVolumes, cluster.Private, "build-1-work", default));
        // The storage is given back when the claim is gone, a moment later.
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists(disk), TimeSpan.FromSeconds(20)), $"{disk} is still there");

        await NothingChangedMeansNothingToDo(cluster, plan, published["volume-name"]);
        await AConsumerGetsIt(cluster, published["volume-name"]);
    }

    private async Task NothingChangedMeansNothingToDo(GoldenCluster cluster, string[] plan, string current)
    {
        // The best of three: others may be using the machine.
        var took = TimeSpan.MaxValue;
        for (var run = 0; run < 3; run++)
        {
            var clock = Stopwatch.StartNew();
            var again = await cluster.Step("plan-build", plan);
            took = clock.Elapsed < took ? clock.Elapsed : took;
            Assert.Equal("false", again["needed"]);
            Assert.Equal(current, again["current-volume"]);
        }

        Assert.True(took < TimeSpan.FromSeconds(2), $"the plan took {took}");

        scratch.File("content/motd", "Welcome to the Corporation.\n");
        Assert.Equal("true", (await cluster.Step("plan-build", plan))["needed"]);
    }

    /// <summary>A team's volume in a namespace of its own, as a VM's dataVolumeTemplate makes it.</summary>
    private static async Task AConsumerGetsIt(GoldenCluster cluster, string published)
    {
        var team = await cluster.Server.CreateNamespaceAsync("team");
        await cluster.Client.CreateAsync(
            Kinds.DataVolumes,
            new DataVolume
            {
                Metadata = { Name = "machine", Namespace = team, Annotations = new() { ["cdi.kubevirt.io/storage.bind.immediate.requested"] = "true" } },
                Spec = { SourceRef = new DataVolumeSourceRef { Name = "debian12-corp", Namespace = cluster.Shared }, Storage = new PersistentVolumeClaimSpec() },
            },
            default);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await cluster.Client.WaitAsync(Kinds.DataVolumes, team, "machine", volume => volume?.Status?.Phase == "Succeeded", limit.Token);
        var claim = await cluster.Client.WaitAsync(Kinds.PersistentVolumeClaims, team, "machine", found => found?.IsBound == true, limit.Token);
        Assert.Equal("u1.small", claim!.Metadata.Label("instancetype.kubevirt.io/default-instancetype"));
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "raw", await cluster.Cdi.VolumePathAsync(cluster.Shared, published, default), await cluster.Cdi.VolumePathAsync(team, "machine", default));
    }
}
