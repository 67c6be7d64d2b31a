using System.Text.Json.Nodes;
using static LocalCluster.Tests.Contract.ObjectTests;

namespace LocalCluster.Tests.Contract;

/// <summary>What is wrong with an object is found and told alike on every server.</summary>
public sealed class ValidationTests
{
    public static TheoryData<string> Servers => ContractServer.All;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_unknown_field_is_refused_by_name_under_strict_validation(string name)
    {
        var (server, path) = await Volumes(name);
        var volume = Volume("v");
        volume["spec"]!["sourc"] = new JsonObject();
        volume["spec"]!["source"]!["http"] = new JsonObject { ["url"] = "http://a", ["ulr"] = "b" };
        volume["metadata"]!["lables"] = new JsonObject();
        var answer = await server.SendAsync(HttpMethod.Post, $"{path}?fieldValidation=Strict", volume);
        if (name == ContractServer.Kube120)
        {
            Assert.True(server.Has(Differences.UnknownFields));
            answer.Is(201);
            return;
        }

        var told = answer.Is(400, "BadRequest").Message;
        Assert.Contains("strict decoding error", told);
        Assert.All((string[])["spec.sourc", "spec.source.http.ulr", "metadata.lables"], field => Assert.Contains($"unknown field \"{field}\"", told));

        // Who does not ask for it has it from us all the same, and loses the field elsewhere.
        volume["metadata"] = new JsonObject { ["name"] = "w" };
        var unasked = await server.SendAsync(HttpMethod.Post, path, volume);
        if (server.Has(Differences.UnknownFields))
        {
            unasked.Is(400, "BadRequest");
        }
        else
        {
            Assert.Null(unasked.Is(201).Body["spec"]!["sourc"]);
        }

        await server.CreateAsync(path, Volume("x"));
        Assert.Contains("unknown field \"spec.sourc\"", (await server.PatchAsync($"{path}/x?fieldValidation=Strict", "merge", """{ "spec": { "sourc": {} } }""")).Is(422, "Invalid").Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Wrong_types_values_and_missing_fields_are_told_with_their_place(string name)
    {
        var (server, path) = await Volumes(name);
        foreach (var (spec, field, message) in (IEnumerable<(string, string, string)>)
            [
                ("""{ "source": "x" }""", "spec.source", "Invalid value: \"string\": spec.source in body must be of type object: \"string\""),
                ("""{ "preallocation": "true" }""", "spec.preallocation", "Invalid value: \"string\": spec.preallocation in body must be of type boolean: \"string\""),
                ("""{ "contentType": "zip" }""", "spec.contentType", "Unsupported value: \"zip\": supported values: \"kubevirt\", \"archive\""),
                ("""{ "source": { "http": {} } }""", "spec.source.http.url", "Required value"),
                ("""{ "storage": { "accessModes": "ReadWriteOnce" } }""", "spec.storage.accessModes", "Invalid value: \"string\": spec.storage.accessModes in body must be of type array: \"string\""),
            ])
        {
            var volume = Volume("v");
            volume["spec"] = JsonNode.Parse(spec);
            var told = (await server.SendAsync(HttpMethod.Post, path, volume)).Is(422, "Invalid");
            var cause = Assert.Single(told.Body["details"]!["causes"]!.AsArray())!;
            Assert.Equal((field, message), ((string?)cause["field"], (string?)cause["message"]));
            Assert.Equal($"DataVolume.cdi.kubevirt.io \"v\" is invalid: {field}: {message}", told.Message);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Names_and_labels_are_checked_in_the_same_words(string name)
    {
        var (server, path) = await Volumes(name);
        foreach (var (metadata, field) in (IEnumerable<(string, string)>)
            [
                ("""{ "name": "A_b" }""", "metadata.name"),
                ("""{ "name": "a", "labels": { "x y": "1" } }""", "metadata.labels"),
                ("""{ "name": "a", "labels": { "x": "-1" } }""", "metadata.labels"),
                ("""{ "name": "a", "annotations": { "/x": "1" } }""", "metadata.annotations"),
            ])
        {
            var volume = Volume("v");
            volume["metadata"] = JsonNode.Parse(metadata);
            var told = (await server.SendAsync(HttpMethod.Post, path, volume)).Is(422, "Invalid");
            var cause = Assert.Single(told.Body["details"]!["causes"]!.AsArray())!;
            Assert.Equal((field, "FieldValueInvalid"), ((string?)cause["field"], (string?)cause["reason"]));
            var ours = LocalCluster.Api.Schemas.Validation.Faults(LocalCluster.Api.Schemas.ApiResources.Find("cdi.kubevirt.io", "v1beta1", "datavolumes")!, volume);
            if (name != ContractServer.Kube120)
            {
                // Older servers have other words for the same.
                Assert.Equal((string?)cause["message"], Assert.Single(ours).Message);
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_claim_has_its_defaults_and_must_say_how_much_and_how(string name)
    {
        var server = await ContractServer.GetAsync(name);
        var path = $"/api/v1/namespaces/{await server.NamespaceAsync()}/persistentvolumeclaims";
        var claim = JsonNode.Parse("""{ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "c" }, "spec": {} }""")!;
        if (server.Has(Differences.BuiltInValidation))
        {
            Assert.Null((await server.CreateAsync(path, claim)).Body["spec"]?["volumeMode"]);
            return;
        }

        Assert.Equal(["spec.accessModes FieldValueRequired", "spec.resources[storage] FieldValueRequired"], (await server.SendAsync(HttpMethod.Post, path, claim)).Is(422, "Invalid").Causes);
        claim["spec"] = JsonNode.Parse("""{ "accessModes": [ "ReadWriteOnce" ], "resources": { "requests": { "storage": "10Gi" } } }""");
        var made = (await server.CreateAsync(path, claim)).Body;
        Assert.Equal(("Filesystem", "Pending"), ((string?)made["spec"]!["volumeMode"], (string?)made["status"]!["phase"]));
        var secret = JsonNode.Parse("""{ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "a": "b" } }""")!;
        var kept = (await server.CreateAsync(path.Replace("persistentvolumeclaims", "secrets"), secret)).Body;
        Assert.Equal(("Opaque", "Yg==", null), ((string?)kept["type"], (string?)kept["data"]!["a"], kept["stringData"]));
        var role = JsonNode.Parse("""{ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" }, "rules": [ { "verbs": [], "apiGroups": [ "" ], "resources": [ "pods" ] } ] }""")!;
        var roles = path.Replace("/api/v1", "/apis/rbac.authorization.k8s.io/v1").Replace("persistentvolumeclaims", "roles");
        Assert.Equal(["rules[0].verbs FieldValueRequired"], (await server.SendAsync(HttpMethod.Post, roles, role)).Is(422, "Invalid").Causes);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Nothing_is_made_where_there_is_no_namespace(string name)
    {
        var server = await ContractServer.GetAsync(name);
        var told = (await server.SendAsync(HttpMethod.Post, "/apis/cdi.kubevirt.io/v1beta1/namespaces/nowhere/datavolumes", Volume("v"))).Is(404, "NotFound");
        Assert.Equal("namespaces \"nowhere\" not found", told.Message);
    }
}
