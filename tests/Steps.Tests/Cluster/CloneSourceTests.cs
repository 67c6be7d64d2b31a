using System.Text.Json.Nodes;
using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

public sealed class CloneSourceTests
{
    private const string Digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_DataSource_is_cloned_as_it_is_now_with_its_hints_and_its_digest_in_ten_requests(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var vendor = new ClusterObjects(server, await server.CreateNamespaceAsync("vendor"));
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        await vendor.VolumeAsync(
            "fedora-aaaaaaaaaaaa", $$$"""{"registry":{"url":"docker://quay.io/containerdisks/fedora@{{{Digest}}}"}}""",
            claimMetadata: ""","labels":{"instancetype.kubevirt.io/default-preference":"fedora","template.kubevirt.io/architecture":"arm64"}""");
        await vendor.DataSourceAsync(
            "fedora", $$$"""{"pvc":{"namespace":"{{{vendor.Namespace}}}","name":"fedora-aaaaaaaaaaaa"}}""",
            """{"instancetype.kubevirt.io/default-instancetype":"u1.medium"}""");
        await using var cdi = new HandCdi(server, work.Namespace);
        using var proxy = await ApiProxyServer.StartAsync(server);

        var (step, code) = await ClusterStep.RunAsync(
            "clone-source", proxy.Kubeconfig(work.Namespace),
            "--source-kind=DataSource", "--source-name=fedora", $"--source-namespace={vendor.Namespace}", "--target-name=run-1-work", "--storage-class=fast",
            "--owner-name=run-1", "--owner-uid=11111111-2222-3333-4444-555555555555");
        using (step)
        {
            Assert.True(code == 0, step.Log);
            Assert.Equal(
                $"""
                volume-name=run-1-work
                volume-namespace={work.Namespace}
                volume-mode=Filesystem
                size=1Gi
                source-reference=quay.io/containerdisks/fedora@{Digest}
                source-digest={Digest}
                default-instancetype=u1.medium
                default-preference=fedora
                architecture=arm64
                """,
                step.Results);
        }

        var made = (await work.FindAsync($"{work.Volumes}/run-1-work"))!;
        Assert.Equal($$$"""{"pvc":{"name":"fedora-aaaaaaaaaaaa","namespace":"{{{vendor.Namespace}}}"}}""", Sorted(made["spec"]!["source"]!));
        Assert.Equal("""{"storageClassName":"fast","volumeMode":"Filesystem"}""", Sorted(made["spec"]!["storage"]!));
        Assert.Equal("PipelineRun/run-1", $"{made["metadata"]!["ownerReferences"]![0]!["kind"]}/{made["metadata"]!["ownerReferences"]![0]!["name"]}");
        Assert.NotNull(made["metadata"]!["annotations"]!["cdi.kubevirt.io/storage.bind.immediate.requested"]);
        Assert.True(proxy.Requests.Count <= 10, string.Join('\n', proxy.Requests));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_block_claim_a_snapshot_and_a_container_disk_are_cloned_in_their_own_ways(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        var claim = await work.ClaimAsync("raw", mode: "Block");
        var snapshot = await work.SnapshotAsync("snap", ""","annotations":{"cdi.kubevirt.io/storage.import.sourceVolumeMode":"Block"}""");
        await using var cdi = new HandCdi(server, work.Namespace);
        var kubeconfig = server.Kubeconfig(work.Namespace);

        Assert.Equal(("Block", $"uid:{claim}", "1Gi"), await Clone("a", "--source-kind=PersistentVolumeClaim", "--source-name=raw"));
        Assert.Equal(("Filesystem", $"uid:{claim}", "3Gi"), await Clone("b", "--source-kind=PersistentVolumeClaim", "--source-name=raw", "--volume-mode=Filesystem", "--size=3Gi", "--access-mode=ReadWriteMany"));
        Assert.Equal(("Block", $"uid:{snapshot}", "1Gi"), await Clone("c", "--source-kind=VolumeSnapshot", "--source-name=snap"));
        Assert.Equal(("Filesystem", Digest, "2Gi"), await Clone("d", $"--source-url=docker://quay.io/x/y@{Digest}", "--size=2Gi"));
        Assert.Equal(("Filesystem", "", "2Gi"), await Clone("e", "--source-url=https://example.org/disk.qcow2", "--size=2Gi", "--source-secret=login", "--source-authorities=ca"));

        Assert.Equal("ReadWriteMany", (string?)(await work.FindAsync($"{work.Volumes}/b"))!["spec"]!["storage"]!["accessModes"]![0]);
        Assert.Equal($$$"""{"snapshot":{"name":"snap","namespace":"{{{work.Namespace}}}"}}""", Sorted((await work.FindAsync($"{work.Volumes}/c"))!["spec"]!["source"]!));
        Assert.Equal("""{"http":{"certConfigMap":"ca","secretRef":"login","url":"https://example.org/disk.qcow2"}}""", Sorted((await work.FindAsync($"{work.Volumes}/e"))!["spec"]!["source"]!));

        async Task<(string Mode, string Digest, string Size)> Clone(string target, params string[] options)
        {
            var (step, code) = await ClusterStep.RunAsync("clone-source", kubeconfig, [.. options, $"--target-name={target}"]);
            using (step)
            {
                Assert.True(code == 0, step.Log);
                return (step.Result("volume-mode"), step.Result("source-digest"), step.Result("size"));
            }
        }
    }

    [SkippableFact]
    public async Task What_is_there_already_is_taken_only_where_the_same_request_made_it()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        await work.ClaimAsync("source");
        await work.ClaimAsync("claim");
        await work.VolumeAsync("foreign");
        await using var cdi = new HandCdi(server, work.Namespace);
        string[] same = ["--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=mine"];

        await Ends(server, work.Namespace, 0, "", same);
        var uid = (string?)(await work.FindAsync($"{work.Volumes}/mine"))!["metadata"]!["uid"];
        await Ends(server, work.Namespace, 0, "", same);
        Assert.Equal(uid, (string?)(await work.FindAsync($"{work.Volumes}/mine"))!["metadata"]!["uid"]);
        await Ends(server, work.Namespace, 2, "made for another request", [.. same, "--size=5Gi"]);
        await Ends(server, work.Namespace, 2, "made by another run", [.. same, "--owner-name=run-2", "--owner-uid=2"]);
        await Ends(server, work.Namespace, 2, "this step did not make it", "--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=foreign");
        await Ends(server, work.Namespace, 2, "PersistentVolumeClaim", "--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=claim");
        Assert.Null(await work.FindAsync($"{work.Volumes}/claim"));
    }

