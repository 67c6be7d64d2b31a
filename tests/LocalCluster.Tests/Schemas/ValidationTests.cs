using System.Text.Json.Nodes;
using Lab;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Tests.Schemas;

public sealed class ValidationTests
{
    [Fact]
    public void Unknown_fields_are_named_by_their_path()
    {
        var task = Object("""
            { "apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": { "name": "a", "lables": {} },
              "spec": { "steps": [ { "name": "a" }, { "name": "b", "imag": "x", "env": [ { "name": "A", "valu": "b" } ] } ], "script": "" } }
            """);
        Assert.Equal(
            ["metadata.lables", "spec.script", "spec.steps[1].env[0].valu", "spec.steps[1].imag"],
            Validation.UnknownFields(Kind("tasks"), task));
    }

    [Fact]
    public void What_is_free_or_nothing_is_not_unknown()
    {
        var run = Object("""
            { "metadata": { "name": "a", "labels": { "x/y": "z" }, "creationTimestamp": null, "managedFields": [ { "manager": "kubectl" } ] },
              "spec": { "params": [ { "name": "a", "value": [ "b" ] }, { "name": "c", "value": { "d": "e" } } ], "podTemplate": null } }
            """);
        Assert.Empty(Validation.UnknownFields(Kind("taskruns"), run));
        Assert.Empty(Validation.Faults(Kind("taskruns"), run));
    }

    [Theory]
    [InlineData("datavolumes", """{ "spec": { "contentType": "zip" } }""", "spec.contentType", "FieldValueNotSupported", "Unsupported value: \"zip\": supported values: \"kubevirt\", \"archive\"")]
    [InlineData("datavolumes", """{ "spec": { "source": "x" } }""", "spec.source", "FieldValueTypeInvalid", "Invalid value: \"string\": spec.source in body must be of type object: \"string\"")]
    [InlineData("datavolumes", """{ "spec": { "preallocation": "true" } }""", "spec.preallocation", "FieldValueTypeInvalid", "Invalid value: \"string\": spec.preallocation in body must be of type boolean: \"string\"")]
    [InlineData("datavolumes", """{ "spec": { "source": { "http": {} } } }""", "spec.source.http.url", "FieldValueRequired", "Required value")]
    [InlineData("datavolumes", """{ }""", "spec", "FieldValueRequired", "Required value")]
    [InlineData("datavolumes", """{ "spec": { "storage": { "resources": { "requests": { "storage": "10 GB" } } } } }""", "spec.storage.resources.requests.storage", "FieldValueInvalid", "Invalid value: \"10 GB\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    [InlineData("pods", """{ "spec": { "containers": [ { "name": "a" }, null ] } }""", "spec.containers[1]", "FieldValueRequired", "Required value")]
    [InlineData("dataimportcrons", """{ "spec": { "template": { "spec": {} }, "schedule": "", "managedDataSource": "a", "importsToKeep": 1.5 } }""", "spec.importsToKeep", "FieldValueTypeInvalid", "Invalid value: \"number\": spec.importsToKeep in body must be of type integer: \"number\"")]
    [InlineData("secrets", """{ "data": { "a": "ä" } }""", "data.a", "FieldValueInvalid", "Invalid value: \"ä\": data.a in body must be of type byte: \"ä\"")]
    [InlineData("clusterrolebindings", """{ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a" }, "subjects": [ { "kind": "ServiceAccount", "name": "a" } ] }""", "subjects[0].namespace", "FieldValueRequired", "Required value")]
    public void A_fault_has_the_field_the_reason_and_the_words_of_kubernetes(string plural, string json, string field, string reason, string message)
    {
        var item = Object(json);
        item["metadata"] = new JsonObject { ["name"] = "a" };
        var fault = Assert.Single(Validation.Faults(Kind(plural), item));
        Assert.Equal((field, reason, message), (fault.Field, fault.Reason, fault.Message));
    }

    [Fact]
    public void Whatever_stands_where_an_object_should_be_is_a_fault_and_no_crash()
    {
        JsonNode?[] values = [null, 1, "a", true, new JsonArray(), new JsonArray((JsonNode?)null), new JsonArray(1), new JsonObject(), new JsonObject { ["name"] = 1 }, 1e300, double.MaxValue];
        foreach (var resource in ApiResources.All)
        {
            Everywhere(resource.Schema, place =>
            {
                foreach (var value in values)
                {
                    var item = place(value?.DeepClone());
                    item["metadata"] ??= new JsonObject { ["name"] = "a" };
                    Validation.Default(resource, item);
                    Validation.UnknownFields(resource, item);
                    if (Validation.Faults(resource, item).Count == 0)
                    {
                        Tables.Render(resource, [item], null, "Metadata", DateTimeOffset.UnixEpoch);
                    }
                }
            });
        }

        // Calls back with a function that puts a value at each place of a schema.
        static void Everywhere(FieldSchema schema, Action<Func<JsonNode?, JsonObject>> found)
        {
            foreach (var (name, field) in schema.Fields)
            {
                found(value => new JsonObject { [name] = value });
                var inner = field.Schema.Type == FieldType.Object ? field.Schema : field.Schema.Items;
                if (inner is { Type: FieldType.Object })
                {
                    Everywhere(inner, place => found(value => new JsonObject { [name] = field.Schema.Type == FieldType.List ? new JsonArray(place(value)) : place(value) }));
                }
            }
        }
    }

    [Theory]
    [InlineData("configmaps", "a.b-c", true)]
    [InlineData("configmaps", "A", false)]
    [InlineData("configmaps", "a_b", false)]
    [InlineData("configmaps", "-a", false)]
    [InlineData("configmaps", "a\n", false)]
    [InlineData("namespaces", "a.b", false)]
    [InlineData("roles", "system:a B", true)]
    [InlineData("roles", "a/b", false)]
    [InlineData("roles", "..", false)]
    public void A_name_must_suit_its_kind(string plural, string name, bool suits) =>
        Assert.Equal(suits, Validation.Faults(Kind(plural), new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }).Count == 0);

