using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>What kubectl prints (meta.k8s.io/v1 Table).</summary>
internal static class Tables
{
    /// <summary>A table of objects.</summary>
    /// <param name="resource">Their kind.</param>
    /// <param name="items">The objects.</param>
    /// <param name="listMetadata">Of the list: resourceVersion, continue; null for one object.</param>
    /// <param name="includeObject"><c>Metadata</c>, <c>Object</c> or <c>None</c>.</param>
    /// <param name="now">For ages.</param>
    internal static JsonObject Render(ApiResource resource, IReadOnlyList<JsonObject> items, JsonObject? listMetadata, string includeObject, DateTimeOffset now)
    {
        var definitions = new JsonArray(Definition("Name", "string", "name", "Name must be unique within a namespace.", 0));
        foreach (var column in resource.Columns)
        {
            definitions.Add((JsonNode)Definition(column.Name, column.Type, "", $"{column.Name}: {column.Source}", column.Wide ? 1 : 0));
        }

        var rows = new JsonArray();
        foreach (var item in items)
        {
            var cells = new JsonArray(Cells.Name(resource, item));
            foreach (var column in resource.Columns)
            {
                cells.Add(Cells.Of(column, item, now));
            }

            JsonNode row = new JsonObject { ["cells"] = cells };
            if (includeObject == "Object")
            {
                row["object"] = item.DeepClone();
            }
            else if (includeObject != "None")
            {
                row["object"] = new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = item["metadata"]?.DeepClone() };
            }

            rows.Add(row);
        }

        var metadata = listMetadata?.DeepClone()
            ?? (items is [var one] && one["metadata"]?["resourceVersion"] is { } version ? new JsonObject { ["resourceVersion"] = version.DeepClone() } : new JsonObject());
        return new JsonObject { ["kind"] = "Table", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = metadata, ["columnDefinitions"] = definitions, ["rows"] = rows };
    }

    private static JsonObject Definition(string name, string type, string format, string description, int priority) =>
        new() { ["name"] = name, ["type"] = type, ["format"] = format, ["description"] = description, ["priority"] = priority };
}