    [SkippableFact]
    public async Task Wrong_input_and_missing_sources_end_in_one_line()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        await server.Http.CreateAsync(work.DataSources, """
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataSource","metadata":{"name":"empty"},"spec":{"source":{"pvc":{"namespace":"x","name":"y"}}},
             "status":{"source":{},"conditions":[{"type":"Ready","status":"False","reason":"NotFound","message":"PVC not found"}]}}
            """);

        await Ends(server, work.Namespace, 2, "either an object", "--target-name=x");
        await Ends(server, work.Namespace, 2, "either an object", "--target-name=x", "--source-name=a", "--source-url=https://b/c", "--size=1Gi");
        await Ends(server, work.Namespace, 2, "the size must be given", "--target-name=x", "--source-url=https://example.org/a");
        await Ends(server, work.Namespace, 2, "source-secret", "--target-name=x", "--source-url=https://me:secret@example.org/a", "--size=1Gi");
        foreach (var secret in (string[])["https://example.org/a?X-Amz-Signature=hidden", "docker://example.org/a?hidden", "https://example.org/a#hidden", "https://example.org/?hidden"])
        {
            var said = await Ends(server, work.Namespace, 2, "source-secret", "--target-name=x", $"--source-url={secret}", "--size=1Gi", "--verbose=true");
            Assert.DoesNotContain("hidden", said, StringComparison.Ordinal);
        }

