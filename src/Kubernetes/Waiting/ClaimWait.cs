using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>The second part of a wait: until the claim of a complete volume is Bound. CDI may say Succeeded before.</summary>
internal static class ClaimWait
{
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(10);

    /// <summary>Waits.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The DataVolume.</param>
    /// <param name="last">It, as it was last; null if it was never seen.</param>
    /// <param name="there">Whether it is there still.</param>
    /// <param name="options">The log.</param>
    /// <param name="cancellation">Stops.</param>
    internal static async Task<ReadyVolume> RunAsync(
        KubernetesClient client, string inNamespace, string name, DataVolume? last, bool there, VolumeWaitOptions options, CancellationToken cancellation)
    {
        var claimName = last?.Status?.ClaimName is { Length: > 0 } named ? named : name;
        var claim = await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, claimName, cancellation);
        if (!there && !Outlives(claim, last))
        {
            throw Fault(VolumeFault.Deleted, last is null ? "there is no such DataVolume" : "it was deleted while it was waited for", "run again");
        }

        if (claim is not null && !IsDecided(claim))
        {
            options.Log($"PersistentVolumeClaim {inNamespace}/{claimName}: {claim.Status?.Phase ?? "no phase"}, the content is complete; waiting until it is Bound");
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var decided = client.WaitAsync(Kinds.PersistentVolumeClaims, inNamespace, claimName, IsDecided, stop.Token, claim);
            var patience = WarnAsync(client, inNamespace, name, last, options, stop.Token);
            try
            {
                claim = await decided;
            }
            finally
            {
                await stop.CancelAsync();
                await patience.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return claim switch
        {
            null => throw Fault(VolumeFault.Deleted, $"its claim {claimName} is gone", "run again"),
            { Metadata.DeletionTimestamp: not null } => throw Fault(VolumeFault.Deleted, $"its claim {claimName} is being deleted", "run again"),
            { IsBound: true } => new ReadyVolume(there ? last : null, claim),
            _ => throw Fault(
                VolumeFault.Lost, $"its claim {claimName} has lost its volume (phase {Refusals.Printable(claim.Status?.Phase)})", "look at the storage, delete the DataVolume and run again"),
        };

        VolumeException Fault(VolumeFault kind, string cause, string next) =>
            new(kind, Kinds.DataVolumes.Describe(inNamespace, name), cause, next, last is null ? [] : VolumeReport.Of(last));
    }

    /// <summary>Says why the claim may not get its volume, once, after the time of grace.</summary>
    private static async Task WarnAsync(
        KubernetesClient client, string inNamespace, string name, DataVolume? last, VolumeWaitOptions options, CancellationToken cancellation)
    {
        await Task.Delay(options.Grace, client.Time, cancellation);
        foreach (var line in await VolumeReport.StandstillAsync(client, inNamespace, name, last, ReportLimit, cancellation))
        {
            options.Log($"warning: {Kinds.DataVolumes.Describe(inNamespace, name)}: its claim is not Bound for {options.Grace.TotalSeconds:0} s: {line}");
        }
    }

    private static bool IsDecided(PersistentVolumeClaim? claim) =>
        claim is null or { IsBound: true } or { Status.Phase: "Lost" } or { Metadata.DeletionTimestamp: not null };

    /// <summary>
    /// Whether the claim of a DataVolume that is gone stays, with its content. CDI up to 1.61 removed DataVolumes some time after their success,
    /// having first taken itself off the claim's owners (datavolume/garbagecollect.go); whoever deletes a DataVolume takes the claim with it.
    /// </summary>
    private static bool Outlives(PersistentVolumeClaim? claim, DataVolume? gone)
    {
        if (claim is null or { IsBound: false } || claim.Metadata.OwnerReferences?.Any(owner => owner?.Kind == "DataVolume") == true)
        {
            return false;
        }

        var madeFor = claim.Metadata.Annotation(CdiAnnotations.CreatedForDataVolume);
        if (gone?.Metadata.Uid is { } uid && madeFor is { Length: > 0 } && madeFor != uid)
        {
            return false;
        }

        return gone?.Status?.Phase == "Succeeded"
            || claim.Metadata.Annotation(CdiAnnotations.PodPhase) == "Succeeded"
            || claim.Metadata.Annotation(CdiAnnotations.ClonePhase) == "Succeeded";
    }
}
