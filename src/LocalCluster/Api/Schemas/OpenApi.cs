using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>
/// OpenAPI v3 of a group: what <c>kubectl explain</c> shows, and what tells kubectl that the server finds unknown fields (it looks for the
/// parameter <c>fieldValidation</c> of PATCH). Strategic merge patches are not named: for its own types kubectl then uses their Go tags.
/// </summary>
internal static class OpenApi
{
    private const string Metadata = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    private const string KindKey = "x-kubernetes-group-version-kind";

    /// <summary>The document of a group and version.</summary>
    internal static JsonObject Document(string group, string version, string serverVersion)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        foreach (var one in ApiResources.All.Where(one => one.Group == group && one.Version == version))
        {
            AddPaths(paths, one);
            var schema = Schema(one.Schema, one.Schema.Description);
            schema["properties"]!["metadata"] = Reference(one.Schema.Fields["metadata"].Description);
            schema[KindKey] = new JsonArray(Kind(one));
            schemas[Name(one)] = schema;
            var metadata = one.Schema.Fields["metadata"].Schema;
            schemas[Metadata] ??= Schema(metadata, metadata.Description);
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = serverVersion },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static string Name(ApiResource one) =>
        $"{string.Join('.', (one.Group.Length == 0 ? "core.api.k8s.io" : one.Group).Split('.').Reverse())}.{one.Version}.{one.Kind}";

    private static void AddPaths(JsonObject paths, ApiResource one)
    {
        var root = one.Group.Length == 0 ? $"/api/{one.Version}" : $"/apis/{one.Group}/{one.Version}";
        if (one.Subresource is not null)
        {
            return;
        }

        var inside = one.Namespaced ? $"{root}/namespaces/{{namespace}}/{one.Plural}" : $"{root}/{one.Plural}";
        if (!one.Stored)
        {
            paths[inside] = new JsonObject { ["post"] = Operation(one, "post") };
            return;
        }

        paths[inside] = Operations(one, "get", "post", "delete");
        paths[$"{inside}/{{name}}"] = Operations(one, "get", "put", "patch", "delete");
        if (one.Namespaced)
        {
            paths[$"{root}/{one.Plural}"] = Operations(one, "get");
        }
    }

    private static JsonObject Operations(ApiResource one, params IEnumerable<string> methods) => new(methods.Select(method => KeyValuePair.Create(method, (JsonNode?)Operation(one, method))));

    private static JsonObject Operation(ApiResource one, string method)
    {
        var operation = new JsonObject { ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } }, [KindKey] = Kind(one) };
        if (method is "post" or "put" or "patch")
        {
            operation["parameters"] = new JsonArray(Parameter("fieldValidation"), Parameter("dryRun"));
        }

        return operation;
    }

    private static JsonObject Parameter(string name) =>
        new() { ["name"] = name, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true } };

    private static JsonObject Kind(ApiResource one) => new() { ["group"] = one.Group, ["kind"] = one.Kind, ["version"] = one.Version };

    private static JsonObject Reference(string description) =>
        new() { ["description"] = description, ["default"] = new JsonObject(), ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/components/schemas/{Metadata}" }) };

    private static JsonObject Schema(FieldSchema schema, string description)
    {
        var made = schema.Type switch
        {
            FieldType.Object => new JsonObject { ["type"] = "object" },
            FieldType.List => new JsonObject { ["type"] = "array", ["items"] = Schema(schema.Items!, "") },
            FieldType.Map => new JsonObject { ["type"] = "object", ["additionalProperties"] = Schema(schema.Items!, "") },
            FieldType.Whole => new JsonObject { ["type"] = "integer", ["format"] = "int64" },
            FieldType.Truth => new JsonObject { ["type"] = "boolean" },
            FieldType.Time => new JsonObject { ["type"] = "string", ["format"] = "date-time" },
            FieldType.Bytes => new JsonObject { ["type"] = "string", ["format"] = "byte" },
            FieldType.Quantity or FieldType.WholeOrText => new JsonObject { ["x-kubernetes-int-or-string"] = true, ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "integer" }, new JsonObject { ["type"] = "string" }) },
            FieldType.Any => new JsonObject { ["x-kubernetes-preserve-unknown-fields"] = true },
            _ => new JsonObject { ["type"] = "string" },
        };
        if (description.Length > 0)
        {
            made["description"] = description;
        }

        if (schema.Values.Count > 0)
        {
            made["enum"] = new JsonArray([.. schema.Values.Select(one => (JsonNode)one)]);
        }

        if (schema.Fields.Count > 0)
        {
            made["properties"] = new JsonObject(schema.Fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)Schema(field.Value.Schema, field.Value.Description))));
            if (schema.Fields.Where(field => field.Value.Required).Select(field => (JsonNode)field.Key).ToArray() is { Length: > 0 } required)
            {
                made["required"] = new JsonArray(required);
            }
        }

        return made;
    }
}
