using System.Text.Json.Nodes;
using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using StepRuntime;
using Steps.OnCluster;

namespace Steps.DiscardVolume;

/// <summary>
/// Deletes a volume. Kubernetes keeps a claim as long as any pod names it, a finished one, too (finalizer
/// <c>kubernetes.io/pvc-protection</c>): a pipeline's finished pods would hold its working volume until the run is pruned, so where only
/// such pods name the claim the finalizer is taken away, as Tekton does for its own volumes.
/// </summary>
/// <param name="client">The cluster.</param>
/// <param name="log">Takes lines.</param>
/// <param name="time">The clock.</param>
internal sealed class VolumeRemoval(KubernetesClient client, Action<string> log, TimeProvider time)
{
    /// <summary>Somebody else's changes between a look and a deletion that are borne: a volume that is being filled changes every second or so.</summary>
    private const int Attempts = 50;

    /// <summary>Deletes it; what holds it still, or "" when it is gone.</summary>
    /// <exception cref="StepException">It is published, or a DataImportCron's: exit code 2.</exception>
    internal async Task<string> RunAsync(string inNamespace, string name, TimeSpan wait, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var (volume, claim) = await DeleteAsync(inNamespace, name, cancellation);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, wait, Timeout.InfiniteTimeSpan);
        if (volume is null && claim is null)
        {
            return "";
        }

        // From here on no new pod can take the claim: it is being deleted.
        var running = claim is null ? [] : await RunningAsync(claim, cancellation);
        if (running.Count > 0)
        {
            var end = volume is null ? null : await client.FindAsync(Kinds.DataVolumes, inNamespace, name, cancellation);
            return string.Join(", ", [.. running, .. Held(end, volume?.Metadata.Uid)]);
        }

        // At once: each has the whole wait.
        var left = (await Task.WhenAll(
            claim is null ? Task.FromResult<IReadOnlyList<string>>([]) : ReleaseAsync(claim, limit.Token, cancellation),
            volume is null ? Task.FromResult<IReadOnlyList<string>>([]) : OutwaitAsync(Kinds.DataVolumes, volume, limit.Token, cancellation)))
            .SelectMany(held => held).ToList();

