using System.Text.Json.Nodes;

namespace LocalCluster.Tests.Contract;

/// <summary>Objects are made, read, changed and deleted alike on every server.</summary>
public sealed class ObjectTests
{
    public static TheoryData<string> Servers => ContractServer.All;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_object_is_made_read_replaced_and_deleted(string name)
    {
        var (server, path) = await Maps(name);
        var made = await server.CreateAsync(path, Map("a", ("k", "1")));
        Assert.All((string[])["uid", "creationTimestamp", "resourceVersion"], field => Assert.NotEmpty((string?)made.Body["metadata"]![field] ?? ""));
        Assert.Equal(("v1", "ConfigMap", "a"), ((string?)made.Body["apiVersion"], (string?)made.Body["kind"], made.Name));
        var read = (await server.GetAsync($"{path}/a")).Ok;
        Assert.True(JsonNode.DeepEquals(made.Body, read.Body));

        read.Body["data"] = new JsonObject { ["k"] = "2" };
        var put = (await server.PutAsync($"{path}/a", read.Body)).Is(200);
        Assert.Equal("2", (string?)put.Body["data"]!["k"]);
        Assert.NotEqual(made.Version, put.Version);
        Assert.Equal(((string?)made.Body["metadata"]!["uid"], (string?)made.Body["metadata"]!["creationTimestamp"]), ((string?)put.Body["metadata"]!["uid"], (string?)put.Body["metadata"]!["creationTimestamp"]));
        Assert.Equal(put.Version, (await server.PutAsync($"{path}/a", put.Body)).Is(200).Version);

        var list = (await server.GetAsync(path)).Ok.Body;
        Assert.Equal(("ConfigMapList", "v1"), ((string?)list["kind"], (string?)list["apiVersion"]));
        Assert.Equal(["a"], list["items"]!.AsArray().Select(one => (string?)one!["metadata"]!["name"]));

        (await server.DeleteAsync($"{path}/a")).Is(200);
        var gone = (await server.GetAsync($"{path}/a")).Is(404, "NotFound");
        Assert.Equal("configmaps \"a\" not found", gone.Message);
        Assert.Equal(("a", "configmaps"), ((string?)gone.Body["details"]!["name"], (string?)gone.Body["details"]!["kind"]));
        (await server.DeleteAsync($"{path}/a")).Is(404, "NotFound");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_is_there_can_not_be_made_and_what_is_not_there_not_replaced(string name)
    {
        var (server, path) = await Maps(name);
        await server.CreateAsync(path, Map("a"));
        Assert.Equal("configmaps \"a\" already exists", (await server.SendAsync(HttpMethod.Post, path, Map("a"))).Is(409, "AlreadyExists").Message);
        (await server.PatchAsync($"{path}/b", "merge", "{}")).Is(404, "NotFound");
        var (volumes, volume) = (path.Replace("/api/v1", "/apis/cdi.kubevirt.io/v1beta1").Replace("configmaps", "datavolumes"), Volume("v"));
        volume["metadata"]!["resourceVersion"] = "1";
        (await server.PutAsync($"{volumes}/v", volume)).Is(404, "NotFound");
        Assert.Equal("datavolumes.cdi.kubevirt.io \"v\" not found", (await server.GetAsync($"{volumes}/v")).Is(404, "NotFound").Message);
        (await server.GetAsync("/apis/cdi.kubevirt.io/v1beta1/nothings")).Is(404);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_old_version_is_a_conflict_and_a_custom_resource_demands_one(string name)
    {
        var (server, path) = await Maps(name);
        var old = (await server.CreateAsync(path, Map("a"))).Body;
        (await server.PatchAsync($"{path}/a", "merge", """{ "data": { "k": "1" } }""")).Is(200);
        Assert.Equal(
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again",
            (await server.PutAsync($"{path}/a", old)).Is(409, "Conflict").Message);
        (await server.PatchAsync($"{path}/a", "merge", $$"""{ "metadata": { "resourceVersion": "{{(string?)old["metadata"]!["resourceVersion"]}}" }, "data": { "k": "2" } }""")).Is(409, "Conflict");

        (_, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("v"));
        var refused = (await server.PutAsync($"{path}/v", Volume("v"))).Is(422, "Invalid");
        Assert.Contains("metadata.resourceVersion: Invalid value: 0", refused.Message);
        Assert.Contains("must be specified for an update", refused.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_object_must_suit_its_address(string name)
    {
        var (server, path) = await Maps(name);
        await server.CreateAsync(path, Map("a"));
        (await server.PutAsync($"{path}/a", Map("b"))).Is(400, "BadRequest");
        (await server.SendAsync(HttpMethod.Post, path, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Secret", ["metadata"] = new JsonObject { ["name"] = "s" } })).Is(400, "BadRequest");
        var elsewhere = Map("c");
        elsewhere["metadata"]!["namespace"] = "elsewhere";
        (await server.SendAsync(HttpMethod.Post, path, elsewhere)).Is(400, "BadRequest");
        var versioned = Map("d");
        versioned["metadata"]!["resourceVersion"] = "1";
        Assert.True((await server.SendAsync(HttpMethod.Post, path, versioned)).Code is 400 or 500);
        (await server.SendAsync(HttpMethod.Post, path, JsonNode.Parse("[]"))).Is(400, "BadRequest");
        (await server.SendAsync(HttpMethod.Post, path, Map("e"), "text/plain")).Is(415, "UnsupportedMediaType");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_generated_name_has_its_prefix_and_five_letters(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = Volume("");
        volume["metadata"] = new JsonObject { ["generateName"] = "gen-" };
        var (one, other) = (await server.CreateAsync(path, volume.DeepClone()), await server.CreateAsync(path, volume));
        Assert.Matches("^gen-[a-z0-9]{5}$", one.Name);
        Assert.NotEqual(one.Name, other.Name);
        Assert.Equal("gen-", (string?)one.Body["metadata"]!["generateName"]);
        volume["metadata"] = new JsonObject();
        var refused = (await server.SendAsync(HttpMethod.Post, path, volume)).Is(422, "Invalid");
        Assert.Equal(["metadata.name FieldValueRequired"], refused.Causes);
        Assert.Contains("Required value: name or generateName is required", refused.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Finalizers_hold_what_is_deleted(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = Volume("v");
        volume["metadata"]!["finalizers"] = new JsonArray("example.org/a", "example.org/b");
        await server.CreateAsync(path, volume);
        var deleted = (await server.DeleteAsync($"{path}/v")).Is(200);
        var held = (await server.GetAsync($"{path}/v")).Ok.Body;
        var since = (string?)held["metadata"]!["deletionTimestamp"];
        Assert.NotEmpty(since ?? "");
        Assert.Equal("DataVolume", (string?)deleted.Body["kind"]);
        await server.DeleteAsync($"{path}/v");
        Assert.Equal(since, (string?)(await server.GetAsync($"{path}/v")).Ok.Body["metadata"]!["deletionTimestamp"]);

        var refused = (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "finalizers": [ "example.org/a", "example.org/b", "example.org/c" ] } }""")).Is(422, "Invalid");
        Assert.Equal(["metadata.finalizers FieldValueForbidden"], refused.Causes.Distinct());
        (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "finalizers": [ "example.org/b" ] } }""")).Is(200);
        (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "finalizers": null } }""")).Is(200);
        (await server.GetAsync($"{path}/v")).Is(404);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_deletion_tells_its_preconditions_and_its_propagation(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = (await server.CreateAsync(path, Volume("v"))).Body;
        (await server.DeleteAsync($"{path}/v", """{ "preconditions": { "uid": "11111111-1111-1111-1111-111111111111" } }""")).Is(409, "Conflict");
        (await server.DeleteAsync($"{path}/v", """{ "preconditions": { "resourceVersion": "1" } }""")).Is(409, "Conflict");
        (await server.DeleteAsync($"{path}/v", """{ "dryRun": [ "All" ] }""")).Is(200);
        (await server.DeleteAsync($"{path}/v", """{ "propagationPolicy": "Whatever" }""")).Is(422, "Invalid");
        (await server.DeleteAsync($"{path}/v", $$"""{ "propagationPolicy": "Foreground", "preconditions": { "uid": "{{volume["metadata"]!["uid"]}}" } }""")).Is(200);
        Assert.Equal(["foregroundDeletion"], (await server.GetAsync($"{path}/v")).Ok.Body["metadata"]!["finalizers"]!.AsArray().Select(one => (string?)one));

        await server.CreateAsync(path, Volume("w"));
        (await server.DeleteAsync($"{path}/w", """{ "propagationPolicy": "Orphan" }""")).Is(200);
        Assert.Equal(["orphan"], (await server.GetAsync($"{path}/w")).Ok.Body["metadata"]!["finalizers"]!.AsArray().Select(one => (string?)one));

        var moved = (await server.CreateAsync(path, Volume("x"))).Body;
        moved["metadata"]!["uid"] = "11111111-1111-1111-1111-111111111111";
        (await server.PutAsync($"{path}/x", moved)).Is(409, "Conflict");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_dry_run_changes_nothing(string name)
    {
        var (server, path) = await Volumes(name);
        var made = (await server.SendAsync(HttpMethod.Post, $"{path}?dryRun=All", Volume("v"))).Is(201);
        Assert.Equal("v", made.Name);
        (await server.GetAsync($"{path}/v")).Is(404);
        var real = await server.CreateAsync(path, Volume("v"));
        Assert.Equal("b", (string?)(await server.PatchAsync($"{path}/v?dryRun=All", "merge", """{ "metadata": { "labels": { "a": "b" } } }""")).Is(200).Body["metadata"]!["labels"]!["a"]);
        Assert.Equal(real.Version, (await server.GetAsync($"{path}/v")).Ok.Version);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_status_is_written_apart_and_only_wishes_count_as_generations(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = Volume("v");
        volume["status"] = new JsonObject { ["phase"] = "Succeeded" };
        var made = await server.CreateAsync(path, volume);
        Assert.Null(made.Body["status"]);
        Assert.Equal(1, (int?)made.Body["metadata"]!["generation"]);

        var status = (await server.PatchAsync($"{path}/v/status", "merge", """{ "status": { "phase": "Pending" }, "spec": { "contentType": "archive" } }""")).Is(200).Body;
        Assert.Equal(("Pending", null, 1), ((string?)status["status"]!["phase"], (string?)status["spec"]!["contentType"], (int?)status["metadata"]!["generation"]));
        var labelled = (await server.PatchAsync($"{path}/v", "merge", """{ "metadata": { "labels": { "a": "b" } }, "status": { "phase": "Failed" } }""")).Is(200).Body;
        Assert.Equal(("Pending", 1), ((string?)labelled["status"]!["phase"], (int?)labelled["metadata"]!["generation"]));
        var wished = (await server.PatchAsync($"{path}/v", "merge", """{ "spec": { "contentType": "archive" } }""")).Is(200).Body;
        Assert.Equal(("Pending", 2), ((string?)wished["status"]!["phase"], (int?)wished["metadata"]!["generation"]));
        wished["status"] = new JsonObject { ["phase"] = "Succeeded" };
        wished["spec"]!["contentType"] = "kubevirt";
        var put = (await server.PutAsync($"{path}/v/status", wished)).Is(200).Body;
        Assert.Equal(("Succeeded", "archive", 2), ((string?)put["status"]!["phase"], (string?)put["spec"]!["contentType"], (int?)put["metadata"]!["generation"]));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_kind_without_the_part_has_its_status_like_any_field(string name)
    {
        var (server, volumes) = await Volumes(name);
        var path = volumes.Replace("datavolumes", "datasources");
        var source = JsonNode.Parse("""{ "apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": { "name": "s" }, "spec": { "source": {} }, "status": { "conditions": [] } }""")!;
        Assert.NotNull((await server.CreateAsync(path, source)).Body["status"]);
        (await server.PatchAsync($"{path}/s/status", "merge", "{}")).Is(404);
        Assert.Equal(2, (int?)(await server.PatchAsync($"{path}/s", "merge", """{ "status": { "source": {} } }""")).Is(200).Body["metadata"]!["generation"]);
    }

    internal static async Task<(ContractServer Server, string Path)> Maps(string name)
    {
        var server = await ContractServer.GetAsync(name);
        return (server, $"/api/v1/namespaces/{await server.NamespaceAsync()}/configmaps");
    }

    internal static async Task<(ContractServer Server, string Path)> Volumes(string name)
    {
        var server = await ContractServer.GetAsync(name);
        return (server, $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{await server.NamespaceAsync()}/datavolumes");
    }

    internal static JsonObject Map(string name, params (string Key, string Value)[] data) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["data"] = new JsonObject(data.Select(one => KeyValuePair.Create(one.Key, (JsonNode?)one.Value))),
    };

    internal static JsonObject Volume(string name) => new()
    {
        ["apiVersion"] = "cdi.kubevirt.io/v1beta1",
        ["kind"] = "DataVolume",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["source"] = new JsonObject { ["blank"] = new JsonObject() } },
    };
}
