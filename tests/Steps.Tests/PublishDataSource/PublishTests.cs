using System.Text.Json.Nodes;
using GoldenImages;
using Lab.ApiServers;

namespace Steps.Tests.PublishDataSource;

public class PublishTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task The_first_publication_makes_the_data_source(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var work = await scene.WorkAsync(
            "run-1-work",
            """{"instancetype.kubevirt.io/default-instancetype":"u1.small","instancetype.kubevirt.io/default-preference":"fedora"}""",
            """{"goldenimage.io/source":"docker://quay.io/containerdisks/fedora:43"}""");
        var request = scene.Request("run-1-work") with
        {
            Hints = new VolumeHints(Instancetype: "u1.medium", Architecture: "amd64"),
            Provenance = new Dictionary<string, string> { [Names.BuildKey] = "sha256:abc", [Names.SourceDigest] = "sha256:def", [Names.Image] = "" },
        };

        var outcome = await scene.PublishAsync(request);

        var expected = VersionName.Of(Scene.Name, (DateTimeOffset)work["metadata"]!["creationTimestamp"]!, (string)work["metadata"]!["uid"]!).ToString();
        Assert.Equal((expected, ""), (outcome.Volume, outcome.Previous));
        var version = await scene.VersionAsync(expected);
        var shown = await scene.DataSourceAsync();
        var claim = await scene.Api.ReadAsync($"{scene.Cdi.Claims}/{expected}");
        foreach (var (holder, where) in new[] { (version, "version"), (shown, "DataSource"), (claim, "claim") })
        {
            var labels = holder["metadata"]!["labels"]!;
            Assert.True("u1.medium" == (string?)labels[FieldNames.DefaultInstancetype], where);
            Assert.True("fedora" == (string?)labels[FieldNames.DefaultPreference], where);
            Assert.True("amd64" == (string?)labels[FieldNames.Architecture], where);
            var annotations = holder["metadata"]!["annotations"]!;
            Assert.True("sha256:abc" == (string?)annotations[Names.BuildKey], where);
            Assert.True("sha256:def" == (string?)annotations[Names.SourceDigest], where);
            Assert.True("docker://quay.io/containerdisks/fedora:43" == (string?)annotations[Names.Source], where);
            Assert.True((string?)work["metadata"]!["uid"] == (string?)annotations[Names.WorkingVolume], where);
            Assert.True(annotations[Names.Image] is null, where);
        }

        Assert.Equal(Scene.Name, (string?)version["metadata"]!["labels"]![Names.DataSource]);
        Assert.Equal(Names.PublishedState, (string?)version["metadata"]!["annotations"]![Names.State]);
        Assert.NotNull(Timestamp.Parse((string?)version["metadata"]!["annotations"]![Names.PublishedAt]));
        Assert.Equal("True", (string?)shown["status"]!["conditions"]![0]!["status"]);
        Assert.Equal(expected, (string?)shown["status"]!["source"]!["pvc"]!["name"]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Publishing_replaces_whatever_the_data_source_pointed_to_and_the_hints_of_before(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.PointAsync("""{"snapshot":{"namespace":"NS","name":"old-snapshot"}}""".Replace("NS", scene.Shared), """{"instancetype.kubevirt.io/default-instancetype":"old","mine":"stays"}""");
        await scene.WorkAsync("run-1-work");

        var outcome = await scene.PublishAsync("run-1-work");

        var shown = await scene.DataSourceAsync();
        Assert.Equal("old-snapshot", outcome.Previous);
        Assert.Equal(["pvc"], shown["spec"]!["source"]!.AsObject().Select(member => member.Key));
        Assert.Equal(outcome.Volume, (string?)shown["spec"]!["source"]!["pvc"]!["name"]);
        Assert.Null(shown["metadata"]!["labels"]![FieldNames.DefaultInstancetype]);
        Assert.Equal("stays", (string?)shown["metadata"]!["labels"]!["mine"]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Versions_beyond_keep_are_pruned_the_oldest_first(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var names = new List<string>();
        for (var run = 1; run <= 4; run++)
        {
            await scene.WorkAsync($"run-{run}-work");
            names.Add((await scene.PublishAsync(scene.Request($"run-{run}-work", keep: 2) with { Force = true })).Volume);
        }

        var left = await scene.VersionsAsync();

        Assert.Equal(names[2..].Order(), left.Keys);
        Assert.Equal(names[3], await scene.CurrentAsync());
        Assert.All(left.Values, state => Assert.Equal(Names.PublishedState, state));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Claims_get_the_hints_even_if_their_maker_does_not_copy_them(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        scene.Cdi.CopiesLabels = false;
        await scene.WorkAsync("run-1-work", """{"instancetype.kubevirt.io/default-instancetype":"u1.small"}""");

        var outcome = await scene.PublishAsync(scene.Request("run-1-work") with { Provenance = new Dictionary<string, string> { [Names.BuildKey] = "sha256:abc" } });

        var claim = await scene.Api.ReadAsync($"{scene.Cdi.Claims}/{outcome.Volume}");
        Assert.Equal("sha256:abc", (string?)claim["metadata"]!["annotations"]![Names.BuildKey]);
        Assert.Equal("u1.small", (string?)claim["metadata"]!["labels"]![FieldNames.DefaultInstancetype]);
        Assert.Equal(Scene.Name, (string?)claim["metadata"]!["labels"]![Names.DataSource]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_rerun_changes_nothing_and_tells_the_same_even_when_the_working_volume_is_discarded(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        await scene.WorkAsync("run-1-work");
        await scene.PublishAsync("run-1-work");
        await scene.WorkAsync("run-2-work");
        var first = await scene.PublishAsync(scene.Request("run-2-work") with { Force = true });
        var (shown, version) = (await scene.DataSourceAsync(), await scene.VersionAsync(first.Volume));

        var second = await scene.PublishAsync("run-2-work");
        await scene.DiscardAsync("run-2-work");
        var third = await scene.PublishAsync("run-2-work");

        Assert.Equal(first, second);
        Assert.Equal(first, third);
        Assert.NotEqual("", first.Previous);
        Assert.Equal((string?)shown["metadata"]!["resourceVersion"], (string?)(await scene.DataSourceAsync())["metadata"]!["resourceVersion"]);
        Assert.Equal((string?)version["metadata"]!["resourceVersion"], (string?)(await scene.VersionAsync(first.Volume))["metadata"]!["resourceVersion"]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_copy_that_failed_for_good_is_made_anew(ApiServerKind kind)
    {
        using var scene = await Scene.NewAsync(kind);
        var work = await scene.WorkAsync("run-1-work");
        var name = VersionName.Of(Scene.Name, (DateTimeOffset)work["metadata"]!["creationTimestamp"]!, (string)work["metadata"]!["uid"]!).ToString();
        var failed = await scene.Api.CreateAsync(scene.Cdi.DataVolumes, new JsonObject
        {
            ["apiVersion"] = "cdi.kubevirt.io/v1beta1",
            ["kind"] = "DataVolume",
            ["metadata"] = new JsonObject { ["name"] = name, ["annotations"] = new JsonObject { [Names.WorkingVolume] = (string?)work["metadata"]!["uid"] } },
            ["spec"] = new JsonObject { ["source"] = new JsonObject { ["blank"] = new JsonObject() }, ["storage"] = new JsonObject() },
        }.ToJsonString());
        while ((string?)(await scene.VersionAsync(name))["status"]?["phase"] != "Succeeded")
        {
            await Task.Delay(20);
        }

        await scene.Api.MergeAsync($"{scene.Cdi.DataVolumes}/{name}/status", """{"status":{"phase":"Failed"} }""");

        var outcome = await scene.PublishAsync("run-1-work");

        Assert.Equal(name, outcome.Volume);
        Assert.NotEqual((string?)failed["metadata"]!["uid"], (string?)(await scene.VersionAsync(name))["metadata"]!["uid"]);
    }
}
