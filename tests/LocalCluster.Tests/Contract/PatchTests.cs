using System.Text.Json.Nodes;
using static LocalCluster.Tests.Contract.ObjectTests;

namespace LocalCluster.Tests.Contract;

/// <summary>Patches do the same on every server.</summary>
public sealed class PatchTests
{
    public static TheoryData<string> Servers => ContractServer.All;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_merge_patch_sets_removes_and_replaces_lists(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = Volume("v");
        volume["metadata"]!["labels"] = new JsonObject { ["a"] = "1", ["b"] = "2" };
        volume["metadata"]!["finalizers"] = new JsonArray("example.org/a");
        var made = await server.CreateAsync(path, volume);
        var patched = (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "labels": { "a": null, "c": "3" }, "finalizers": [ "example.org/b" ] }, "spec": { "preallocation": true } }""")).Is(200).Body;
        Assert.Equal("""{"b":"2","c":"3"}""", patched["metadata"]!["labels"]!.ToJsonString());
        Assert.Equal("""["example.org/b"]""", patched["metadata"]!["finalizers"]!.ToJsonString());
        Assert.Equal("""{"preallocation":true,"source":{"blank":{}}}""", Sorted(patched["spec"]!));
        Assert.NotEqual(made.Version, (string?)patched["metadata"]!["resourceVersion"]);
        var again = (await server.PatchAsync($"{path}/v", "merge", """{ "spec": { "preallocation": true } }""")).Is(200);
        Assert.Equal((string?)patched["metadata"]!["resourceVersion"], again.Version);
        (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "name": "w" } }""")).Is(400, "BadRequest");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_json_patch_is_done_as_a_whole_or_not_at_all(string name)
    {
        var (server, path) = await Volumes(name);
        var made = await server.CreateAsync(path, Volume("v"));
        var patched = (await server.PatchAsync($"{path}/v", "json", """
            [ { "op": "test", "path": "/spec/source/blank", "value": {} }, { "op": "add", "path": "/metadata/labels", "value": { "a/b": "1", "c": "2" } },
              { "op": "replace", "path": "/metadata/labels/a~1b", "value": "3" }, { "op": "remove", "path": "/metadata/labels/c" }, { "op": "add", "path": "/spec/preallocation", "value": true } ]
            """)).Is(200).Body;
        Assert.Equal("""{"a/b":"3"}""", patched["metadata"]!["labels"]!.ToJsonString());
        Assert.True((bool?)patched["spec"]!["preallocation"]);
        foreach (var patch in (string[])
            [
                """[ { "op": "add", "path": "/metadata/labels/x", "value": "y" }, { "op": "test", "path": "/spec/preallocation", "value": false } ]""",
                """[ { "op": "remove", "path": "/metadata/labels/none" } ]""",
            ])
        {
            (await server.PatchAsync($"{path}/v", "json", patch)).Is(422, "Invalid");
        }

        (await server.PatchAsync($"{path}/v", "json", """{ "spec": {} }""")).Is(400, "BadRequest");
        Assert.Equal((string?)patched["metadata"]!["resourceVersion"], (await server.GetAsync($"{path}/v")).Ok.Version);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_strategic_patch_merges_lists_of_built_in_kinds_and_is_none_for_others(string name)
    {
        var (server, path) = await Maps(name);
        var map = Map("a", ("k", "1"), ("l", "2"));
        map["metadata"]!["finalizers"] = new JsonArray("example.org/a");
        map["metadata"]!["ownerReferences"] = new JsonArray(Owner("1", "one"));
        await server.CreateAsync(path, map);
        var patched = (await server.PatchAsync($"{path}/a", "strategic-merge", $$"""
            { "metadata": { "finalizers": [ "example.org/b" ], "ownerReferences": [ {{Owner("2", "two").ToJsonString()}}, { "uid": "1", "controller": true } ] }, "data": { "k": null, "m": "3" } }
            """)).Is(200).Body;
        Assert.Equal("""{"l":"2","m":"3"}""", Sorted(patched["data"]!));
        Assert.Equal(["example.org/a", "example.org/b"], patched["metadata"]!["finalizers"]!.AsArray().Select(one => (string)one!).Order());
        Assert.Equal(["one 1 True", "two 2 "], patched["metadata"]!["ownerReferences"]!.AsArray().Select(one => $"{one!["name"]} {one["uid"]} {(bool?)one["controller"]}").Order());
        var less = (await server.PatchAsync($"{path}/a", "strategic-merge", """
            { "metadata": { "$deleteFromPrimitiveList/finalizers": [ "example.org/a" ], "ownerReferences": [ { "$patch": "delete", "uid": "1" } ] }, "data": { "$patch": "replace", "n": "4" } }
            """)).Is(200).Body;
        Assert.Equal("""{"n":"4"}""", less["data"]!.ToJsonString());
        Assert.Equal("""["example.org/b"]""", less["metadata"]!["finalizers"]!.ToJsonString());
        Assert.Equal(["2"], less["metadata"]!["ownerReferences"]!.AsArray().Select(one => (string?)one!["uid"]));

        (_, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("v"));
        (await server.PatchAsync($"{path}/v", "strategic-merge", "{}")).Is(415, "UnsupportedMediaType");
        (await server.PatchAsync($"{path}/v", "unheard", "{}")).Is(415, "UnsupportedMediaType");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Server_side_apply_is_done_or_refused(string name)
    {
        var (server, path) = await Volumes(name);
        var applied = await server.PatchAsync($"{path}/v?fieldManager=test", "apply", Volume("v").ToJsonString());
        if (server.Has(Differences.ServerSideApply))
        {
            applied.Is(415, "UnsupportedMediaType");
        }
        else
        {
            applied.Is(201);
        }
    }

    private static JsonObject Owner(string uid, string name) => new() { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["name"] = name, ["uid"] = uid };

    private static string Sorted(JsonNode map) => new JsonObject(map.AsObject().OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => KeyValuePair.Create(one.Key, one.Value?.DeepClone()))).ToJsonString();
}
