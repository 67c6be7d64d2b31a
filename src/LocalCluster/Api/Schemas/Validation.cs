using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Models;

namespace LocalCluster.Api.Schemas;

/// <summary>Holds objects against their kind's schema.</summary>
internal static class Validation
{
    /// <summary>Fields that the schema does not have, as Kubernetes names them: <c>spec.steps[0].imag</c>.</summary>
    internal static IReadOnlyList<string> UnknownFields(ApiResource resource, JsonObject item)
    {
        var unknown = new List<string>();
        Unknown(resource.Schema, item, "", unknown);
        unknown.Sort(StringComparer.Ordinal);
        return unknown;
    }

    /// <summary>What is wrong else: missing, of a wrong type, not among the allowed values, a name that is none (for 422).</summary>
    internal static IReadOnlyList<StatusCause> Faults(ApiResource resource, JsonObject item)
    {
        var faults = new List<StatusCause>();
        Check(resource.Schema, item, "", faults);
        if (faults.Count == 0)
        {
            // They rely on the types.
            Rules.Check(resource, item, faults);
        }

        return faults;
    }

    /// <summary>Puts the schema's defaults where nothing is said.</summary>
    internal static void Default(ApiResource resource, JsonObject item)
    {
        foreach (var (path, value) in resource.Defaults)
        {
            var names = path.Split('.');
            var place = item;
            foreach (var name in names[..^1])
            {
                place = place is null ? null : (place[name] ??= new JsonObject()) as JsonObject;
            }

            if (place is not null)
            {
                place[names[^1]] ??= value.DeepClone();
            }
        }

        if (resource.Kind == "Secret" && item["stringData"] is JsonObject texts && texts.All(one => one.Value is JsonValue text && text.GetValueKind() == JsonValueKind.String)
            && (item["data"] ??= new JsonObject()) is JsonObject data)
        {
            foreach (var (key, text) in texts)
            {
                data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes((string)text!));
            }

            item.Remove("stringData");
        }

        foreach (var subject in (item["subjects"] as JsonArray ?? []).OfType<JsonObject>())
        {
            if (subject["kind"] is JsonValue kind && kind.TryGetValue(out string? name) && name is "User" or "Group")
            {
                subject["apiGroup"] ??= resource.Group;
            }
        }
    }

    private static void Unknown(FieldSchema schema, JsonNode? node, string path, List<string> unknown)
    {
        switch (schema.Type, node)
        {
            case (FieldType.Object, JsonObject map):
                foreach (var (name, value) in map)
                {
                    if (schema.Fields.TryGetValue(name, out var field))
                    {
                        Unknown(field.Schema, value, Join(path, name), unknown);
                    }
                    else
                    {
                        unknown.Add(Join(path, name));
                    }
                }

                break;
            case (FieldType.Map, JsonObject map):
                foreach (var (name, value) in map)
                {
                    Unknown(schema.Items!, value, Join(path, name), unknown);
                }

                break;
            case (FieldType.List, JsonArray list):
                for (var at = 0; at < list.Count; at++)
                {
                    Unknown(schema.Items!, list[at], $"{path}[{at}]", unknown);
                }

                break;
        }
    }

    private static void Check(FieldSchema schema, JsonNode? node, string path, List<StatusCause> faults)
    {
        // As Kubernetes takes it for most fields, null says nothing.
        if (node is null || schema.Type == FieldType.Any)
        {
            return;
        }

        if (Expected(schema, node) is { } expected)
        {
            var found = Found(node);
            faults.Add(Cause(path, "FieldValueTypeInvalid", $"Invalid value: \"{found}\": {path} in body must be of type {expected}: \"{found}\""));
            return;
        }

        switch (schema.Type)
        {
            case FieldType.Object:
                foreach (var (name, field) in schema.Fields)
                {
                    if (node[name] is { } value)
                    {
                        Check(field.Schema, value, Join(path, name), faults);
                    }
                    else if (field.Required)
                    {
                        faults.Add(Cause(Join(path, name), "FieldValueRequired", "Required value"));
                    }
                }

                break;
            case FieldType.Map:
                foreach (var (name, value) in node.AsObject())
                {
                    Check(schema.Items!, value, Join(path, name), faults);
                }

                break;
            case FieldType.List:
                for (var at = 0; at < node.AsArray().Count; at++)
                {
                    if (node[at] is { } value)
                    {
                        Check(schema.Items!, value, $"{path}[{at}]", faults);
                    }
                    else
                    {
                        faults.Add(Missing($"{path}[{at}]"));
                    }
                }

                break;
            case FieldType.Text when schema.Values.Count > 0 && !schema.Values.Contains((string)node!):
                faults.Add(Cause(path, "FieldValueNotSupported", $"Unsupported value: {Quote(node)}: supported values: {string.Join(", ", schema.Values.Select(one => $"\"{one}\""))}"));
                break;
            case FieldType.Time when !DateTimeOffset.TryParse((string)node!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out _):
                faults.Add(Invalid(path, node, $"{path} in body must be of type date-time: {Quote(node)}"));
                break;
            case FieldType.Bytes when !Base64.IsValid((string)node!):
                faults.Add(Invalid(path, node, $"{path} in body must be of type byte: {Quote(node)}"));
                break;
            case FieldType.Quantity when !Quantity.TryParse(node.ToString(), out _):
                faults.Add(Invalid(path, node, @"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
                break;
        }
    }

    /// <summary>The type that should stand there, as OpenAPI names it; null where it does.</summary>
    private static string? Expected(FieldSchema schema, JsonNode node)
    {
        var kind = node.GetValueKind();
        return schema.Type switch
        {
            FieldType.Object or FieldType.Map => kind == JsonValueKind.Object ? null : "object",
            FieldType.List => kind == JsonValueKind.Array ? null : "array",
            FieldType.Text or FieldType.Time or FieldType.Bytes => kind == JsonValueKind.String ? null : "string",
            FieldType.Whole => IsWhole(node) ? null : "integer",
            FieldType.Truth => kind is JsonValueKind.True or JsonValueKind.False ? null : "boolean",
            FieldType.Quantity => kind is JsonValueKind.String or JsonValueKind.Number ? null : "integer,string",
            FieldType.WholeOrText => kind == JsonValueKind.String || IsWhole(node) ? null : "integer,string",
            _ => null,
        };
    }

    /// <summary>A number of our own is an int or a long, one that was read is either.</summary>
    private static bool IsWhole(JsonNode node) => node is JsonValue value && (value.TryGetValue<long>(out _) || value.TryGetValue<int>(out _));

    private static string Found(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => IsWhole(node) ? "integer" : "number",
        _ => "boolean",
    };

    /// <summary>A value that can't be.</summary>
    internal static StatusCause Invalid(string path, JsonNode? value, string why) => Cause(path, "FieldValueInvalid", $"Invalid value: {Quote(value)}: {why}");

    /// <summary>A value that is missing.</summary>
    internal static StatusCause Missing(string path, string why = "") => Cause(path, "FieldValueRequired", why.Length == 0 ? "Required value" : $"Required value: {why}");

    private static StatusCause Cause(string path, string reason, string message) => new() { Field = path, Reason = reason, Message = message };

    private static string Quote(JsonNode? value) => value is JsonValue text && text.GetValueKind() == JsonValueKind.String ? $"\"{(string)text!}\"" : value?.ToJsonString() ?? "null";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
