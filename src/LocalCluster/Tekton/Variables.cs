using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace LocalCluster.Tekton;

/// <summary>
/// The values behind <c>$(...)</c> (Tekton docs, "Variable Substitutions Supported by Tasks and Pipelines"). Values are pasted as they are and
/// never looked through again; a variable without a value stays as it is, and is remembered.
/// </summary>
internal sealed partial class Variables
{
    private readonly Dictionary<string, JsonNode> _values = new(StringComparer.Ordinal);
    private readonly List<string> _missing = [];

    /// <summary>What was asked for and is not known, in the form of <see cref="Name"/>.</summary>
    internal IReadOnlyList<string> Missing => _missing;

    /// <summary>The variables that a piece names.</summary>
    internal static IEnumerable<string> NamesIn(JsonNode? node) => node switch
    {
        JsonObject fields => fields.SelectMany(field => NamesIn(field.Value)),
        JsonArray items => items.SelectMany(NamesIn),
        JsonValue value when value.TryGetValue<string>(out var text) => Expression().Matches(text).Select(match => Name(match.Groups["name"].Value)),
        _ => [],
    };

    /// <summary>The task and the result that a variable names: <c>tasks.T.results.R</c>; null where it is another one.</summary>
    internal static (string Task, string Result)? ResultOf(string name, string prefix = "tasks.")
    {
        // A task's name has no dot, a result's may have some.
        const string middle = ".results.";
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.IndexOf(middle, StringComparison.Ordinal) is var at && at <= prefix.Length)
        {
            return null;
        }

        return (name[prefix.Length..at], Index().Replace(name[(at + middle.Length)..], ""));
    }

    /// <summary>A param's text, as Tekton takes a number or a truth value for its text too.</summary>
    internal static JsonNode Normal(JsonNode? value) => value switch
    {
        JsonArray items => new JsonArray([.. items.Select(item => Normal(item))]),
        JsonValue text when text.TryGetValue<string>(out var already) => JsonValue.Create(already),
        null => JsonValue.Create(""),
        _ => JsonValue.Create(value.ToJsonString()),
    };

    internal void Set(string name, string? value) => _values[name] = JsonValue.Create(value ?? "");

    internal void Set(string name, JsonNode value) => _values[name] = value;

    internal Variables Without(IEnumerable<string> names)
    {
        var rest = new Variables();
        foreach (var (name, value) in _values)
        {
            rest._values[name] = value;
        }

        foreach (var name in names)
        {
            rest._values.Remove(name);
        }

        return rest;
    }

    /// <summary>A copy with the values in place; an item or value that is <c>$(list[*])</c> alone becomes the list's items.</summary>
    internal JsonNode? Apply(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                return new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, Apply(field.Value))));
            case JsonArray items:
                var made = new JsonArray();
                foreach (var item in items)
                {
                    var applied = Apply(item);
                    if (applied is JsonArray list && item is JsonValue)
                    {
                        foreach (var one in list)
                        {
                            made.Add(one?.DeepClone());
                        }
                    }
                    else
                    {
                        made.Add(applied);
                    }
                }

                return made;
            case JsonValue value when value.TryGetValue<string>(out var text):
                var alone = Expression().Match(text);
                if (alone.Success && alone.Length == text.Length && Name(alone.Groups["name"].Value) is var name && name.EndsWith("[*]", StringComparison.Ordinal)
                    && _values.GetValueOrDefault(name[..^3]) is JsonArray all)
                {
                    return all.DeepClone();
                }

                return JsonValue.Create(Apply(text));
            default:
                return node?.DeepClone();
        }
    }

    /// <summary>A text with the values in place.</summary>
    internal string Apply(string text) => Expression().Replace(text, match =>
    {
        var name = Name(match.Groups["name"].Value);
        var index = Index().Match(name);
        var found = _values.GetValueOrDefault(index.Success ? name[..index.Index] : name);
        if (index.Success)
        {
            found = found is JsonArray items && int.TryParse(index.Groups["index"].ValueSpan, out var at) && at < items.Count ? items[at] : null;
        }

        if (found is JsonValue value && value.TryGetValue<string>(out var known))
        {
            return known;
        }

        _missing.Add(name);
        return match.Value;
    });

    /// <summary>The dotted form: <c>params["x"]</c> is <c>params.x</c>.</summary>
    private static string Name(string written) => Quoted().Replace(written, match => "." + match.Groups["name"].Value);

    [GeneratedRegex(@"\$\((?<name>[^()\s$]+)\)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Expression();

    [GeneratedRegex("\\[(\"(?<name>[^\"\\]]*)\"|'(?<name>[^'\\]]*)')\\]", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\[(?<index>[0-9]+|\*)\]\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Index();
}
