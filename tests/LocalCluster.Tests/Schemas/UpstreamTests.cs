using System.Text.Json.Nodes;
using Lab.ApiServers;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Tests.Schemas;

/// <summary>Our schemas say less than the upstream ones, and nothing else: what ours takes, a real cluster takes.</summary>
public sealed class UpstreamTests
{
    /// <summary>What kube-1.20 does not know yet, and what it demands only in its documents.</summary>
    private static readonly string[] NotInKube120 = ["PersistentVolumeClaim.spec.dataSourceRef", "SelfSubjectReview", "TokenRequest.spec.audiences"];

    [SkippableTheory]
    [InlineData("cdi", "cdi.kubevirt.io")]
    [InlineData("snapshot", "snapshot.storage.k8s.io")]
    [InlineData("tekton", "tekton.dev")]
    public void Every_field_of_a_custom_resource_is_one_of_its_definition(string folder, string group)
    {
        Skip.If(ApiServerAssets.Schemas is null, "the upstream schemas are missing: put them into shared/schemas beside the repository");
        var definitions = Directory.GetFiles(Path.Combine(ApiServerAssets.Schemas!, folder), "*.yaml").Select(Read).ToList();
        var differences = new List<string>();
        foreach (var resource in ApiResources.All.Where(one => one.Group == group))
        {
            var definition = definitions.Single(one => (string?)one["spec"]!["names"]!["kind"] == resource.Kind)["spec"]!;
            var version = definition["versions"]!.AsArray().Single(one => (string?)one!["name"] == resource.Version)!;
            var names = definition["names"]!;
            Assert.Equal((string?)names["plural"], resource.Plural);
            Assert.Equal((string?)definition["scope"] == "Namespaced", resource.Namespaced);
            Assert.Equal(Texts(names["shortNames"]), resource.ShortNames);
            Assert.Equal(Texts(names["categories"]), resource.Categories);
            Assert.Equal(version["subresources"]?["status"] is not null && version["schema"]!["openAPIV3Schema"]!["properties"]!["status"] is { } status && status["properties"] is not null, resource.HasStatus);
            Assert.Equal(
                version["additionalPrinterColumns"] is JsonArray columns
                    ? columns.Select(one => $"{one!["name"]} {one["type"]} {one["jsonPath"]}")
                    : ["Age date .metadata.creationTimestamp"],
                resource.Columns.Select(one => $"{one.Name} {one.Type} {one.Source}"));
            Compare(resource.Schema, version["schema"]!["openAPIV3Schema"]!, resource.Kind, (_, node) => node, differences);
        }

        Assert.Equal("", string.Join('\n', differences));
    }

    [SkippableFact]
    public async Task Every_field_of_a_built_in_kind_is_one_of_kubernetes()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Kube120), "a server of the user's own may be of any version");
        var server = await ApiServerFixture.GetAsync(ApiServerKind.Kube120);
        var definitions = (await server.Http.ReadAsync("/openapi/v2"))["definitions"]!.AsObject();
        var byKind = definitions.Select(one => one.Value!).Where(one => one["x-kubernetes-group-version-kind"] is JsonArray { Count: 1 })
            .ToLookup(one => one["x-kubernetes-group-version-kind"]![0]!.ToJsonString());
        var differences = new List<string>();
        foreach (var resource in ApiResources.All.Where(one => one.Group is "" || (one.Group.EndsWith(".k8s.io") && one.Group != "snapshot.storage.k8s.io")))
        {
            var key = new JsonObject { ["group"] = resource.Group, ["kind"] = resource.Kind, ["version"] = resource.Version }.ToJsonString();
            if (byKind[key].FirstOrDefault() is { } definition)
            {
                Compare(resource.Schema, definition, resource.Kind, Resolve, differences);
            }
            else
            {
                differences.Add($"{resource.Kind}: there is no such kind");
            }
        }

        Assert.Equal("", string.Join('\n', differences.Where(one => !NotInKube120.Contains(one.Split(':')[0]))));
        Assert.Equal(NotInKube120.Length, differences.Count);

        // A reference, and the few types that JSON writes otherwise than Go has them.
        JsonNode Resolve(FieldSchema ours, JsonNode node) => (string?)node["$ref"] switch
        {
            null => node,
            "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity" => new JsonObject { ["x-kubernetes-int-or-string"] = true },
            var name => definitions[name["#/definitions/".Length..]]!,
        };
    }

    private static void Compare(FieldSchema ours, JsonNode theirs, string path, Func<FieldSchema, JsonNode, JsonNode> resolve, List<string> differences)
    {
        theirs = resolve(ours, theirs);
        if (theirs["x-kubernetes-preserve-unknown-fields"]?.ToString() == "true" || path.EndsWith(".managedFields[]"))
        {
            return;
        }

        var (type, format) = ((string?)theirs["type"], (string?)theirs["format"]);
        var same = ours.Type switch
        {
            _ when theirs["x-kubernetes-int-or-string"] is not null => ours.Type is FieldType.Quantity or FieldType.WholeOrText,
            FieldType.Object => type is "object" or null && theirs["additionalProperties"] is null,
            FieldType.Map => type == "object" && theirs["additionalProperties"] is not null,
            FieldType.List => type == "array",
            FieldType.Text => type == "string" && format is null,
            FieldType.Time => type == "string" && (format == "date-time" || path.EndsWith(".lastTransitionTime")),
            FieldType.Bytes => type == "string" && format == "byte",
            FieldType.Whole => type == "integer",
            FieldType.Truth => type == "boolean",
            _ => false,
        };
        if (!same)
        {
            differences.Add($"{path}: {ours.Type} here, {type} {format} there");
            return;
        }

        if (ours.Values.Count > 0 && theirs["enum"] is JsonArray values && ours.Values.Except(Texts(values)).Any())
        {
            differences.Add($"{path}: of {string.Join(",", ours.Values)} they have only {values.ToJsonString()}");
        }

        switch (ours.Type)
        {
            case FieldType.List:
                Compare(ours.Items!, theirs["items"]!, $"{path}[]", resolve, differences);
                break;
            case FieldType.Map:
                Compare(ours.Items!, theirs["additionalProperties"]!, $"{path}.*", resolve, differences);
                break;
            case FieldType.Object:
                foreach (var (name, field) in ours.Fields.Where(field => field.Key != "metadata" || theirs["properties"]?["metadata"]?["$ref"] is not null))
                {
                    if (theirs["properties"]?[name] is not { } there)
                    {
                        differences.Add($"{path}.{name}: there is no such field");
                        continue;
                    }

                    Compare(field.Schema, there, $"{path}.{name}", resolve, differences);
                    if (!field.Required && Texts(theirs["required"]).Contains(name) && !path.Contains(".status") && name != "metadata")
                    {
                        differences.Add($"{path}.{name}: must be there");
                    }
                }

                break;
        }
    }

    private static JsonNode Read(string file)
    {
        using var stream = File.OpenRead(file);
        return Yaml.Read(stream)!;
    }

    private static IEnumerable<string> Texts(JsonNode? list) => (list as JsonArray ?? []).Select(one => (string)one!);
}
