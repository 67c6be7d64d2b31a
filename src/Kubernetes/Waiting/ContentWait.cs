using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>The first part of a wait: until CDI says that a volume's content is complete.</summary>
internal sealed class ContentWait(KubernetesClient client, string inNamespace, string name, VolumeWaitOptions options)
{
    /// <summary>How often one wait looks for the reason why its volume stands still.</summary>
    private const int MostLooks = 3;

    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(10);

    private readonly string _subject = Kinds.DataVolumes.Describe(inNamespace, name);
    private SeenTrouble? _seen;
    private DateTimeOffset? _reportAt;
    private DateTimeOffset? _lookAt;
    private string? _lookedInPhase;
    private int _looks;

    /// <summary>The DataVolume as it was seen last; null before.</summary>
    internal DataVolume? Last { get; private set; }

    /// <summary>Waits.</summary>
    /// <returns>The DataVolume as it was last, null if it was never seen; and whether it is there still.</returns>
    internal async Task<(DataVolume? Last, bool There)> RunAsync(DataVolume? known, CancellationToken cancellation)
    {
        if (known is not null && await TakeAsync(known, cancellation))
        {
            return (known, IsHere(known));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var scope = WatchScope.One(name, known?.Metadata.ResourceVersion);
        await using var changes = client.WatchAsync(Kinds.DataVolumes, inNamespace, scope, known, stop.Token).GetAsyncEnumerator(stop.Token);
        var next = changes.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                while (!await ComesAsync(next, cancellation))
                {
                    await TimeAsync(cancellation);
                }

                await next;
                switch (changes.Current)
                {
                    case { Type: WatchEventType.Synced }:
                        if (Last is null)
                        {
                            return (null, false);
                        }

                        break;
                    case { Type: WatchEventType.Deleted, Object: { } gone }:
                        Last = gone;
                        return (gone, false);
                    case { Object: { } now }:
                        if (await TakeAsync(now, cancellation))
                        {
                            return (now, IsHere(now));
                        }

                        break;
                }

                next = changes.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // An enumerator must be at rest when it is disposed of.
            await stop.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>A DataVolume on its way out counts as gone: most take their claim with them.</summary>
    private static bool IsHere(DataVolume volume) => volume.Metadata.DeletionTimestamp is null;

    /// <summary>Whether the next change comes (or fails) before it is time to look at the clock.</summary>
    private async Task<bool> ComesAsync(Task next, CancellationToken cancellation)
    {
        var at = Earlier(_reportAt, _lookAt);
        if (at is null || next.IsCompleted)
        {
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        }

        var pause = at.Value - client.Time.GetUtcNow();
        if (pause <= TimeSpan.Zero)
        {
            return false;
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = await Task.WhenAny(next, Task.Delay(pause, client.Time, timer.Token));
        await timer.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        return first == next;
    }

    /// <summary>Whether the content is complete.</summary>
    private async Task<bool> TakeAsync(DataVolume volume, CancellationToken cancellation)
    {
        var before = Last?.Status;
        Last = volume;
        if (volume.Status?.Phase is { Length: > 0 } phase && phase != before?.Phase)
        {
            options.Log($"{_subject}: {Refusals.Printable(phase)}");
        }

        if (volume.Status?.Progress != before?.Progress)
        {
            options.Progress(VolumeJudgement.Percent(volume.Status?.Progress));
        }

        if (before is null || volume.Status?.Phase != before.Phase || volume.Status?.Progress != before.Progress)
        {
            // What makes a volume stand still for a while is often told by events only, or in words that are no error.
            _lookAt = MayStandStill(volume) ? client.Time.GetUtcNow() + options.Grace : null;
        }

        return await JudgeAsync(volume, cancellation);
    }

    private async Task<bool> JudgeAsync(DataVolume volume, CancellationToken cancellation)
    {
        var judgement = VolumeJudgement.Of(volume, _seen, client.Time.GetUtcNow(), options.Grace);
        if (judgement.Trouble is { } trouble && judgement.Verdict == VolumeVerdict.Wait && _seen?.Reason != trouble.Reason)
        {
            options.Log($"warning: {_subject}: {trouble.Cause}; waiting {options.Grace.TotalSeconds:0} s for it to pass");
        }
        else if (_seen is not null && judgement is { Verdict: VolumeVerdict.Wait, Trouble: null })
        {
            options.Log($"{_subject}: that has passed");
        }

        (_seen, _reportAt) = (judgement.Seen, judgement.ReportAt);
        return judgement.Verdict switch
        {
            VolumeVerdict.Complete => true,
            VolumeVerdict.Fail => throw await FailureAsync(judgement.Trouble!, cancellation),
            VolumeVerdict.Leaving => throw new VolumeException(VolumeFault.Deleted, _subject, "it is being deleted", "run again", VolumeReport.Of(volume)),
            _ => false,
        };
    }

    private async Task<VolumeException> FailureAsync(VolumeTrouble trouble, CancellationToken cancellation) => new(
        trouble.Kind, _subject, trouble.Cause, trouble.Next,
        await VolumeReport.ReadAsync(client, inNamespace, name, Last, ReportLimit, cancellation));

    /// <summary>It is time: for the end of a grace, or for a look at the events.</summary>
    private async Task TimeAsync(CancellationToken cancellation)
    {
        var now = client.Time.GetUtcNow();
        if (_reportAt <= now)
        {
            await JudgeAsync(Last!, cancellation);
        }

        if (_lookAt <= now)
        {
            _lookAt = null;
            _lookedInPhase = Last!.Status?.Phase;
            _looks++;
            foreach (var line in await VolumeReport.StandstillAsync(client, inNamespace, name, Last, ReportLimit, cancellation))
            {
                options.Log($"warning: {_subject}: in {(_lookedInPhase is { Length: > 0 } phase ? Refusals.Printable(phase) : "no phase")} for {options.Grace.TotalSeconds:0} s: {line}");
            }
        }
    }

    /// <summary>
    /// Phases in which CDI waits for others without an error in the status: for a provisioner, for a kubelet that makes the container, for
    /// whoever writes the source of a clone.
    /// </summary>
    private bool MayStandStill(DataVolume volume) =>
        _looks < MostLooks && (_looks == 0 || volume.Status?.Phase != _lookedInPhase)
        && volume.Status?.Phase is null or "" or "Pending" or "ImportScheduled" or "CloneScheduled"
            or "CSICloneInProgress" or "SnapshotForSmartCloneInProgress" or "CloneInProgress";

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null ? other : other is null ? one : one < other ? one : other;
}
