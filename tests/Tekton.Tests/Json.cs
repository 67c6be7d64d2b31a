using System.Text.Json.Nodes;

namespace Tekton.Tests;

/// <summary>Reading JSON whose shape is still to be checked: what is missing or of another type is empty.</summary>
internal static class Json
{
    /// <summary>A string at a path such as <c>metadata/labels/app.kubernetes.io~1version</c> (<c>~1</c> is a slash).</summary>
    public static string Text(this JsonNode? node, string path) => node.At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    /// <summary>The objects of a list.</summary>
    public static IReadOnlyList<JsonObject> List(this JsonNode? node, string path) => node.At(path) is JsonArray array ? [.. array.OfType<JsonObject>()] : [];

    /// <summary>The strings of a list.</summary>
    public static IReadOnlyList<string> Texts(this JsonNode? node, string path) =>
        node.At(path) is JsonArray array ? [.. array.Select(item => item is JsonValue value && value.TryGetValue<string>(out var text) ? text : "")] : [];

    /// <summary>The names in a list of named objects.</summary>
    public static IReadOnlyList<string> Names(this JsonNode? node, string path) => [.. node.List(path).Select(item => item.Text("name"))];

    public static JsonNode? At(this JsonNode? node, string path) =>
        path.Split('/').Aggregate(node, (at, key) => (at as JsonObject)?[key.Replace("~1", "/", StringComparison.Ordinal)]);

    /// <summary>Every string, with the path of keys that leads to it.</summary>
    public static IEnumerable<(string Path, string Text)> Strings(this JsonNode? node, string path = "") => node switch
    {
        JsonObject item => item.SelectMany(pair => pair.Value.Strings($"{path}/{pair.Key}")),
        JsonArray array => array.SelectMany((child, index) => child.Strings($"{path}/{index}")),
        JsonValue value when value.TryGetValue<string>(out var text) => [(path, text)],
        _ => [],
    };

    /// <summary>Names that stand more than once.</summary>
    public static IEnumerable<string> Twice(this IEnumerable<string> names) => names.GroupBy(name => name, StringComparer.Ordinal).Where(group => group.Count() > 1).Select(group => group.Key);
}
