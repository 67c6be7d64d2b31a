using System.Runtime.InteropServices;

namespace StepRuntime;

/// <summary>Why a step is being stopped, and the token that says so: its deadline, SIGTERM, or SIGINT.</summary>
internal sealed class Stop : IDisposable
{
    /// <summary>A pod that is deleted has 30 s in all, and DESIGN gives a step 10: past this the process ends whatever it does.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(9);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _terminate;
    private readonly PosixSignalRegistration _interrupt;
    private readonly ITimer _deadline;
    private readonly ITimer _force;
    private readonly Action<ExitCode> _forced;
    private int _reason;
    private bool _disposed;

    /// <summary>Begins to listen. <paramref name="forced"/> is called when the step did not end by itself in time.</summary>
    public Stop(TimeSpan timeout, TimeProvider time, Action<ExitCode> forced)
    {
        _forced = forced;
        _force = time.CreateTimer(_ => End(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _deadline = time.CreateTimer(_ => Begin(ExitCode.Deadline), null, timeout, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Why, or null while nothing stops the step.</summary>
    public ExitCode? Reason => Volatile.Read(ref _reason) is var reason and not 0 ? (ExitCode)reason : null;

    public void Dispose()
    {
        Volatile.Write(ref _disposed, true);
        _deadline.Dispose();
        _force.Dispose();
        _terminate.Dispose();
        _interrupt.Dispose();

        // The source stays: a signal that comes this late may be on its way to it, and the process ends anyway.
    }

    /// <summary>
    /// Tells the end, if log and results still take it (a full pipe or a dead mount may hold their locks for ever), and ends.
    /// </summary>
    private void End()
    {
        var reason = Reason!.Value;
        _ = Task.Run(() => _forced(reason)).Wait(TimeSpan.FromMilliseconds(500));
        Environment.Exit((int)reason);
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        Begin(ExitCode.Terminated);
    }

    private void Begin(ExitCode reason)
    {
        if (!Volatile.Read(ref _disposed) && Interlocked.CompareExchange(ref _reason, (int)reason, 0) == 0)
        {
            _force.Change(Grace, Timeout.InfiniteTimeSpan);
            // On a thread of its own: what is registered on the token may block, and a signal must be answered at once.
            _ = _source.CancelAsync();
        }
    }
}
