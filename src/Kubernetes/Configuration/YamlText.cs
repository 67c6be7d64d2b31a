using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Kubernetes.Configuration;

/// <summary>A YAML file as text, maps and lists; read with limits, because files are other people's.</summary>
internal abstract class YamlText
{
    private const int MostLetters = 4 << 20;
    private const int MostNodes = 200_000;
    private const int Deepest = 32;

    /// <summary>A scalar's text; null for YAML's null and for what is no scalar.</summary>
    internal virtual string? Text => null;

    /// <summary>A list's items; none for what is no list.</summary>
    internal virtual IReadOnlyList<YamlText> Items => [];

    /// <summary>A map's value; null without one.</summary>
    internal virtual YamlText? this[string key] => null;

    /// <summary>A map's keys in order; none for what is no map.</summary>
    internal virtual IEnumerable<string> Keys => [];

    /// <summary>The text of a map's value; null without one, or for "".</summary>
    internal string? Value(string key) => this[key]?.Text is { Length: > 0 } text ? text : null;

    /// <summary>Whether a map's value says yes. YAML knows more words for it, kubectl's reader these.</summary>
    internal bool Flag(string key) => Value(key) is "true" or "True" or "TRUE";

    /// <summary>Reads a file.</summary>
    /// <exception cref="KubernetesException">It can't be read, is too large, or no YAML.</exception>
    internal static YamlText Read(string file)
    {
        try
        {
            // Bounded also where it is a pipe, which has no length.
            var buffer = new char[8192];
            using var reader = new StreamReader(file);
            using var text = new StringWriter();
            int count;
            while ((count = reader.Read(buffer)) > 0)
            {
                text.Write(buffer, 0, count);
                if (text.GetStringBuilder().Length > MostLetters)
                {
                    throw Mistake($"larger than {MostLetters >> 20} MiB");
                }
            }

            return new Builder(new Parser(new StringReader(text.ToString()))).Document();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"the kubeconfig can't be read: {fault.Message}", "", fault);
        }
        catch (YamlException fault)
        {
            var reason = fault.InnerException?.Message ?? fault.Message;
            throw new KubernetesException(
                KubernetesFault.Usage, file, $"no kubeconfig: line {fault.Start.Line}: {Client.Refusals.Printable(reason)}", "kubectl config view shows a good one", fault);
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException)
        {
            // The parser's own words for some broken files.
            throw new KubernetesException(KubernetesFault.Usage, file, $"no kubeconfig: {Client.Refusals.Printable(fault.Message)}", "kubectl config view shows a good one", fault);
        }
    }

    private static YamlException Mistake(string cause) => new(cause);

    private sealed class ScalarText(string? text) : YamlText
    {
        internal override string? Text => text;
    }

    private sealed class ListText(List<YamlText> items) : YamlText
    {
        internal override IReadOnlyList<YamlText> Items => items;
    }

    private sealed class MapText(Dictionary<string, YamlText> values) : YamlText
    {
        internal override IEnumerable<string> Keys => values.Keys;

        internal override YamlText? this[string key] => values.GetValueOrDefault(key);
    }

    /// <summary>Builds the tree from events: the parser keeps no depth on the stack, and an alias is the node it names, not a copy.</summary>
    private sealed class Builder(Parser parser)
    {
        private readonly Dictionary<string, YamlText> _anchors = new(StringComparer.Ordinal);
        private int _nodes;

        internal YamlText Document()
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                return new ScalarText(null);
            }

            var root = Node(0);
            return root;
        }

        private YamlText Node(int depth)
        {
            if (depth > Deepest)
            {
                throw Mistake($"nested deeper than {Deepest} levels");
            }

            if (++_nodes > MostNodes)
            {
                throw Mistake($"more than {MostNodes} values");
            }

            if (parser.TryConsume<AnchorAlias>(out var alias))
            {
                return _anchors.GetValueOrDefault(alias.Value.Value) ?? throw Mistake($"nothing is called &{alias.Value.Value}");
            }

            if (parser.TryConsume<Scalar>(out var scalar))
            {
                var isNull = scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null" or "Null" or "NULL";
                return Named(scalar, new ScalarText(isNull ? null : scalar.Value));
            }

            if (parser.TryConsume<SequenceStart>(out var sequence))
            {
                var items = new List<YamlText>();
                while (!parser.TryConsume<SequenceEnd>(out _))
                {
                    items.Add(Node(depth + 1));
                }

                return Named(sequence, new ListText(items));
            }

            var map = parser.Consume<MappingStart>();
            var values = new Dictionary<string, YamlText>(StringComparer.Ordinal);
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                if (!parser.TryConsume<Scalar>(out var key))
                {
                    throw Mistake("a key that is no text");
                }

                if (!values.TryAdd(key.Value, Node(depth + 1)))
                {
                    throw Mistake($"\"{key.Value}\" twice in one map");
                }
            }

            return Named(map, new MapText(values));
        }

        private YamlText Named(NodeEvent start, YamlText node)
        {
            if (!start.Anchor.IsEmpty)
            {
                _anchors[start.Anchor.Value] = node;
            }

            return node;
        }
    }
}
