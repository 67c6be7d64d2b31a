using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Models;
using Kubernetes.Waiting;
using Lab;

namespace Kubernetes.Tests.Waiting;

/// <summary>
/// A state that CDI shows (<c>States.jsonl</c>, one a line), and what it means for a wait: when it is seen first, and when it stays.
/// Its DataVolume and claim are called <c>img</c>.
/// </summary>
public sealed record VolumeState(string Case, VolumeVerdict First, VolumeVerdict Later, VolumeFault? Fault, bool BindImmediately, string Status)
{
    public static IReadOnlyList<VolumeState> All { get; } =
        [.. File.ReadLines(Path.Combine(Repository.Root, "tests/Kubernetes.Tests/Waiting/States.jsonl")).Select(Parse)];

    /// <summary>The state as a DataVolume.</summary>
    public DataVolume Volume => Read(Json("img"));

    public static VolumeState Of(string name) => All.Single(state => state.Case == name);

    public override string ToString() => Case;

    /// <summary>The whole object, under another name.</summary>
    public JsonObject Json(string name)
    {
        var made = new JsonObject
        {
            ["apiVersion"] = "cdi.kubevirt.io/v1beta1",
            ["kind"] = "DataVolume",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = JsonNode.Parse("""{"source":{"http":{"url":"http://example.org/disk.img"}},"storage":{"resources":{"requests":{"storage":"1Gi"}}}}"""),
            ["status"] = JsonNode.Parse(Status.Replace("\"claimName\":\"img\"", $"\"claimName\":\"{name}\"", StringComparison.Ordinal)),
        };
        if (Case.Contains("lone", StringComparison.Ordinal))
        {
            made["spec"]!["source"] = JsonNode.Parse("""{"pvc":{"namespace":"a","name":"pvc1"}}""");
        }

        if (BindImmediately)
        {
            made["metadata"]!["annotations"] = new JsonObject { [CdiAnnotations.BindImmediately] = "true" };
        }

        return made;
    }

    public static DataVolume Read(JsonObject json) => json.Deserialize(KubernetesJson.Default.DataVolume)!;

    private static VolumeState Parse(string line)
    {
        var json = JsonNode.Parse(line)!;
        return new VolumeState(
            (string)json["case"]!,
            Enum.Parse<VolumeVerdict>((string)json["first"]!),
            Enum.Parse<VolumeVerdict>((string)json["later"]!),
            json["fault"] is { } fault ? Enum.Parse<VolumeFault>((string)fault!) : null,
            (bool?)json["bindImmediately"] ?? true,
            json["status"]!.ToJsonString());
    }
}
