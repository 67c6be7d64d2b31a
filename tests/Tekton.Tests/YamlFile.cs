using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lab;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Tekton.Tests;

/// <summary>A YAML file as the API server would read it, and what of its writing the tree does not show.</summary>
/// <param name="Path">Relative to the repository.</param>
/// <param name="Text">The file's text.</param>
/// <param name="Documents">Each document as JSON.</param>
/// <param name="Unquoted">Strings without quotes: what they become depends on the reader.</param>
internal sealed partial record YamlFile(string Path, string Text, IReadOnlyList<JsonObject> Documents, IReadOnlyList<string> Unquoted)
{
    /// <summary>The only document of a file that holds one.</summary>
    public JsonObject Content => Documents[0];

    /// <summary>The file's name without folder and ending.</summary>
    public string Stem => System.IO.Path.GetFileNameWithoutExtension(Path);

    public static YamlFile Read(string path) => Parse(path, File.ReadAllText(System.IO.Path.Combine(Repository.Root, path)));

    /// <summary>Reads a text; a key that stands twice is an error (YamlDotNet's).</summary>
    public static YamlFile Parse(string path, string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        var unquoted = new List<string>();
        return new(path, text, [.. stream.Documents.Select(document => Convert(document.RootNode, unquoted)!.AsObject())], unquoted);
    }

    /// <summary>Files of the repository whose path relative to <paramref name="folder"/> matches, sorted.</summary>
    public static IReadOnlyList<string> Find(string folder, string pattern) =>
        [.. Directory.EnumerateFiles(System.IO.Path.Combine(Repository.Root, folder), "*", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(Repository.Root, file)).Where(file => Regex.IsMatch(file, pattern, RegexOptions.None, TimeSpan.FromSeconds(1))).Order(StringComparer.Ordinal)];

    private static JsonNode? Convert(YamlNode node, List<string> unquoted) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, Convert(pair.Value, unquoted)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(child => Convert(child, unquoted))]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value ?? "", unquoted),
        YamlScalarNode quoted => JsonValue.Create(quoted.Value),
        _ => throw new InvalidDataException($"{node.Start}: {node.NodeType} is not expected here"),
    };

    private static JsonValue? Plain(string text, List<string> unquoted)
    {
        if (text is "" or "~" or "null" or "true" or "false")
        {
            return text is "true" or "false" ? JsonValue.Create(text == "true") : null;
        }

        if (Whole().IsMatch(text))
        {
            return JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture));
        }

        unquoted.Add(text);
        return JsonValue.Create(text);
    }

    [GeneratedRegex("^-?[0-9]+$")]
    private static partial Regex Whole();
}
