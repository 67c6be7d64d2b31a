using System.Globalization;
using Kubernetes;
using Kubernetes.Models;

namespace LocalCluster.Cdi;

/// <summary>Status, reason and message of a condition.</summary>
internal readonly record struct ConditionValue(string Status, string? Reason = null, string? Message = null);

/// <summary>What a DataVolume is to show; what is null stays as it is.</summary>
internal sealed record DataVolumeView
{
    internal static readonly ConditionValue Idle = new("False");
    internal static readonly ConditionValue PopulatorRuns = new("True", "Populator is running");
    internal static readonly ConditionValue PodRuns = new("True", "Pod is running");

    /// <summary>The phase.</summary>
    internal string? Phase { get; init; }

    /// <summary>Progress in percent; negative is not known (<c>N/A</c>).</summary>
    internal double? Progress { get; init; }

    /// <summary>What hinders the claim; null where the claim itself tells.</summary>
    internal ConditionValue? Bound { get; init; }

    /// <summary>Whether the content is being made, or why not.</summary>
    internal ConditionValue? Running { get; init; }

    /// <summary>How often the work was begun anew.</summary>
    internal int? Restarts { get; init; }
}

/// <summary>Writes a DataVolume's status with its conditions in CDI's order and times (reference: CDI, pkg/controller/datavolume/conditions.go).</summary>
internal sealed class DataVolumeStatusWriter(CdiWorld world)
{
    /// <summary>Shows something; does nothing where that shows already, or the DataVolume is another one now.</summary>
    internal async Task<DataVolume> ShowAsync(DataVolume dataVolume, DataVolumeView view, CancellationToken cancellation)
    {
        var meta = dataVolume.Metadata;
        var claim = world.Claims.Find(meta.Namespace, meta.Name!) is { } found && IsFor(found, dataVolume) ? found : null;
        string? before = null;
        var shown = await world.Client.ChangeAsync(
            Kinds.DataVolumes, meta.Namespace, meta.Name!,
            now =>
            {
                before = Condition.Of(now.Status?.Conditions, "Bound")?.Reason;
                return now.Metadata.Uid == meta.Uid && now.Metadata.DeletionTimestamp is null && Apply(now.Status ??= new(), view, claim, meta.Name!);
            },
            cancellation, "status");
        var bound = Condition.Of(shown.Status?.Conditions, "Bound");
        if (bound?.Reason is { } reason && before != reason)
        {
            await world.Events.RecordAsync(shown, warning: false, reason, bound.Message ?? "", cancellation);
        }

        return shown;
    }

    /// <summary>Whether a claim was made for a DataVolume.</summary>
    internal static bool IsFor(PersistentVolumeClaim claim, DataVolume dataVolume) =>
        claim.Metadata.OwnerReferences?.Any(owner => owner.Uid == dataVolume.Metadata.Uid) == true;

    private bool Apply(DataVolumeStatus status, DataVolumeView view, PersistentVolumeClaim? claim, string name)
    {
        var changed = false;
        Set(status.Phase, view.Phase ?? status.Phase, value => status.Phase = value);
        Set(status.ClaimName, claim is null ? null : name, value => status.ClaimName = value);
        Set(status.RestartCount, view.Restarts ?? status.RestartCount, value => status.RestartCount = value);
        var progress = claim is null ? null
            : status.Phase == "Succeeded" ? "100.0%"
            : view.Progress switch { null => status.Progress ?? "N/A", < 0 => "N/A", { } percent => percent.ToString("0.00", CultureInfo.InvariantCulture) + "%" };
        Set(status.Progress, progress, value => status.Progress = value);

        var bound = view.Bound ?? claim switch
        {
            null => new("False", "NotFound", "No PVC found"),
            { IsBound: true } => new("True", "Bound", $"PVC {name} Bound"),
            { Status.Phase: "Lost" } => new("False", "ClaimLost", "Claim Lost"),
            _ => new("False", "Pending", $"PVC {name} Pending"),
        };
        var old = Condition.Of(status.Conditions, "Running");
        var running = view.Running ?? (old is null ? DataVolumeView.Idle : new(old.Status, old.Reason, old.Message));
        var ready = status.Phase == "Succeeded" ? new ConditionValue("True")
            : running.Status == "True" ? new("False", "TransferRunning")
            : bound.Reason is "CloneWithoutSource" or "CloneValidationFailed" or "ErrExceededQuota" or "ErrClaimNotValid" ? new("False", bound.Reason, bound.Message)
            : new("False");
        List<Condition> conditions = [With("Bound", bound), With("Ready", ready), With("Running", running)];
        status.Conditions = conditions;
        return changed;

        void Set<T>(T before, T after, Action<T> set)
        {
            if (!EqualityComparer<T>.Default.Equals(before, after))
            {
                set(after);
                changed = true;
            }
        }

        Condition With(string type, ConditionValue value)
        {
            var condition = Condition.Of(status.Conditions, type);
            var (next, differs) = Conditions.With(condition, type, value, world.Client.Time.GetUtcNow());
            changed |= differs;
            return next;
        }
    }
}

/// <summary>Conditions with CDI's two times.</summary>
internal static class Conditions
{
    /// <summary>A condition after the one before it, and whether anything but the times differs.</summary>
    internal static (Condition Next, bool Differs) With(Condition? before, string type, ConditionValue value, DateTimeOffset now)
    {
        var same = before is not null && before.Status == value.Status && (before.Reason ?? "") == (value.Reason ?? "") && (before.Message ?? "") == (value.Message ?? "");
        return (same ? before! : new Condition
        {
            Type = type,
            Status = value.Status,
            Reason = value.Reason,
            Message = value.Message,
            LastTransitionTime = before?.Status == value.Status ? before.LastTransitionTime ?? now : now,
            LastHeartbeatTime = now,
        }, !same);
    }
}
