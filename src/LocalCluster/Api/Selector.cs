using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>Which objects are meant (Kubernetes docs, "Labels and Selectors", "Field Selectors").</summary>
internal sealed partial class Selector
{
    private readonly List<Func<JsonObject, bool>> _terms = [];

    /// <summary>Reads both selectors of a request.</summary>
    /// <exception cref="ApiException">One makes no sense (400).</exception>
    internal Selector(ApiResource resource, string? labels, string? fields)
    {
        foreach (var term in Split(labels))
        {
            _terms.Add(Label(term));
        }

        foreach (var term in Split(fields))
        {
            var match = FieldTerm().Match(term);
            if (!match.Success)
            {
                throw ApiException.BadRequest($"invalid selector: '{term}'; can't understand '{term}'");
            }

            var (path, isEqual, value) = (match.Groups["key"].Value, match.Groups["how"].Value is not "!=", match.Groups["value"].Value);
            if (path == "metadata.name" && isEqual)
            {
                Name = value;
            }

            var steps = path.Split('.');
            if (steps.Aggregate((FieldSchema?)resource.Schema, (schema, step) => schema?.Fields.GetValueOrDefault(step)?.Schema) is null)
            {
                throw ApiException.BadRequest($"field label not supported: {path}");
            }

            _terms.Add(item => (Plain(item.At(steps)) == value) == isEqual);
        }
    }

    /// <summary>The one name that is asked for, as RBAC looks at it.</summary>
    internal string? Name { get; }

    internal bool IsEmpty => _terms.Count == 0;

    internal bool Matches(Stored one) => _terms.TrueForAll(term => term(one.Item));

    private static string Plain(JsonNode? node) => node switch
    {
        null => "",
        JsonValue => node.Text() ?? node.ToJsonString(),
        _ => "",
    };

    private static Func<JsonObject, bool> Label(string term)
    {
        if (SetTerm().Match(term) is { Success: true } set)
        {
            var (key, isIn, values) = (set.Groups["key"].Value, set.Groups["how"].Value == "in", set.Groups["value"].Value.Split(',').Select(one => one.Trim()).ToHashSet(StringComparer.Ordinal));
            return item => (Of(item, key) is { } value && values.Contains(value)) == isIn;
        }

        if (EqualTerm().Match(term) is { Success: true } equal)
        {
            var (key, isEqual, value) = (equal.Groups["key"].Value, equal.Groups["how"].Value is not "!=", equal.Groups["value"].Value);
            return item => (Of(item, key) == value) == isEqual;
        }

        return ExistsTerm().Match(term) is { Success: true } exists
            ? item => Of(item, exists.Groups["key"].Value) is null == (exists.Groups["how"].Length > 0)
            : throw ApiException.BadRequest($"unable to parse requirement: '{term}' is no label selector");

        static string? Of(JsonObject item, string key) => item.Text("metadata", "labels", key);
    }

    /// <summary>Terms, at the commas that are not in parentheses.</summary>
    private static IEnumerable<string> Split(string? text) =>
        Comma().Split(text ?? "").Select(term => term.Trim()).Where(term => term.Length > 0);

    [GeneratedRegex(@",(?![^(]*\))", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Comma();

    [GeneratedRegex(@"^(?<key>[A-Za-z0-9._/-]+)\s+(?<how>in|notin)\s*\((?<value>[^()]*)\)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SetTerm();

    [GeneratedRegex(@"^(?<key>[A-Za-z0-9._/-]+)\s*(?<how>==|=|!=)\s*(?<value>[A-Za-z0-9._-]*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex EqualTerm();

    [GeneratedRegex(@"^(?<how>!?)\s*(?<key>[A-Za-z0-9._/-]+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ExistsTerm();

    [GeneratedRegex(@"^(?<key>[A-Za-z0-9._/-]+?)\s*(?<how>==|=|!=)\s*(?<value>.*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex FieldTerm();
}
