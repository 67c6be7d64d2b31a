using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>Reads the schema files (kinds/*.yaml; the first of them says how they are written).</summary>
internal sealed class SchemaFiles
{
    private readonly Dictionary<string, JsonObject> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FieldSchema> _built = new(StringComparer.Ordinal);

    /// <summary>Every kind, in the files' order.</summary>
    internal static IReadOnlyList<ApiResource> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var files = assembly.GetManifestResourceNames().Where(name => name.EndsWith(".yaml", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(name => (JsonObject)Yaml.Read(assembly.GetManifestResourceStream(name)!)!).ToList();
        var reader = new SchemaFiles();
        foreach (var (name, type) in files.SelectMany(file => file["types"]?.AsObject() ?? []))
        {
            reader._types.Add(name, type!.AsObject());
        }

        return [.. files.SelectMany(file => file["kinds"]!.AsObject().Select(kind => reader.Kind(file, kind.Key, kind.Value!.AsObject())))];
    }

    private ApiResource Kind(JsonObject file, string name, JsonObject kind)
    {
        var fields = new Dictionary<string, Field>
        {
            ["apiVersion"] = new(new(FieldType.Text), false, "Group and version"),
            ["kind"] = new(new(FieldType.Text), false, "Kind"),
            ["metadata"] = new(Named("ObjectMeta"), false, "Name, labels and what else every object has"),
        };
        foreach (var (key, field) in Fields(kind["fields"]!.AsObject()))
        {
            fields.Add(key, field);
        }

        return new ApiResource
        {
            Group = Text(file, "group")!,
            Version = Text(file, "version")!,
            Kind = name,
            Plural = Text(kind, "plural")!,
            ShortNames = Texts(kind, "shortNames"),
            Categories = Texts(kind, "categories"),
            Namespaced = Text(kind, "namespaced") != "false",
            HasStatus = Text(kind, "status") == "true",
            Stored = Text(kind, "stored") != "false",
            Subresource = Text(kind, "subresource"),
            Names = Text(kind, "names") switch { "label" => NameRule.Label, "path" => NameRule.PathSegment, _ => NameRule.Subdomain },
            Schema = new(FieldType.Object) { Fields = fields, Description = Text(kind, "_") ?? "" },
            Defaults = (kind["defaults"]?.AsObject() ?? []).ToDictionary(one => one.Key, one => Value(one.Value!)),
            Columns = kind["columns"] is JsonObject columns
                ? [.. columns.Select(one => Column(one.Key, (string)one.Value!))]
                : [new("Age", "date", ".metadata.creationTimestamp", false)],
        };
    }

    private static TableColumn Column(string name, string text)
    {
        var type = text[..text.IndexOf(' ', StringComparison.Ordinal)];
        var source = text[(type.Length + 1)..];
        return source.StartsWith("wide ", StringComparison.Ordinal) ? new(name, type, source[5..], true) : new(name, type, source, false);
    }

    private IEnumerable<KeyValuePair<string, Field>> Fields(JsonObject map)
    {
        foreach (var (key, value) in map.Where(one => one.Key != "_"))
        {
            if (key == "_like")
            {
                foreach (var field in Named((string)value!).Fields)
                {
                    yield return field;
                }
            }
            else if (value is JsonObject inner)
            {
                var name = key.TrimEnd('[', ']').TrimEnd('!');
                var schema = Object(inner);
                yield return new(name, new(key.EndsWith(']') ? new(FieldType.List) { Items = schema } : schema, key.Contains('!', StringComparison.Ordinal), schema.Description));
            }
            else
            {
                var text = (string)value!;
                var type = text.Split(' ', 2)[0];
                var required = type.EndsWith('!');
                yield return new(key, new(Type(required ? type[..^1] : type), required, text[type.Length..].TrimStart()));
            }
        }
    }

    private FieldSchema Object(JsonObject map) => new(FieldType.Object) { Fields = new Dictionary<string, Field>(Fields(map)), Description = Text(map, "_") ?? "" };

    private FieldSchema Type(string type) => type switch
    {
        _ when type.EndsWith("[]", StringComparison.Ordinal) => new(FieldType.List) { Items = Type(type[..^2]) },
        _ when type.StartsWith("map(", StringComparison.Ordinal) => new(FieldType.Map) { Items = Type(type[4..^1]) },
        _ when type.StartsWith("enum(", StringComparison.Ordinal) => new(FieldType.Text) { Values = type[5..^1].Split(',') },
        "string" => new(FieldType.Text),
        "int" => new(FieldType.Whole),
        "bool" => new(FieldType.Truth),
        "time" => new(FieldType.Time),
        "bytes" => new(FieldType.Bytes),
        "quantity" => new(FieldType.Quantity),
        "intOrString" => new(FieldType.WholeOrText),
        "any" => new(FieldType.Any),
        _ => Named(type),
    };

    private FieldSchema Named(string name)
    {
        if (!_built.TryGetValue(name, out var schema))
        {
            schema = _built[name] = Object(_types.GetValueOrDefault(name) ?? throw new InvalidDataException($"schema files: there is no type {name}"));
        }

        return schema;
    }

    private static string? Text(JsonObject map, string key) => (string?)map[key];

    private static IReadOnlyList<string> Texts(JsonObject map, string key) => [.. (map[key]?.AsArray() ?? []).Select(one => (string)one!)];

    /// <summary>A default: what looks like a number is one.</summary>
    private static JsonNode Value(JsonNode node) =>
        node is JsonValue && long.TryParse((string)node!, CultureInfo.InvariantCulture, out var number) ? number : node.DeepClone();
}
