using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Tekton.Tests;

/// <summary>
/// The schema of a kind as its upstream definition has it, closed: Tekton's webhook refuses keys that it does not know, so an
/// object that lists its properties has no others.
/// </summary>
internal sealed class CrdSchema
{
    private readonly JsonObject _schema;

    private CrdSchema(JsonObject schema) => _schema = schema;

    /// <summary>Reads version v1 out of a CustomResourceDefinition's file.</summary>
    public static CrdSchema Read(string file)
    {
        var definition = YamlFile.Parse(file, File.ReadAllText(file)).Content;
        var version = definition.List("spec/versions").Single(one => one.Text("name") == "v1");
        return new(version.At("schema/openAPIV3Schema")!.AsObject());
    }

    /// <summary>What is wrong with an object; metadata is the API server's own business.</summary>
    public IEnumerable<string> Mistakes(JsonObject content) => Mistakes(content, _schema, "");

    private static IEnumerable<string> Mistakes(JsonNode? value, JsonObject schema, string path)
    {
        if ((bool?)schema["x-kubernetes-int-or-string"] != true && schema.Text("type") is { Length: > 0 } type && !Is(value, type))
        {
            return [$"{path}: it is not of type {type}"];
        }

        return value switch
        {
            JsonObject item => OfObject(item, schema, path),
            JsonArray array when schema["items"] is JsonObject items => array.SelectMany((child, index) => Mistakes(child, items, $"{path}/{index}")),
            JsonValue text => OfValue(text, schema, path),
            _ => [],
        };
    }

    private static IEnumerable<string> OfObject(JsonObject item, JsonObject schema, string path)
    {
        foreach (var name in schema.Texts("required").Where(name => !item.ContainsKey(name)))
        {
            yield return $"{path}: it has no {name}";
        }

        var properties = schema["properties"] as JsonObject;
        foreach (var (name, value) in item)
        {
            if (properties?[name] is JsonObject known)
            {
                foreach (var mistake in Mistakes(value, known, $"{path}/{name}"))
                {
                    yield return mistake;
                }
            }
            else if (schema["additionalProperties"] is JsonObject more)
            {
                foreach (var mistake in Mistakes(value, more, $"{path}/{name}"))
                {
                    yield return mistake;
                }
            }
            else if (properties is not null && (bool?)schema["x-kubernetes-preserve-unknown-fields"] != true)
            {
                yield return $"{path}/{name}: there is no such field";
            }
        }
    }

    private static IEnumerable<string> OfValue(JsonValue value, JsonObject schema, string path)
    {
        if (schema["enum"] is JsonArray choices && !choices.Any(choice => JsonNode.DeepEquals(choice, value)))
        {
            yield return $"{path}: {value} is none of {choices.ToJsonString()}";
        }

        if (schema.Text("pattern") is { Length: > 0 } pattern && value.TryGetValue<string>(out var text) && !Regex.IsMatch(text, pattern, RegexOptions.None, TimeSpan.FromSeconds(1)))
        {
            yield return $"{path}: {text} does not match {pattern}";
        }
    }

    private static bool Is(JsonNode? value, string type) => type switch
    {
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value is JsonValue text && text.TryGetValue<string>(out _),
        "boolean" => value is JsonValue flag && flag.TryGetValue<bool>(out _),
        "integer" => value is JsonValue number && number.TryGetValue<long>(out _),
        _ => true,
    };
}
