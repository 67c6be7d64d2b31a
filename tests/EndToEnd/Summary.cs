using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EndToEnd;

/// <summary>A step of the run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Facts">Its results and what was measured.</param>
public sealed record StepSummary(string Name, double Seconds, IReadOnlyDictionary<string, string> Facts);

/// <summary>One thing that the booted machine had to prove.</summary>
/// <param name="Name">What.</param>
/// <param name="Expected">In words, or the value itself.</param>
/// <param name="Found">What the machine's console said.</param>
/// <param name="Holds">Whether it is so.</param>
public sealed record Proof(string Name, string Expected, string Found, bool Holds);

/// <summary>The run, as <c>artifacts/golden-image/summary.json</c> has it.</summary>
/// <param name="Outcome"><c>golden</c> or <c>failed</c>.</param>
/// <param name="Error">Why it failed, else null.</param>
/// <param name="Started">When.</param>
/// <param name="Seconds">Wall time of all.</param>
/// <param name="Processors">Of this machine.</param>
/// <param name="Key">Hash of the inputs (<see cref="FlowInputs.Key"/>).</param>
/// <param name="VendorImage">The disk that went in.</param>
/// <param name="Customization">The commands file.</param>
/// <param name="Version">The published volume, by namespace, name and uid; null when it did not come to that.</param>
/// <param name="Steps">In their order.</param>
/// <param name="Proofs">What was checked in the booted machine.</param>
/// <param name="Files">Where things are, by what they are.</param>
public sealed record Summary(
    string Outcome,
    string? Error,
    DateTimeOffset Started,
    double Seconds,
    int Processors,
    string Key,
    string VendorImage,
    string Customization,
    string? Version,
    IReadOnlyList<StepSummary> Steps,
    IReadOnlyList<Proof> Proofs,
    IReadOnlyDictionary<string, string> Files)
{
    // A file, not a web page: a plus sign may stay one.
    private static readonly SummaryJson Readable =
        new(new JsonSerializerOptions(SummaryJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Writes it, whole or not at all.</summary>
    public void Write(string path)
    {
        File.WriteAllText(path + ".tmp", JsonSerializer.Serialize(this, Readable.Summary) + "\n");
        File.Move(path + ".tmp", path, overwrite: true);
    }

    /// <summary>Reads one; null when there is none.</summary>
    public static Summary? Read(string path) =>
        File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), SummaryJson.Default.Summary) : null;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Summary))]
internal sealed partial class SummaryJson : JsonSerializerContext;
