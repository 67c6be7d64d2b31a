using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Tekton.Tests;

/// <summary>What holds for Tasks and Pipelines alike. A finding begins with the number of its rule (CONTRIBUTING.md has the list).</summary>
internal static partial class CommonRules
{
    private static readonly string[] Annotations = ["displayName", "categories", "tags", "platforms", "pipelines.minVersion"];

    /// <summary>Rules 1, 4 and 11.</summary>
    public static IEnumerable<string> Check(YamlFile file, string kind)
    {
        var content = file.Content;
        foreach (var finding in Identity(file, kind).Concat(Params(content)).Concat(Descriptions(content)))
        {
            yield return finding;
        }

        if (content.Text("metadata/labels/app.kubernetes.io~1version") != Catalog.Version)
        {
            yield return $"11: the version label is not {Catalog.Version}, the product's";
        }

        foreach (var name in Annotations.Where(name => content.Text($"metadata/annotations/tekton.dev~1{name}").Length == 0))
        {
            yield return $"11: annotation tekton.dev/{name} is missing";
        }
    }

    /// <summary>Rule 1, for samples, too: one document of a kind and version, and strings that are strings to every reader.</summary>
    public static IEnumerable<string> Identity(YamlFile file, string kind)
    {
        if (file.Documents.Count != 1)
        {
            yield return $"1: {file.Documents.Count} documents in one file";
        }

        if (file.Content.Text("apiVersion") != "tekton.dev/v1" || file.Content.Text("kind") != kind)
        {
            yield return $"1: it is not a {kind} of tekton.dev/v1";
        }

        var name = file.Content.Text("metadata/name");
        if (kind is "Task" or "Pipeline" && (name != file.Stem || !IsLabel(name)))
        {
            yield return $"1: its name '{name}' is not a DNS label, or not the file's";
        }

        foreach (var text in file.Unquoted)
        {
            yield return $"1: '{text}' has no quotes";
        }
    }

    /// <summary>References in a text: what stands in <c>$(...)</c>.</summary>
    public static IEnumerable<string> References(string text) => Reference().Matches(text).Select(match => match.Groups[1].Value);

    /// <summary>RFC 1123's label, at most 63 characters.</summary>
    public static bool IsLabel(string name) => name.Length <= 63 && Label().IsMatch(name);

    /// <summary>A duration as Go writes it: <c>1h30m</c>.</summary>
    public static TimeSpan? Duration(string text) => GoDuration().Match(text) is { Success: true, Length: > 0 } match
        ? new TimeSpan(Number(match.Groups[1]), Number(match.Groups[2]), Number(match.Groups[3]))
        : null;

    private static int Number(Group group) => group.Success ? int.Parse(group.Value) : 0;

    private static IEnumerable<string> Params(JsonObject content)
    {
        foreach (var name in content.Names("spec/params").Twice())
        {
            yield return $"4: param {name} is declared twice";
        }

        foreach (var param in content.List("spec/params"))
        {
            var (name, type, fallback) = (param.Text("name"), param.Text("type"), param["default"]);
            if (!IsLabel(name))
            {
                yield return $"4: param '{name}' is not in kebab-case";
            }

            if (type is not ("string" or "array"))
            {
                yield return $"4: param {name} has type '{type}': say string or array";
            }

            if (fallback is not null && (type == "array" ? fallback is not JsonArray : !(fallback is JsonValue value && value.TryGetValue<string>(out _))))
            {
                yield return $"4: the default of param {name} is not of its type";
            }

            if (param.ContainsKey("enum"))
            {
                yield return $"4: param {name} has an enum, which Tekton refuses unless a feature flag is set";
            }
        }

        var optional = content.List("spec/params").SkipWhile(param => !param.ContainsKey("default"));
        foreach (var late in optional.Where(param => !param.ContainsKey("default")))
        {
            yield return $"4: required param {late.Text("name")} stands after optional ones";
        }
    }

    private static IEnumerable<string> Descriptions(JsonObject content)
    {
        if (content.Text("spec/description").Length == 0)
        {
            yield return "11: it has no description";
        }

        foreach (var list in (string[])["params", "results", "workspaces"])
        {
            foreach (var item in content.List($"spec/{list}").Where(item => item.Text("description").Length == 0))
            {
                yield return $"11: {item.Text("name")} of {list} has no description";
            }
        }

        foreach (var param in content.List("spec/params"))
        {
            var said = param.ContainsKey("default") ? $"Default: {(param.Text("default") is { Length: > 0 } text ? text : "empty")}." : "Required.";
            if (!param.Text("description").EndsWith(said, StringComparison.Ordinal))
            {
                yield return $"11: the description of param {param.Text("name")} does not end with '{said}'";
            }
        }
    }

    [GeneratedRegex(@"\$\(([^()]*)\)")]
    private static partial Regex Reference();

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Label();

    [GeneratedRegex("^(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$")]
    private static partial Regex GoDuration();
}
