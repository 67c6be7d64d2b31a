namespace StepRuntime.Output;

/// <summary>
/// An activity that counts bytes: a line per 5 % or ten seconds with percent, bytes, rate and time left; on a terminal a bar.
/// </summary>
public sealed class StepProgress : IProgress<long>
{
    private readonly StepLog _log;
    private readonly TimeProvider _time;
    private readonly string _activity;
    private readonly TimeSpan _interval;
    private readonly int _percentStep;
    private readonly long _start;
    private readonly Lock _lock = new();
    private readonly long _total;
    private long _done;
    private long _lastShown;
    private int _lastPercent;

    internal StepProgress(StepLog log, TimeProvider time, string activity, long total, bool live)
    {
        (_log, _time, _activity, _total) = (log, time, activity, total);
        (_interval, _percentStep) = live ? (TimeSpan.FromMilliseconds(100), 101) : (StepLog.Silence, 5);
        _start = _lastShown = time.GetTimestamp();
    }

    /// <summary>Says how many bytes are done, in all; may be called from any thread and as often as it likes.</summary>
    public void Report(long value)
    {
        lock (_lock)
        {
            _done = Math.Max(_done, value);
            var percent = _total > 0 ? (int)(_done * 100.0 / _total) : 0;
            var complete = _total > 0 && _done >= _total && _lastPercent < 100;
            if (!complete && percent < _lastPercent + _percentStep && _time.GetElapsedTime(_lastShown) < _interval)
            {
                return;
            }

            if (!complete && _lastPercent >= 100)
            {
                return;
            }

            (_lastPercent, _lastShown) = (percent, _time.GetTimestamp());
            var seconds = Math.Max(_time.GetElapsedTime(_start).TotalSeconds, 0.001);
            var rate = _done / seconds;
            _log.Show(new ProgressReport(_activity, _done, _total, rate, _total > 0 && rate > 0 ? (_total - _done) / rate : null));
        }
    }
}
