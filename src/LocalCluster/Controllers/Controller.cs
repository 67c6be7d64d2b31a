using System.Diagnostics.CodeAnalysis;
using ContainerDisks;
using Disks;
using Kubernetes;
using Registry;

namespace LocalCluster.Controllers;

/// <summary>How a round of work on a key ended.</summary>
/// <param name="Again">When to look again; null for "when something changes".</param>
/// <param name="Failed">Whether to look again with growing pauses.</param>
public readonly record struct Outcome(TimeSpan? Again, bool Failed)
{
    /// <summary>Nothing is left to do until something changes.</summary>
    public static Outcome Done => default;

    /// <summary>It failed in a way that may pass.</summary>
    public static Outcome Retry => new(null, true);

    /// <summary>Look again after a while, or a day if that is less.</summary>
    public static Outcome After(TimeSpan pause) => new(pause, false);
}

/// <summary>
/// Works on keys: one round a key at a time, different keys beside each other; a key that is put in while its round runs gets another
/// one. A round may take long (a copy): <see cref="Interrupt"/> ends it. What fails is tried again with growing pauses.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="firstPause">The first pause after a failure; doubles up to <paramref name="longestPause"/>.</param>
/// <param name="longestPause">The longest one.</param>
/// <param name="log">Takes lines.</param>
public abstract class Controller(TimeProvider time, TimeSpan firstPause, TimeSpan longestPause, Action<string> log)
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);
    private readonly Dictionary<ObjectKey, Work> _works = [];
    private CancellationToken? _stop;

    /// <summary>The clock.</summary>
    protected TimeProvider Time => time;

    /// <summary>Takes a line.</summary>
    protected void Log(string line) => log($"{GetType().Name}: {line}");

    /// <summary>Wants a round for a key.</summary>
    public void Enqueue(ObjectKey key)
    {
        lock (_works)
        {
            if (!_works.TryGetValue(key, out var work))
            {
                _works[key] = work = new Work();
            }

            work.Wanted = true;
            StartRound(key, work);
        }
    }

    /// <summary>Ends the round that runs for a key, if there is one, and wants another.</summary>
    protected void Interrupt(ObjectKey key)
    {
        CancellationTokenSource? current;
        lock (_works)
        {
            current = _works.GetValueOrDefault(key)?.Current;
        }

        try
        {
            current?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself just now.
        }

        Enqueue(key);
    }

    /// <summary>One round: makes what is there more like what is wanted. May be ended, killed and repeated at any time.</summary>
    protected abstract Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation);

    /// <summary>Works until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        lock (_works)
        {
            _stop = stop.Token;
            foreach (var (key, work) in _works.ToList())
            {
                StartRound(key, work);
            }
        }

        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }
        finally
        {
            await stop.CancelAsync();
            Task[] running;
            lock (_works)
            {
                running = [.. _works.Values.Select(work => work.Round)];
                foreach (var work in _works.Values)
                {
                    work.Timer?.Dispose();
                }
            }

            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Starts a round if one is wanted and none runs; under the lock.</summary>
    private void StartRound(ObjectKey key, Work work)
    {
        if (work.Wanted && work.Current is null && _stop is { IsCancellationRequested: false } stop)
        {
            work.Wanted = false;
            work.Timer?.Dispose();
            work.Timer = null;
            work.Current = CancellationTokenSource.CreateLinkedTokenSource(stop);
            work.Round = Task.Run(() => RoundAsync(key, work, stop), CancellationToken.None);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever is wrong with one object is tried again with growing pauses.")]
    private async Task RoundAsync(ObjectKey key, Work work, CancellationToken stop)
    {
        Outcome outcome;
        try
        {
            outcome = await ReconcileAsync(key, work.Current!.Token);
        }
        catch (OperationCanceledException) when (work.Current!.IsCancellationRequested)
        {
            outcome = Outcome.Done;
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Conflict or KubernetesFault.NotFound)
        {
            // The cache was behind: soon it is not.
            outcome = Outcome.Retry;
        }
        catch (Exception fault)
        {
            // One object's fault never ends the work on the others. What is foreseen says all in its message.
            var isForeseen = fault is KubernetesException or IOException or UnauthorizedAccessException or DiskException or RegistryException or ContainerDiskException or FormatException;
            Log($"{key}: {(isForeseen ? fault.Message : fault)}");
            outcome = Outcome.Retry;
        }

        lock (_works)
        {
            work.Current?.Dispose();
            work.Current = null;
            work.Failures = outcome.Failed ? work.Failures + 1 : 0;
            var pause = outcome.Failed ? Pause(work.Failures) : outcome.Again;
            if (pause is { } wait && !stop.IsCancellationRequested)
            {
                work.Timer?.Dispose();
                work.Timer = time.CreateTimer(_ => Enqueue(key), null, wait < TimeSpan.Zero ? TimeSpan.Zero : wait < LongestTimer ? wait : LongestTimer, Timeout.InfiniteTimeSpan);
            }
            else if (!work.Wanted)
            {
                _works.Remove(key);
            }

            StartRound(key, work);
        }
    }

    private TimeSpan Pause(int failures) =>
        TimeSpan.FromTicks(Math.Min(longestPause.Ticks, firstPause.Ticks << Math.Min(failures - 1, 20)));

    private sealed class Work
    {
        internal bool Wanted { get; set; }

        internal int Failures { get; set; }

        internal CancellationTokenSource? Current { get; set; }

        internal ITimer? Timer { get; set; }

        internal Task Round { get; set; } = Task.CompletedTask;
    }
}
