using System.Text.Json;
using System.Text.Json.Serialization;

namespace StepRuntime.Output;

/// <summary>How grave a line is.</summary>
public enum LogLevel
{
    /// <summary>Only with <c>--verbose</c>.</summary>
    Verbose,

    /// <summary>What happens.</summary>
    Info,

    /// <summary>What a user should look at.</summary>
    Warning,

    /// <summary>Why the step ends.</summary>
    Error,
}

/// <summary>How far an activity is.</summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Done">Bytes, or whatever the activity counts.</param>
/// <param name="Total">The whole; 0 when unknown.</param>
/// <param name="PerSecond">Rate since the activity's start.</param>
/// <param name="Remaining">Seconds to go at that rate; null when unknown.</param>
public sealed record ProgressReport(string Activity, long Done, long Total, double PerSecond, double? Remaining)
{
    /// <summary>0 to 100; 0 when the whole is unknown.</summary>
    public int Percent => Total > 0 ? (int)Math.Clamp(Done * 100.0 / Total, 0, 100) : 0;
}

/// <summary>Where a step's lines go.</summary>
public interface ILogSink : IDisposable
{
    /// <summary>Writes one line.</summary>
    void Line(LogLevel level, string text);

    /// <summary>Shows how far an activity is.</summary>
    void Progress(ProgressReport report);

    /// <summary>Whether progress is drawn in place, so that it may come often.</summary>
    bool IsLive { get; }

    /// <summary>Whether a bar moves right now, which is a sign of life of its own.</summary>
    bool IsDrawing { get; }
}

/// <summary>Lines for people: the time since the start, the text.</summary>
public sealed class TextSink(TextWriter writer, TimeProvider time) : ILogSink
{
    private readonly long _start = time.GetTimestamp();

    /// <inheritdoc/>
    public bool IsLive => false;

    /// <inheritdoc/>
    public bool IsDrawing => false;

    /// <inheritdoc/>
    public void Line(LogLevel level, string text) =>
        writer.WriteLine($"[{time.GetElapsedTime(_start).TotalSeconds,6:F1}s] {Prefix(level)}{text}");

    /// <inheritdoc/>
    public void Progress(ProgressReport report) => Line(LogLevel.Info, Describe(report));

    /// <inheritdoc/>
    public void Dispose() => writer.Flush();

    internal static string Prefix(LogLevel level) => level switch
    {
        LogLevel.Warning => "warning: ",
        LogLevel.Error => "error: ",
        _ => "",
    };

    internal static string Describe(ProgressReport report)
    {
        var whole = report.Total > 0 ? $"{report.Percent} % of {ByteText.Format(report.Total)}" : ByteText.Format(report.Done);
        var rest = report.Remaining is { } seconds ? $", {TimeSpan.FromSeconds(Math.Min(seconds, 359_999)):h\\:mm\\:ss} left" : "";
        return $"{report.Activity}: {whole}, {ByteText.Format((long)report.PerSecond)}/s{rest}";
    }
}

/// <summary>Lines for machines: one JSON object each.</summary>
public sealed class JsonSink(TextWriter writer, TimeProvider time) : ILogSink
{
    /// <inheritdoc/>
    public bool IsLive => false;

    /// <inheritdoc/>
    public bool IsDrawing => false;

    /// <inheritdoc/>
    public void Line(LogLevel level, string text) =>
        Write(new JsonLine(time.GetUtcNow(), JsonNamingPolicy.CamelCase.ConvertName(level.ToString()), text, null));

    /// <inheritdoc/>
    public void Progress(ProgressReport report) => Write(new JsonLine(time.GetUtcNow(), "info", report.Activity, report));

    /// <inheritdoc/>
    public void Dispose() => writer.Flush();

    private void Write(JsonLine line) => writer.WriteLine(JsonSerializer.Serialize(line, OutputJson.Default.JsonLine));
}

internal sealed record JsonLine(DateTimeOffset Time, string Level, string Message, ProgressReport? Progress);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonLine))]
internal sealed partial class OutputJson : JsonSerializerContext;
