using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalCluster.Pods;

/// <summary>What Tekton's entrypoint leaves: the results as JSON (tektoncd/pipeline, pkg/termination and pkg/result).</summary>
internal static class TerminationMessage
{
    private const int Most = 4096;
    private const int TaskRunResult = 1;

    /// <summary>The message of a container that ended with a code, and the code: results that are too long are a failure.</summary>
    internal static (int Code, string? Message) Read(string folder, int code)
    {
        var results = new JsonArray();
        long length = 0;
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            // Never through a link: the container could name a file of the node.
            if (Posix.ReadFile(path, Most + 1) is { } bytes)
            {
                length += bytes.Length;
                results.Add((JsonNode)new JsonObject { ["key"] = Path.GetFileName(path), ["value"] = Encoding.UTF8.GetString(bytes), ["type"] = TaskRunResult });
            }

            if (length > Most)
            {
                break;
            }
        }

        var text = results.ToJsonString(Plain);
        return results.Count == 0 ? (code, null)
            : length > Most || Encoding.UTF8.GetByteCount(text) > Most
            ? (code == 0 ? 1 : code, $"Termination message is above max allowed size {Most}, caused by large task result.")
            : (code, text);
    }

    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
