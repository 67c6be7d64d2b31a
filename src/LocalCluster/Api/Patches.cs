using System.Globalization;
using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>Merge patches (RFC 7386) and JSON patches (RFC 6902).</summary>
internal static class Patches
{
    private const int MostOperations = 10_000;

    internal static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = (target as JsonObject)?.Copy() ?? [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = Merge(result[name], value);
            }
        }

        return result;
    }

    /// <exception cref="ApiException">The patch makes no sense (400), or does not fit the object (422).</exception>
    internal static JsonNode? Apply(JsonNode target, JsonNode? patch)
    {
        if (patch is not JsonArray operations || operations.Count > MostOperations)
        {
            throw ApiException.BadRequest($"a JSON patch is a list of at most {MostOperations} operations");
        }

        var root = target.DeepClone();
        foreach (var operation in operations)
        {
            var path = operation.Text("path") ?? throw ApiException.BadRequest("an operation of the JSON patch has no path");
            root = operation.Text("op") switch
            {
                "add" => Set(root, path, Value(operation), isNew: true),
                "replace" => Set(root, path, Value(operation), isNew: false),
                "remove" => Remove(root, path),
                "test" when JsonNode.DeepEquals(Get(root, path), Value(operation)) => root,
                "test" => throw Unfit($"testing value {path} failed"),
                "copy" => Bounded(Set(root, path, Get(root, From(operation))?.DeepClone(), isNew: true)),
                "move" when !path.StartsWith($"{From(operation)}/", StringComparison.Ordinal) => Move(root, From(operation), path),
                _ => throw ApiException.BadRequest($"an operation of the JSON patch makes no sense: {operation?.ToJsonString()}"),
            };
        }

        return root;
    }

    private static JsonNode? Value(JsonNode? operation) => operation is JsonObject item && item.TryGetPropertyValue("value", out var value)
        ? value?.DeepClone()
        : throw ApiException.BadRequest("an operation of the JSON patch has no value");

    private static string From(JsonNode? operation) => operation.Text("from") ?? throw ApiException.BadRequest("an operation of the JSON patch has no from");

    private static ApiException Unfit(string why) => new(422, "Invalid", $"the server rejected our request due to an error in our request: {why}");

    /// <summary>A few copies of copies could fill the memory.</summary>
    private static JsonNode? Bounded(JsonNode? root) =>
        Json.Bytes(root).Length <= ApiServer.MostBytes ? root : throw new ApiException(413, "RequestEntityTooLarge", "the patched object is too large");

    private static JsonNode? Move(JsonNode? root, string from, string path)
    {
        var moved = Get(root, from)?.DeepClone();
        return Set(Remove(root, from), path, moved, isNew: true);
    }

    private static string[] Steps(string path) => path.Length == 0 ? [] : path[0] == '/'
        ? [.. path[1..].Split('/').Select(step => step.Replace("~1", "/").Replace("~0", "~"))]
        : throw ApiException.BadRequest($"\"{path}\" is no JSON pointer");

    private static JsonNode? Get(JsonNode? node, string path)
    {
        foreach (var step in Steps(path))
        {
            node = node switch
            {
                JsonObject item when item.TryGetPropertyValue(step, out var value) => value,
                JsonArray list => list[Index(list, step, path, list.Count - 1)],
                _ => throw Unfit($"{path}: nothing there"),
            };
        }

        return node;
    }

    private static JsonNode? Set(JsonNode? root, string path, JsonNode? value, bool isNew)
    {
        if (Steps(path) is not [.., var last])
        {
            return value;
        }

        switch (Get(root, path[..path.LastIndexOf('/')]))
        {
            case JsonObject item when isNew || item.ContainsKey(last):
                item[last] = value;
                break;
            case JsonArray list when isNew:
                list.Insert(last == "-" ? list.Count : Index(list, last, path, list.Count), value);
                break;
            case JsonArray list:
                list[Index(list, last, path, list.Count - 1)] = value;
                break;
            default:
                throw Unfit($"{path}: nothing there");
        }

        return root;
    }

    private static JsonNode? Remove(JsonNode? root, string path)
    {
        var last = Steps(path) is [.., var step] ? step : throw Unfit("the whole object can't be removed");
        switch (Get(root, path[..path.LastIndexOf('/')]))
        {
            case JsonObject item when item.Remove(last):
                break;
            case JsonArray list:
                list.RemoveAt(Index(list, last, path, list.Count - 1));
                break;
            default:
                throw Unfit($"{path}: nothing there");
        }

        return root;
    }

    private static int Index(JsonArray list, string step, string path, int most) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= most && list.Count >= index
            ? index
            : throw Unfit($"{path}: nothing there");
}
