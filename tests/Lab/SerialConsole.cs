using System.Text;
using System.Text.RegularExpressions;

namespace Lab;

/// <summary>What a virtual machine prints on its serial port: kept in a log file, and waited on for a pattern.</summary>
public sealed partial class SerialConsole : IDisposable
{
    // A console that floods is cut; a pattern is looked for in what is left.
    private const int Limit = 8 << 20;

    private readonly Lock gate = new();
    private readonly StringBuilder text = new();
    private readonly StreamWriter log;
    private readonly List<(Regex Pattern, TaskCompletionSource<Match> Found)> waiting = [];
    private string? ended;

    /// <summary>A console whose text also goes to a file.</summary>
    public SerialConsole(string logFile) => log = new StreamWriter(logFile) { AutoFlush = true };

    /// <summary>Everything printed up to now, without terminal control sequences.</summary>
    public string Text
    {
        get
        {
            lock (gate)
            {
                return Plain();
            }
        }
    }

    /// <summary>Takes what the port printed.</summary>
    public void Write(ReadOnlySpan<char> printed)
    {
        lock (gate)
        {
            if (ended is not null)
            {
                return;
            }

            log.Write(printed);
            text.Append(printed);
            if (text.Length > Limit)
            {
                text.Remove(0, Limit / 2);
            }

            // A pattern matches within lines: nothing new can match before a line or a prompt is there.
            if (waiting.Count > 0)
            {
                Answer();
            }
        }
    }

    /// <summary>Says that nothing will follow, and why; whoever still waits gets the reason.</summary>
    public void End(string reason)
    {
        lock (gate)
        {
            ended ??= reason;
            foreach (var (pattern, found) in waiting)
            {
                found.TrySetException(new InvalidOperationException($"{reason}; the console never showed {pattern}"));
            }

            waiting.Clear();
        }
    }

    /// <summary>
    /// Waits until the pattern stands on the console. Past the limit: <see cref="TimeoutException"/> with the
    /// console's last lines.
    /// </summary>
    public async Task<Match> WaitFor(string pattern, TimeSpan limit, CancellationToken cancellation = default)
    {
        var found = new TaskCompletionSource<Match>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (ended is { } reason)
            {
                throw new InvalidOperationException($"{reason}; the console never showed {pattern}");
            }

            waiting.Add((new Regex(pattern, RegexOptions.Multiline | RegexOptions.CultureInvariant), found));
            Answer();
        }

        try
        {
            return await found.Task.WaitAsync(limit, cancellation);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException(
                $"the console did not show {pattern} within {limit.TotalSeconds:0} s; it ended with:\n{LastLines(12)}", late);
        }
    }

    /// <summary>The console's last lines, for an error message.</summary>
    public string LastLines(int count) =>
        string.Join('\n', Text.Split('\n').Where(line => line.Trim().Length > 0).TakeLast(count));

    /// <inheritdoc/>
    public void Dispose()
    {
        End("the machine was stopped");
        lock (gate)
        {
            log.Dispose();
        }
    }

    private void Answer()
    {
        var plain = Plain();
        waiting.RemoveAll(one => one.Pattern.Match(plain) is { Success: true } match && one.Found.TrySetResult(match));
    }

    private string Plain() => TerminalControl().Replace(text.ToString(), "");

    [GeneratedRegex(@"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")]
    private static partial Regex TerminalControl();
}