        await Ends(server, work.Namespace, 2, "--target-name", "--target-name=No", "--source-name=a");
        await Ends(server, work.Namespace, 2, "owner-uid", "--target-name=x", "--source-name=a", "--owner-name=run");
        await Ends(server, work.Namespace, 2, "can't cross namespaces", "--target-name=x", "--target-namespace=other", "--source-name=a", "--owner-name=run", "--owner-uid=1");
        await Ends(server, work.Namespace, 3, $"DataSource {work.Namespace}/absent", "--target-name=x", "--source-name=absent");
        await Ends(server, work.Namespace, 3, "PVC not found", "--target-name=x", "--source-name=empty");
        await Ends(server, work.Namespace, 3, "absent", "--target-name=x", "--source-kind=PersistentVolumeClaim", "--source-name=absent");
        await Ends(server, work.Namespace, 3, "absent", "--target-name=x", "--source-kind=VolumeSnapshot", "--source-name=absent");
        Assert.Equal("", await work.VolumesTextAsync());
    }

    [SkippableFact]
    public async Task Names_of_any_length_fit_into_the_results_or_are_refused_before_the_work()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        var longest = string.Join('.', Enumerable.Repeat(new string('s', 62), 4));
        var (label, target) = (new string('l', 63), new string('t', 120));
        var labels = string.Join(',', new[] { "instancetype.kubevirt.io/default-instancetype", "instancetype.kubevirt.io/default-preference" }
            .SelectMany(hint => new[] { hint, $"{hint}-kind" }).Append("template.kubevirt.io/architecture").Select(hint => $"\"{hint}\":\"{label}\""));
        await work.ClaimAsync(longest, metadata: $$$""","labels":{ {{{labels}}} }""");
        await using var cdi = new HandCdi(server, work.Namespace);
        string[] source = ["--source-kind=PersistentVolumeClaim", $"--source-name={longest}"];
        var address = $"https://example.org/{new string('u', 400)}"[..400];

        await Ends(server, work.Namespace, 0, "", [.. source, $"--target-name={target}"]);
        await Ends(server, work.Namespace, 0, "", $"--source-url={address}", "--size=1Gi", "--target-name=web");
        var made = await work.VolumesTextAsync();
        await Ends(server, work.Namespace, 2, "shorten", [.. source, $"--target-name={longest}"]);
        await Ends(server, work.Namespace, 2, "at most 400", $"--source-url={address}u", "--size=1Gi", "--target-name=long");
        await Ends(server, work.Namespace, 2, "shorten", $"--source-url={address}", "--size=1Gi", $"--target-name={longest[..200]}");
        Assert.Equal(made, await work.VolumesTextAsync());
    }

    [SkippableFact]
    public async Task A_source_without_a_namespace_is_where_the_step_runs()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var home = new ClusterObjects(server, await server.CreateNamespaceAsync("home"));
        var away = new ClusterObjects(server, await server.CreateNamespaceAsync("away"));
        await home.ClaimAsync("source");
        await using var cdi = new HandCdi(server, away.Namespace);

        await Ends(server, home.Namespace, 0, "", "--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=x", $"--target-namespace={away.Namespace}");
        Assert.Equal($$$"""{"pvc":{"name":"source","namespace":"{{{home.Namespace}}}"}}""", Sorted((await away.FindAsync($"{away.Volumes}/x"))!["spec"]!["source"]!));
    }

    [SkippableFact]
    public async Task Its_own_failed_volume_is_made_anew_and_nobody_elses()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        await work.ClaimAsync("source");
        string[] options = ["--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=run-work"];
        await using (new HandCdi(server, work.Namespace, ClusterObjects.Failed))
        {
            await Ends(server, work.Namespace, 5, "checksum", options);
        }

        var failed = (string?)(await work.FindAsync($"{work.Volumes}/run-work"))!["metadata"]!["uid"];
        await using var cdi = new HandCdi(server, work.Namespace);
        await Ends(server, work.Namespace, 2, "made for another request", [.. options, "--size=5Gi"]);
        Assert.Equal(failed, (string?)(await work.FindAsync($"{work.Volumes}/run-work"))!["metadata"]!["uid"]);
        Assert.Contains("has failed, making it anew", await Ends(server, work.Namespace, 0, "", options), StringComparison.Ordinal);
        Assert.NotEqual(failed, (string?)(await work.FindAsync($"{work.Volumes}/run-work"))!["metadata"]!["uid"]);
    }

    [SkippableFact]
    public async Task A_pod_that_writes_to_the_source_is_told_at_once()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var work = new ClusterObjects(server, await server.CreateNamespaceAsync("work"));
        await work.ClaimAsync("source");
        await work.PodAsync("writer", "source", "Running");
        await work.PodAsync("reader", "source", "Running", readOnly: true);
        await work.PodAsync("ended", "source", "Succeeded");
        await using var cdi = new HandCdi(server, work.Namespace);

        var log = await Ends(server, work.Namespace, 0, "", "--source-kind=PersistentVolumeClaim", "--source-name=source", "--target-name=x");
        Assert.Contains("in use by pod writer;", log, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_kill_at_any_request_loses_nothing()
    {
        var server = await ApiServerFixture.GetAsync(Kind);
        var report = await KillPoints.RunAsync(server, "clone-source", async () =>
        {
            var work = new ClusterObjects(server, await server.CreateNamespaceAsync("kill"));
            var uid = await work.ClaimAsync("source");
            await work.DataSourceAsync("fedora", $$$"""{"pvc":{"namespace":"{{{work.Namespace}}}","name":"source"}}""");
            return new KillScene
            {
                Namespace = work.Namespace,
                Names = [uid],
                Options = ["--source-name=fedora", "--target-name=run-work", "--owner-name=run", "--owner-uid=1"],
                State = work.VolumesTextAsync,
                Lost = async () => await work.FindAsync($"{work.Claims}/source") is null ? "the source is gone" : null,
                Players = [new HandCdi(server, work.Namespace)],
            };
        });

        Assert.True(report.Losses.Count == 0, string.Join("\n\n", report.Losses));
        Assert.Equal(report.Requests.Count * 2, report.Points);
        Figures.Say($"clone-source: {report}");
    }

    private static ApiServerKind Kind => ApiServerAssets.Kinds[^1];

    private static async Task<string> Ends(KubeApiServer server, string @namespace, int expected, string error, params string[] options)
    {
        var (step, code) = await ClusterStep.RunAsync("clone-source", server.Kubeconfig(@namespace), options);
        using (step)
        {
            Assert.True(code == expected, $"exit {code}: {step.Log}");
            Assert.Contains(error, step.Error, StringComparison.Ordinal);
            return step.Log;
        }
    }

    private static string Sorted(JsonNode node) => node is JsonObject members
        ? "{" + string.Join(',', members.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => $"\"{member.Key}\":{Sorted(member.Value!)}")) + "}"
        : node.ToJsonString();
}
