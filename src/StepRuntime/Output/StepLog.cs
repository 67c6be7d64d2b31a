namespace StepRuntime.Output;

/// <summary>
/// What a step tells while it works. Never silent for more than ten seconds: when nothing was said for that long, it says what
/// is still going on.
/// </summary>
public sealed class StepLog : IDisposable
{
    /// <summary>The longest silence, and the longest time between two progress lines.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private readonly ILogSink _sink;
    private readonly TimeProvider _time;
    private readonly bool _verbose;
    private readonly Lock _lock = new();
    private readonly ITimer _heartbeat;
    private long _lastSaid;
    private long _lastEvent;
    private string _current = "working";

    /// <summary>Writes to a sink, which it disposes of.</summary>
    public StepLog(ILogSink sink, TimeProvider time, bool verbose)
    {
        (_sink, _time, _verbose) = (sink, time, verbose);
        _lastSaid = _lastEvent = time.GetTimestamp();
        _heartbeat = time.CreateTimer(_ => Heartbeat(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Says what happens now.</summary>
    public void Info(string text) => Line(LogLevel.Info, text);

    /// <summary>Says what a user should look at.</summary>
    public void Warn(string text) => Line(LogLevel.Warning, text);

    /// <summary>Says what only helps to find a fault.</summary>
    public void Verbose(string text) => Line(LogLevel.Verbose, text);

    /// <summary>Says why the step ends.</summary>
    public void Error(string text) => Line(LogLevel.Error, text);

    /// <summary>Begins to count an activity's bytes.</summary>
    /// <param name="activity">What is being done, for users (<c>uploading</c>).</param>
    /// <param name="total">The whole; 0 when unknown.</param>
    public StepProgress Progress(string activity, long total = 0) => new(this, _time, activity, total, _sink.IsLive);

    /// <inheritdoc/>
    public void Dispose()
    {
        _heartbeat.Dispose();
        lock (_lock)
        {
            _sink.Dispose();
        }
    }

    internal void Show(ProgressReport report)
    {
        lock (_lock)
        {
            _current = report.Activity;
            _lastSaid = _lastEvent = _time.GetTimestamp();
            _sink.Progress(report);
        }
    }

    private void Line(LogLevel level, string text)
    {
        if (level == LogLevel.Verbose && !_verbose)
        {
            return;
        }

        lock (_lock)
        {
            var line = LineText.Clean(text);
            if (level == LogLevel.Info)
            {
                _current = line;
            }

            _lastSaid = _lastEvent = _time.GetTimestamp();
            _sink.Line(level, line);
        }
    }

    private void Heartbeat()
    {
        // The second's grace keeps a line that comes every ten seconds from being doubled.
        if (_sink.IsDrawing || !_lock.TryEnter())
        {
            return;
        }

        try
        {
            if (_time.GetElapsedTime(_lastSaid) >= Silence - TimeSpan.FromSeconds(1))
            {
                _lastSaid = _time.GetTimestamp();
                _sink.Line(LogLevel.Info, $"... {_current} ({_time.GetElapsedTime(_lastEvent).TotalSeconds:F0} s)");
            }
        }
        finally
        {
            _lock.Exit();
        }
    }
}