        if (claim is null && left.Count == 0 && await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, name, cancellation) is { } late && IsOf(late, volume!))
        {
            // CDI made it while we looked the other way; its DataVolume is gone, so this is its end.
            return await RunAsync(inNamespace, name, wait, cancellation);
        }

        return string.Join(", ", left.Distinct());
    }

    /// <summary>Deletes both, if they are still as they were when they were judged; what they were.</summary>
    private async Task<(DataVolume? Volume, PersistentVolumeClaim? Claim)> DeleteAsync(string inNamespace, string name, CancellationToken cancellation)
    {
        DataVolume? gone = null;
        for (var attempt = 1; ; attempt++)
        {
            var volume = await client.FindAsync(Kinds.DataVolumes, inNamespace, name, cancellation);
            var claim = await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, name, cancellation);
            if (volume is null && claim is null)
            {
                log($"there is no volume {inNamespace}/{name} (any more)");
                return (null, null);
            }

            await RefusePublishedAsync(inNamespace, name, volume, claim, cancellation);
            try
            {
                // The DataVolume first: while it is there CDI would make its claim again.
                if (volume is not null)
                {
                    await DeleteAsync(Kinds.DataVolumes, volume, cancellation);
                    gone = volume;
                }

                if (claim is not null)
                {
                    // The garbage collector would come to it; this way it is certain which claim was meant.
                    await DeleteAsync(Kinds.PersistentVolumeClaims, claim, cancellation);
                }

                return (volume ?? gone, claim);
            }
            catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Conflict && attempt < Attempts)
            {
                log($"{fault.Subject} has changed in between: looking at it again");
            }
        }
    }

    private async Task DeleteAsync<T>(ResourceKind<T> kind, T judged, CancellationToken cancellation)
        where T : KubernetesObject
    {
        var meta = judged.Metadata;
        if (meta.DeletionTimestamp is null)
        {
            await client.DeleteAsync(kind, meta.Namespace, meta.Name!, cancellation, new Preconditions { Uid = meta.Uid, ResourceVersion = meta.ResourceVersion });
        }
    }

    private async Task<IReadOnlyList<string>> RunningAsync(PersistentVolumeClaim claim, CancellationToken cancellation)
    {
        var holders = await ClaimHolders.FindAsync(client, claim.Metadata.Namespace!, claim.Metadata.Name!, cancellation);
        var running = holders.Where(holder => !holder.IsFinished).Select(holder => $"pod {holder.Pod}").ToList();
        if (running.Count == 0 && holders.Count > 0)
        {
            log($"only finished pods name the claim: {string.Join(", ", holders.Select(holder => holder.Pod))}");
        }

        return running;
    }

    private async Task<IReadOnlyList<string>> ReleaseAsync(PersistentVolumeClaim claim, CancellationToken limit, CancellationToken cancellation)
    {
        var (inNamespace, name, uid) = (claim.Metadata.Namespace!, claim.Metadata.Name!, claim.Metadata.Uid);
        var found = await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, name, cancellation);
        while (!IsGone(found, uid) && IsHeldForPods(found!))
        {
            found = await TakeFinalizerAsync(found!, cancellation);
        }

        return IsGone(found, uid) ? [] : await OutwaitAsync(Kinds.PersistentVolumeClaims, found!, limit, cancellation);
    }

    /// <summary>Others have still to do something with the object: how long that takes is theirs. What holds it when the time is over.</summary>
    private async Task<IReadOnlyList<string>> OutwaitAsync<T>(ResourceKind<T> kind, T judged, CancellationToken limit, CancellationToken cancellation)
        where T : KubernetesObject
    {
        var (inNamespace, name, uid) = (judged.Metadata.Namespace!, judged.Metadata.Name!, judged.Metadata.Uid);
        var found = await client.FindAsync(kind, inNamespace, name, cancellation);
        try
        {
            if (!IsGone(found, uid))
            {
                await client.WaitAsync(kind, inNamespace, name, seen => IsGone(seen, uid), limit, found);
            }

            return [];
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Held(await client.FindAsync(kind, inNamespace, name, cancellation), uid);
        }
    }

    private static bool IsGone(KubernetesObject? found, string? uid) => found is null || found.Metadata.Uid != uid;

    private static bool IsOf(PersistentVolumeClaim claim, DataVolume volume) => claim.Metadata.OwnerReferences?.Exists(owner => owner.Uid == volume.Metadata.Uid) == true;

    private static bool IsHeldForPods(PersistentVolumeClaim found) =>
        found.Metadata.DeletionTimestamp is not null && found.Metadata.Finalizers?.Contains(PersistentVolumeClaim.ProtectionFinalizer) == true;

    private static IReadOnlyList<string> Held(KubernetesObject? found, string? uid) =>
        IsGone(found, uid)
            ? []
            : found!.Metadata.Finalizers is { Count: > 0 } finalizers
                ? [.. finalizers.Select(finalizer => $"finalizer {finalizer}")]
                : ["the API server"];

    /// <summary>Takes away that one finalizer and no other, if the claim is still as it was seen; the claim then, or null when it is gone.</summary>
    private async Task<PersistentVolumeClaim?> TakeFinalizerAsync(PersistentVolumeClaim claim, CancellationToken cancellation)
    {
        var left = claim.Metadata.Finalizers!.Where(finalizer => finalizer != PersistentVolumeClaim.ProtectionFinalizer);
        var patch = Patch.Merge(new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = claim.Metadata.Uid,
                ["resourceVersion"] = claim.Metadata.ResourceVersion,
                ["finalizers"] = new JsonArray([.. left.Select(finalizer => JsonValue.Create(finalizer))]),
            },
        });
        try
        {
            var taken = await client.PatchAsync(Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, patch, cancellation);
            // The last finalizer's end is the object's (Kubernetes docs, "Finalizers").
            return taken.Metadata.Finalizers is { Count: > 0 } ? taken : null;
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Conflict or KubernetesFault.NotFound)
        {
            // It has changed or gone in between.
            return await client.FindAsync(Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, cancellation);
        }
    }

    /// <summary>What machines are cloned from is never discarded: that the name is wrong is likelier than that this is meant.</summary>
    private async Task RefusePublishedAsync(
        string inNamespace, string name, DataVolume? volume, PersistentVolumeClaim? claim, CancellationToken cancellation)
    {
        // What stands on either counts: CDI copied what the DataVolume had at first to the claim.
        ObjectMeta?[] both = [volume?.Metadata, claim?.Metadata];
        if (both.Select(meta => meta?.Annotation(Names.DataSource) ?? meta?.Label(Names.DataSource)).FirstOrDefault(found => found is not null) is { } versioned)
        {
            throw Published(
                both.Any(meta => meta?.Annotation(Names.State) == Names.PublishingState) && !both.Any(meta => meta?.Annotation(Names.State) == Names.PublishedState)
                    ? $"it is being published as a version of DataSource {versioned}"
                    : $"it is a published version of DataSource {versioned}");
        }

        // A clone may have its source's labels; that it is a clone of ours stands beside them.
        if (both.Select(meta => meta?.Label(FieldNames.DataImportCron)).FirstOrDefault(found => found is not null) is { } cron
            && !both.Any(meta => meta?.Annotation(Names.CloneRequest) is not null))
        {
            throw StepException.BadInput(
                $"volume {inNamespace}/{name}", $"DataImportCron {cron} imported it: machines and builds are cloned from it", "check --volume-name; the cron removes its old imports by importsToKeep");
        }

        var sources = await client.ListAsync(Kinds.DataSources, inNamespace, cancellation);
        if (sources.Items.Find(source => PointsAt(source.Spec.Source, inNamespace, name) || PointsAt(source.Status?.Source, inNamespace, name)) is { } pointing)
        {
            throw Published($"DataSource {pointing} points at it");
        }

        StepException Published(string why) => StepException.BadInput(
            $"volume {inNamespace}/{name}", $"{why}: a published volume is not discarded", "check --volume-name; publish-datasource removes old versions by its --keep");
    }

    private static bool PointsAt(DataSourceSource? source, string inNamespace, string name) =>
        source?.Pvc is { } claim && claim.Name == name && (string.IsNullOrEmpty(claim.Namespace) || claim.Namespace == inNamespace);
}
