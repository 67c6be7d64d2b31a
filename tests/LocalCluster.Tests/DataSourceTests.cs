using Kubernetes;
using Kubernetes.Models;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class DataSourceTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_cron_imports_each_new_digest_shows_it_and_keeps_the_last_few(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { PollInterval = TimeSpan.FromMilliseconds(200) });
        var repository = $"{bench.Space}/vendor";
        List<string> digests = [await bench.PushAsync(bench.Disk(), repository, "latest")];
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata: { name: vendor-cron, namespace: NS }
            spec:
              schedule: "0 */12 * * *"
              managedDataSource: vendor
              importsToKeep: 2
              template:
                spec:
                  source: { registry: { url: "docker://REGISTRY/NS/vendor:latest" } }
                  storage: { resources: { requests: { storage: 16Mi } } }
            """);
        for (var round = 0; ; round++)
        {
            var name = $"vendor-{digests[^1]["sha256:".Length..][..12]}";
            var source = await bench.Client.WaitAsync(
                Kinds.DataSources, bench.Space, "vendor", found => found?.Status?.Source?.Pvc?.Name == name && Condition.Of(found.Status.Conditions, "Ready")!.IsTrue, CdiBench.Limit());
            Assert.Equal("vendor-cron", source!.Metadata.Label("cdi.kubevirt.io/dataImportCron"));
            Assert.Equal("u1.medium", source.Metadata.Label("instancetype.kubevirt.io/default-instancetype"));
            await bench.SameDiskAsync(bench.Scratch["disk.raw"], name);
            if (round == 2)
            {
                break;
            }

            digests.Add(await bench.PushAsync(bench.Disk(seed: round + 2), repository, "latest"));
        }

        var first = $"vendor-{digests[0]["sha256:".Length..][..12]}";
        await bench.GoneAsync(Kinds.DataVolumes, first);
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, first);
        Assert.Equal(2, (await bench.Client.ListAsync(Kinds.DataVolumes, bench.Space, CdiBench.Limit())).Items.Count);
        var cron = await bench.Client.WaitAsync(
            Kinds.DataImportCrons, bench.Space, "vendor-cron", found => Condition.Of(found!.Status?.Conditions, "UpToDate")?.IsTrue == true, CdiBench.Limit());
        Assert.Equal(digests[^1], cron!.Status!.CurrentImports!.Single().Digest);
        Assert.Equal("True/UpToDate/Latest import is up to date", CdiBench.Show(Condition.Of(cron.Status.Conditions, "UpToDate")));
        Assert.Equal("False/NoImport/No current import", CdiBench.Show(Condition.Of(cron.Status.Conditions, "Progressing")));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_DataSource_tells_why_it_is_not_ready_and_takes_labels_over_when_it_is(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        string DataSource(string name, string source) => $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: {{name}}, namespace: NS }
            spec: { source: {{source}} }
            ---

            """;
        bench.Create(
            DataSource("empty", "{}") + DataSource("one", "{ pvc: { namespace: NS, name: one } }") + DataSource("snap", "{ snapshot: { namespace: NS, name: snap } }")
            + DataSource("to-one", "{ dataSource: { namespace: NS, name: one } }") + DataSource("deep", "{ dataSource: { namespace: NS, name: to-one } }")
            + DataSource("self", "{ dataSource: { namespace: NS, name: self } }") + DataSource("abroad", "{ dataSource: { namespace: OTHER, name: one } }")
            + DataSource("dangling", "{ dataSource: { namespace: NS, name: nobody } }"));
        foreach (var (name, reason) in ((string, string)[])
            [("empty", "NoSource"), ("one", "NotFound"), ("snap", "NotFound"), ("to-one", "NotFound"), ("deep", "MaxReferenceDepthReached"), ("self", "SelfReference"), ("abroad", "CrossNamespaceReference"), ("dangling", "NotFound")])
        {
            var waiting = await ReadyAsync(bench, name, condition => condition.Reason == reason);
            Assert.Equal("False", Condition.Of(waiting.Status!.Conditions, "Ready")!.Status);
            Assert.Null(waiting.Status.Source!.Pvc);
        }

        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: one, namespace: NS, labels: { kubevirt.io/dynamic-credentials-support: "true", team: red, instancetype.kubevirt.io/default-preference: debian } }
            spec: { source: { upload: {} }, storage: { resources: { requests: { storage: 16Mi } } } }
            """);
        await ReadyAsync(bench, "one", condition => condition is { Reason: "UploadReady", Message: "Import DataVolume phase UploadReady" });
        await bench.Cdi.UploadAsync(bench.Space, "one", bench.Disk(), CdiBench.Limit());
        foreach (var name in (string[])["one", "to-one"])
        {
            var ready = await ReadyAsync(bench, name, condition => condition.IsTrue);
            Assert.Equal($"{bench.Space}/one", $"{ready.Status!.Source!.Pvc}");
            Assert.Equal(("true", "debian", null), (ready.Metadata.Label("kubevirt.io/dynamic-credentials-support"), ready.Metadata.Label("instancetype.kubevirt.io/default-preference"), ready.Metadata.Label("team")));
        }

        // Repointed by a patch, as publishing does: what it shows follows, its readiness with it.
        bench.Kubectl.Run("patch", "datasource", "one", "--type=merge", "-p", """{"spec":{"source":{"pvc":{"name":"two"}}}}""");
        await ReadyAsync(bench, "one", condition => condition.Reason == "NotFound");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_cron_takes_a_digest_from_its_annotation_leaves_anothers_DataSource_alone_and_cleans_up_when_told(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        var digest = await bench.PushAsync(bench.Disk(), $"{bench.Space}/vendor", "latest");
        string Cron(string name, string dataSource, string schedule, string tag) => $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata: { name: {{name}}, namespace: NS }
            spec:
              schedule: "{{schedule}}"
              managedDataSource: {{dataSource}}
              retentionPolicy: None
              template:
                spec:
                  source: { registry: { url: "docker://REGISTRY/NS/vendor:{{tag}}" } }
                  storage: { resources: { requests: { storage: 16Mi } } }
            ---

            """;
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: foreign, namespace: NS }
            spec: { source: {} }
            """);
        bench.Create(Cron("by-hand", "golden", "", "latest") + Cron("blocked", "foreign", "* * * * *", "latest") + Cron("failing", "never", "* * * * *", "absent"));
        var failing = await CronAsync(bench, "failing", status => Condition.Of(status.Conditions, "UpToDate")?.Reason == "NoDigest");
        Assert.Equal("NoImport", Condition.Of(failing.Status!.Conditions, "Progressing")!.Reason);
        await CronAsync(bench, "by-hand", status => Condition.Of(status.Conditions, "UpToDate")?.Reason == "NoDigest");
        bench.Kubectl.Run("annotate", "dataimportcron", "by-hand", $"cdi.kubevirt.io/storage.import.sourceDesiredDigest={digest}");
        await CronAsync(bench, "by-hand", status => Condition.Of(status.Conditions, "UpToDate")?.IsTrue == true);
        var golden = await ReadyAsync(bench, "golden", condition => condition.IsTrue);
        var name = golden.Status!.Source!.Pvc!.Name!;
        Assert.Equal($"golden-{digest["sha256:".Length..][..12]}", name);
        bench.Kubectl.Run("delete", "dataimportcron", "by-hand", "blocked", "failing");
        await bench.GoneAsync(Kinds.DataSources, "golden");
        await bench.GoneAsync(Kinds.PersistentVolumeClaims, name);
        Assert.Null((await bench.Client.GetAsync(Kinds.DataSources, bench.Space, "foreign", CdiBench.Limit())).Metadata.Label("cdi.kubevirt.io/dataImportCron"));
    }

    private static async Task<DataSource> ReadyAsync(CdiBench bench, string name, Func<Condition, bool> wanted) => (await bench.Client.WaitAsync(
        Kinds.DataSources, bench.Space, name, found => Condition.Of(found?.Status?.Conditions, "Ready") is { } ready && wanted(ready), CdiBench.Limit()))!;

    private static async Task<DataImportCron> CronAsync(CdiBench bench, string name, Func<DataImportCronStatus, bool> wanted) => (await bench.Client.WaitAsync(
        Kinds.DataImportCrons, bench.Space, name, found => found?.Status is { } status && wanted(status), CdiBench.Limit()))!;
}