    [Fact]
    public void Defaults_stand_where_nothing_is_said()
    {
        var claim = Object("""{ "spec": { "accessModes": [ "ReadWriteOnce" ] } }""");
        Validation.Default(Kind("persistentvolumeclaims"), claim);
        Assert.Equal("Filesystem", (string?)claim["spec"]!["volumeMode"]);
        var block = Object("""{ "spec": { "volumeMode": "Block" }, "status": { "phase": "Bound" } }""");
        Validation.Default(Kind("persistentvolumeclaims"), block);
        Assert.Equal(("Block", "Bound"), ((string?)block["spec"]!["volumeMode"], (string?)block["status"]!["phase"]));
        var secret = Object("""{ "stringData": { "a": "x" }, "data": { "a": "AA==", "b": "AQ==" } }""");
        Validation.Default(Kind("secrets"), secret);
        Assert.Equal(("eA==", "AQ==", "Opaque", null), ((string?)secret["data"]!["a"], (string?)secret["data"]!["b"], (string?)secret["type"], secret["stringData"]));
        var binding = Object("""{ "roleRef": {}, "subjects": [ { "kind": "User" }, { "kind": "ServiceAccount" } ] }""");
        Validation.Default(Kind("rolebindings"), binding);
        Assert.Equal("""{"roleRef":{"apiGroup":"rbac.authorization.k8s.io"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io"},{"kind":"ServiceAccount"}]}""", binding.ToJsonString());
    }

    [Fact]
    public void Every_field_of_the_yaml_that_we_ship_is_known()
    {
        var files = new[] { "tasks", "pipelines", "docs" }.Select(folder => Path.Combine(Repository.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.yaml", SearchOption.AllDirectories));
        var seen = 0;
        foreach (var (file, text) in files.SelectMany(file => File.ReadAllText(file).Split("\n---").Select(text => (file, text))))
        {
            using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
            var item = Yaml.Read(stream) as JsonObject;
            if (item?["kind"] is { } kind && ApiResources.All.FirstOrDefault(one => one.Kind == (string?)kind && one.ApiVersion == (string?)item["apiVersion"]) is { } resource)
            {
                seen++;
                Assert.True(Validation.UnknownFields(resource, item) is [], $"{file}: {string.Join(", ", Validation.UnknownFields(resource, item))}");
            }
        }

        Assert.True(seen > 10, $"{seen} objects");
    }

    private static ApiResource Kind(string plural) => ApiResources.All.Single(one => one.Plural == plural);

    private static JsonObject Object(string json) => JsonNode.Parse(json)!.AsObject();
}
