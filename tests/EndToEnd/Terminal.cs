using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace EndToEnd;

/// <summary>What the user sees: a heading per step, its own lines behind a bar, a closing line with its time.</summary>
public sealed partial class Terminal(TextWriter output, int steps)
{
    private readonly Lock gate = new();
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    private int current;
    private long lastProgress;

    /// <summary>A line of its own.</summary>
    public void Line(string text = "")
    {
        lock (gate)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }

    /// <summary>A command with what it said, in one piece.</summary>
    public void Command(string command, IEnumerable<string> said) =>
        Line(string.Join('\n', [$"      $ {command}", .. said.Select(line => $"      | {line}")]));

    /// <summary>Begins a step.</summary>
    public void Begin(string name, string purpose) => Line($"[{++current}/{steps}] {name}  {purpose}");

    /// <summary>A line of what the step itself says; of its progress, at most one in two seconds.</summary>
    public void Detail(string text)
    {
        if (text.Length == 0)
        {
            return;
        }

        if (Progress().IsMatch(text))
        {
            var last = Interlocked.Read(ref lastProgress);
            if (last != 0 && Stopwatch.GetElapsedTime(last) < ProgressInterval)
            {
                return;
            }

            Interlocked.Exchange(ref lastProgress, Stopwatch.GetTimestamp());
        }

        Line($"      | {text}");
    }

    /// <summary>Ends a step that went well.</summary>
    public void Done(string name, TimeSpan time, string said) => Line($"      {Seconds(time),7}  {name}: {said}");

    /// <summary>Ends a step that did not.</summary>
    public void Failed(string name, TimeSpan time) => Line($"      {Seconds(time),7}  {name}: FAILED");

    /// <summary>Seconds with one digit.</summary>
    public static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");

    /// <summary>Bytes in the largest binary unit that leaves three digits.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1 << 10 => $"{bytes} B",
        < 1 << 20 => $"{bytes / 1024.0:0.#} KiB",
        < 1 << 30 => $"{bytes / 1048576.0:0.#} MiB",
        _ => $"{bytes / 1073741824.0:0.##} GiB",
    };

    /// <summary>A path as short as it can be told from here.</summary>
    public static string Short(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    /// <summary>Cuts a stream of text into lines.</summary>
    public static Action<ReadOnlyMemory<char>> Lines(Action<string> line)
    {
        var rest = "";
        return text =>
        {
            var parts = (rest + text).Split('\n');
            rest = parts[^1];
            foreach (var part in parts[..^1])
            {
                line(part.TrimEnd('\r'));
            }
        };
    }

    // The steps' own progress lines (StepRuntime's TextSink).
    [GeneratedRegex(@": \d+ % of [\d.]+ ")]
    private static partial Regex Progress();
}
