using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace LocalCluster.Api.Schemas;

/// <summary>YAML as JSON, every scalar a text.</summary>
internal static class Yaml
{
    /// <summary>Reads one document of a file that is ours.</summary>
    internal static JsonNode? Read(Stream stream)
    {
        using var text = new StreamReader(stream);
        var parser = new Parser(text);
        parser.Consume<StreamStart>();
        parser.Consume<DocumentStart>();
        return Node(parser, []);
    }

    private static JsonNode? Node(Parser parser, Dictionary<string, JsonNode> anchors)
    {
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            return anchors[alias.Value.Value].DeepClone();
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return scalar.Value;
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var list = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                list.Add(Node(parser, anchors));
            }

            return list;
        }

        var start = parser.Consume<MappingStart>();
        var map = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            map.Add(parser.Consume<Scalar>().Value, Node(parser, anchors));
        }

        if (!start.Anchor.IsEmpty)
        {
            anchors[start.Anchor.Value] = map;
        }

        return map;
    }
}
