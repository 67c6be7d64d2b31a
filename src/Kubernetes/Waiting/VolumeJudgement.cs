using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>What a wait does next.</summary>
public enum VolumeVerdict
{
    /// <summary>It goes on.</summary>
    Wait,

    /// <summary>The content is complete; what is left is that the claim is Bound.</summary>
    Complete,

    /// <summary>The volume will not become ready: <see cref="VolumeJudgement.Trouble"/>.</summary>
    Fail,

    /// <summary>The volume is on its way out.</summary>
    Leaving,
}

/// <summary>A trouble and since when it has been seen.</summary>
/// <param name="Reason">CDI's word for it.</param>
/// <param name="Since">When it was seen first, without a pause since.</param>
public readonly record struct SeenTrouble(string Reason, DateTimeOffset Since);

/// <summary>What the state of a DataVolume means for somebody who waits for it.</summary>
/// <param name="Verdict">What to do next.</param>
/// <param name="Trouble">What is wrong, be it borne or not; null while nothing is.</param>
/// <param name="Seen">To be given to the next judgement.</param>
/// <param name="ReportAt">When the trouble is no longer borne, if nothing is heard until then; null without one.</param>
public readonly record struct VolumeJudgement(VolumeVerdict Verdict, VolumeTrouble? Trouble, SeenTrouble? Seen, DateTimeOffset? ReportAt)
{
    /// <summary>CDI calls so many restarts of its worker unusual.</summary>
    private const int UnusualRestarts = 3;

    /// <summary>Judges a state.</summary>
    /// <param name="volume">The DataVolume as it is.</param>
    /// <param name="seen">What was wrong at the last judgement, and since when.</param>
    /// <param name="now">The time.</param>
    /// <param name="grace">How long what may pass is borne.</param>
    public static VolumeJudgement Of(DataVolume volume, SeenTrouble? seen, DateTimeOffset now, TimeSpan grace)
    {
        ArgumentNullException.ThrowIfNull(volume);
        if (volume.Status?.Phase == "Succeeded")
        {
            return new VolumeJudgement(VolumeVerdict.Complete, null, null, null);
        }

        if (volume.Metadata.DeletionTimestamp is not null)
        {
            return new VolumeJudgement(VolumeVerdict.Leaving, null, null, null);
        }

        if (VolumeTrouble.Of(volume) is not { } trouble)
        {
            return new VolumeJudgement(VolumeVerdict.Wait, null, null, null);
        }

        var since = seen is { } before && before.Reason == trouble.Reason ? before.Since : now;
        var unbearable = trouble.Patience == Patience.None
            || now - since >= grace
            || (trouble.Patience == Patience.GraceOrRestarts && volume.Status?.RestartCount >= UnusualRestarts);
        return new VolumeJudgement(
            unbearable ? VolumeVerdict.Fail : VolumeVerdict.Wait, trouble, new SeenTrouble(trouble.Reason, since), unbearable ? null : since + grace);
    }

    /// <summary>A progress in percent; null for what is none: N/A, absent, nonsense.</summary>
    public static double? Percent(string? progress) =>
        progress is { Length: > 1 and < 16 } && progress[^1] == '%' && double.TryParse(progress.AsSpan(..^1), out var percent) && double.IsFinite(percent)
            ? Math.Clamp(percent, 0, 100)
            : null;
}
