using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>JSON of unknown shape: whoever looks finds the value or nothing, never a fault.</summary>
internal static class Json
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads what a client sent.</summary>
    /// <exception cref="ApiException">It is no JSON, or a field stands twice (400).</exception>
    internal static JsonNode? ParseAny(ReadOnlySpan<byte> text)
    {
        try
        {
            return Settle(JsonNode.Parse(text, null, Strict));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            throw ApiException.BadRequest($"the body can't be read as JSON: {fault.Message}");
        }
    }

    /// <inheritdoc cref="ParseAny"/>
    internal static JsonObject Parse(ReadOnlySpan<byte> text) => ParseAny(text) as JsonObject ?? throw ApiException.BadRequest("the body is no JSON object");

    internal static byte[] Bytes(JsonNode? node)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Plain))
        {
            if (node is null)
            {
                writer.WriteNullValue();
            }
            else
            {
                node.WriteTo(writer);
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Builds all that would be built on first sight: then any number of threads may read it.</summary>
    internal static JsonNode? Settle(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject item:
                foreach (var (_, value) in item)
                {
                    Settle(value);
                }

                break;
            case JsonArray list:
                foreach (var value in list)
                {
                    Settle(value);
                }

                break;
            case JsonValue value:
                // Half a letter is found now, or by whoever reads it.
                value.TryGetValue(out string? _);
                break;
        }

        return node;
    }

    internal static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            node = (node as JsonObject)?[name];
        }

        return node;
    }

    internal static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    internal static long? Number(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is not JsonValue value ? null
        : value.TryGetValue(out long number) ? number
        : value.TryGetValue(out int small) ? small
        : null;

    internal static bool Flag(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is JsonValue value && value.TryGetValue(out bool flag) && flag;

    /// <summary>A list's strings; what is none is left out.</summary>
    internal static IReadOnlyList<string> Texts(this JsonNode? node, params ReadOnlySpan<string> path) =>
        [.. (node.At(path) as JsonArray ?? []).Select(one => one.Text()).OfType<string>()];

    /// <summary>A list's objects; what is none is left out.</summary>
    internal static IEnumerable<JsonObject> Objects(this JsonNode? node, params ReadOnlySpan<string> path) => (node.At(path) as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>An object's field that is an object; made where it is not there or anything else.</summary>
    internal static JsonObject Child(this JsonObject item, string name)
    {
        if (item[name] is not JsonObject child)
        {
            item[name] = child = [];
        }

        return child;
    }

    internal static JsonArray List(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode?)text)]);

    internal static JsonObject Copy(this JsonObject item) => (JsonObject)item.DeepClone();

    /// <summary>Sets a field, or takes it away.</summary>
    internal static void Put(this JsonObject item, string name, JsonNode? value)
    {
        item.Remove(name);
        if (value is not null)
        {
            item[name] = value.DeepClone();
        }
    }

    internal static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
