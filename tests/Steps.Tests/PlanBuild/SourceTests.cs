using Lab;
using Lab.ApiServers;

namespace Steps.Tests.PlanBuild;

/// <summary>Which volume a source is, what it is known by, and why it can't be used.</summary>
public sealed class SourceTests : IAsyncLifetime, IDisposable
{
    private readonly Scratch _scratch = new();
    private KubeApiServer _server = null!;
    private Images _images = null!;
    private string _space = "";
    private string _config = "";

    public async Task InitializeAsync()
    {
        if (ApiServerAssets.Find(ApiServerAssets.Kinds[^1]).Folder is null || ApiServerAssets.Schemas is null)
        {
            return;
        }

        _server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        _space = await _server.CreateNamespaceAsync("sources");
        _images = new Images(_server);
        new Kubectl(_server.Kubeconfig(_space)).Run("apply", "-f", Path.Combine(Repository.Root, "tasks/plan-build/rbac.yaml"));
        _config = _server.KubeconfigFor(_space, "plan-build");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _scratch.Dispose();

    [SkippableFact]
    public async Task A_claim_and_a_snapshot_are_what_they_are()
    {
        RequireServer();
        var claim = await _images.ClaimAsync(_space, "mine");
        var run = Run("--source-kind=PersistentVolumeClaim", "--source-name=mine");
        Assert.Equal(("PersistentVolumeClaim", "mine", $"{_space}/PersistentVolumeClaim/mine", $"uid:{claim}"), Source(run));
        var snapshot = await _images.SnapshotAsync(_space, "shot");
        run = Run("--source-kind=VolumeSnapshot", "--source-name=shot");
        Assert.Equal(("VolumeSnapshot", "shot", $"{_space}/VolumeSnapshot/shot", $"uid:{snapshot}"), Source(run));
    }

    [SkippableFact]
    public async Task A_snapshot_that_a_cron_imported_is_the_same_while_the_cron_moves_on()
    {
        RequireServer();
        var labels = new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = "cron" };
        var uid = await _images.SnapshotAsync(_space, "fedora-68b44fc891f3", labels: labels);
        await _images.CronAsync(_space, "cron", "fedora-68b44fc891f3", Images.Digest, "docker://registry.example:5000/fedora:42");
        await _images.DataSourceAsync(_space, "fedora", Images.Snapshot(_space, "fedora-68b44fc891f3"), labels: labels);
        Assert.Equal(("VolumeSnapshot", "fedora-68b44fc891f3", $"registry.example:5000/fedora@{Images.Digest}", $"uid:{uid}"), Source(Run("--source-name=fedora")));
        var key = Run("--source-name=fedora")["build-key"];

        // The next import has begun, and the DataSource shows this one until it is done.
        await _images.ChangeCronAsync(_space, "cron", new { status = new { currentImports = new[] { new { DataVolumeName = "fedora-0a1b2c3d4e5f", Digest = Images.NextDigest } } } });
        var meanwhile = Run("--source-name=fedora");
        Assert.Equal((key, $"uid:{uid}"), (meanwhile["build-key"], meanwhile["source-digest"]));

        // The one before is no longer in the cron's status, and a hostile digest is none.
        var old = await _images.SnapshotAsync(_space, "fedora-old", labels: labels);
        Assert.Equal($"uid:{old}", Run("--source-kind=VolumeSnapshot", "--source-name=fedora-old")["source-digest"]);
        await _images.CronAsync(_space, "cron2", "other", "sha256:\"; rm -rf /");
        var other = await _images.SnapshotAsync(_space, "other", labels: new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = "cron2" });
        Assert.Equal(("VolumeSnapshot", "other", $"{_space}/VolumeSnapshot/other", $"uid:{other}"), Source(Run("--source-kind=VolumeSnapshot", "--source-name=other")));
    }

    [SkippableFact]
    public async Task An_import_without_a_digest_is_known_by_the_claims_uid()
    {
        RequireServer();
        await _images.ImportAsync(_space, "tagged", "docker://quay.io/containerdisks/fedora:42");
        var run = Run("--source-kind=PersistentVolumeClaim", "--source-name=tagged");
        Assert.StartsWith("uid:", run["source-digest"], StringComparison.Ordinal);
        Assert.Equal($"{_space}/PersistentVolumeClaim/tagged", run["source-reference"]);
    }

    [SkippableFact]
    public async Task A_pointer_is_followed_and_its_architectures_are_chosen_from()
    {
        RequireServer();
        await Architecture("amd64");
        await Architecture("arm64");
        await _images.DataSourceAsync(_space, "multi", Images.Pointer(_space, "multi-amd64"), status: Images.Claim(_space, "multi-amd64-1"));
        // A controller that shows the pointer itself in its status.
        await _images.DataSourceAsync(_space, "plain", Images.Pointer(_space, "multi-arm64"));
        Assert.Equal("multi-amd64-1", Run("--source-name=multi")["source-name"]);
        Assert.Equal("multi-arm64-1", Run("--source-name=plain")["source-name"]);
        var amd = Run("--source-name=multi", "--architecture=amd64");
        var arm = Run("--source-name=multi", "--architecture=arm64");
        Assert.Equal(("multi-amd64-1", "multi-arm64-1"), (amd["source-name"], arm["source-name"]));
        Assert.Equal(amd["source-digest"], arm["source-digest"]);
        Assert.NotEqual(amd["build-key"], arm["build-key"]);

        Try("--source-name=multi", "--architecture=s390x").Failed(
            3, $"DataSource {_space}/multi: it has no DataSource multi-s390x for s390x beside it; name another architecture, or none");
        Try("--source-name=multi-amd64", "--architecture=arm64").Failed(
            3, $"DataSource {_space}/multi-amd64: it is for amd64, and arm64 was asked for; name another DataSource or architecture");

        await _images.DataSourceAsync(_space, "far", Images.Pointer("kube-system", "x"));
        Try("--source-name=far").Failed(
            3, $"DataSource {_space}/far: it points to a DataSource of the namespace kube-system, which CDI does not follow; name that DataSource itself");
        await _images.DataSourceAsync(_space, "chain", Images.Pointer(_space, "plain"));
        Try("--source-name=chain").Failed(
            3, $"DataSource {_space}/chain: it points to plain, which is a pointer too, and CDI follows one only; name the last DataSource itself");

        async Task Architecture(string name)
        {
            await _images.ImportAsync(_space, $"multi-{name}-1", $"docker://quay.io/containerdisks/fedora@{Images.Digest}", architecture: name);
            await _images.DataSourceAsync(
                _space, $"multi-{name}", Images.Claim(_space, $"multi-{name}-1"), labels: new Dictionary<string, string> { ["template.kubevirt.io/architecture"] = name });
        }
    }

    [SkippableFact]
    public async Task What_is_missing_or_not_ready_ends_with_3_and_one_line()
    {
        RequireServer();
        Try("--source-name=none").Failed(3, $"DataSource {_space}/none: it is not there; check source-name and source-namespace");
        Try("--source-kind=PersistentVolumeClaim", "--source-name=none").Failed(3, $"PersistentVolumeClaim {_space}/none: it is not there; check source-name and source-namespace");
        Try("--source-kind=VolumeSnapshot", "--source-name=none").Failed(3, $"VolumeSnapshot {_space}/none: it is not there; check source-name and source-namespace");

        await _images.DataSourceAsync(_space, "unready", Images.Claim(_space, "x"), ready: false, reason: "ImportInProgress", message: "Import DataVolume\nphase ImportInProgress");
        Try("--source-name=unready").Failed(
            3, $"DataSource {_space}/unready: it is not ready (ImportInProgress: Import DataVolume; phase ImportInProgress); wait until it is, or point it to a volume that is there");
        await _images.DataSourceAsync(_space, "importing", Images.Claim(_space, "x"), ready: false, labels: new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = "fedora-cron" });
        Try("--source-name=importing").Failed(
            3, $"DataSource {_space}/importing: it is not ready (NotFound: PVC not found); look at DataImportCron {_space}/fedora-cron, which imports its volume");
        await _images.DataSourceAsync(_space, "dangling", Images.Claim(_space, "away"));
        Try("--source-name=dangling").Failed(
            3, $"PersistentVolumeClaim {_space}/away: it is not there; DataSource {_space}/dangling points to it: look at that, or run again in a moment");
        await _images.DataSourceAsync(_space, "nothing", new { });
        Try("--source-name=nothing").Failed(
            3, $"DataSource {_space}/nothing: it is ready, and its status names no volume; check the version of CDI (1.55 or later), or name the volume itself");
        await _images.DataSourceAsync(_space, "hostile", Images.Claim(_space, "../../secrets/x"));
        Try("--source-name=hostile").Failed(
            3, $"DataSource {_space}/hostile: it is ready, and its status names no volume; check the version of CDI (1.55 or later), or name the volume itself");

        await _images.ClaimAsync(_space, "lost", phase: "Lost");
        Try("--source-kind=PersistentVolumeClaim", "--source-name=lost").Failed(
            3, $"PersistentVolumeClaim {_space}/lost: its volume is lost; look at its PersistentVolume; another source is needed");
        await _images.SnapshotAsync(_space, "unready", ready: false);
        Try("--source-kind=VolumeSnapshot", "--source-name=unready").Failed(
            3, $"VolumeSnapshot {_space}/unready: it is not ready to use (the driver; is away); wait until it is, or look at its events");
    }

    [SkippableFact]
    public async Task A_claim_that_is_being_deleted_is_no_source()
    {
        RequireServer();
        await _images.ClaimAsync(_space, "leaving");
        await _images.ChangeClaimAsync(_space, "leaving", new { metadata = new { finalizers = new[] { "kubernetes.io/pvc-protection" } } });
        await _server.Http.RemoveAsync($"/api/v1/namespaces/{_space}/persistentvolumeclaims/leaving");
        Try("--source-kind=PersistentVolumeClaim", "--source-name=leaving").Failed(
            3, $"PersistentVolumeClaim {_space}/leaving: it is being deleted; name another source");
    }

    private static (string, string, string, string) Source(PlanRun run) => (run["source-kind"], run["source-name"], run["source-reference"], run["source-digest"]);

    private void RequireServer() => Skip.If(_server is null, ApiServerAssets.Find(ApiServerAssets.Kinds[^1]).Missing + " (or the schemas are missing)");

    private PlanRun Run(params string[] arguments) => PlanRun.Run(_scratch, _config, arguments);

    private PlanRun Try(params string[] arguments) => PlanRun.Try(_scratch, _config, arguments);
}
