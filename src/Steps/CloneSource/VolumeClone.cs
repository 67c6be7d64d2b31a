using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Kubernetes.Waiting;
using StepRuntime;
using Steps.OnCluster;
using Steps.OnCluster.Sources;

namespace Steps.CloneSource;

/// <summary>What is known of a volume before it is filled.</summary>
/// <param name="Volume">As the server has it.</param>
/// <param name="Reference">Where its content comes from.</param>
/// <param name="Digest">That content's digest, or the source's uid.</param>
internal sealed record MadeVolume(DataVolume Volume, string Reference, string Digest);

/// <summary>Makes the volume of a request, or finds it where an earlier run has made it.</summary>
/// <param name="client">The cluster.</param>
/// <param name="log">Takes lines.</param>
/// <param name="warn">Takes what a user should look at.</param>
internal sealed class VolumeClone(KubernetesClient client, Action<string> log, Action<string> warn)
{
    /// <summary>Makes the DataVolume of a request if it is not there.</summary>
    internal async Task<MadeVolume> MakeAsync(CloneRequest request, CancellationToken cancellation)
    {
        if (await client.FindAsync(Kinds.DataVolumes, request.TargetNamespace, request.TargetName, cancellation) is { } earlier)
        {
            var recognized = Recognize(request, earlier);
            if (earlier.Status?.Phase != "Failed")
            {
                return recognized;
            }

            await RemoveAsync(request, earlier, cancellation);
        }

        await RefuseForeignClaimAsync(request, cancellation);
        PinnedSource? source = null;
        if (request.Source is { } asked)
        {
            source = await new SourceResolver(client).ResolveAsync(asked, cancellation);
            log(source.DataSource is null ? $"the source is {source}" : $"{asked} is {source}");
            await WarnOfWritersAsync(source, cancellation);
        }

        var identity = source is null ? SourceAddress.Identity(request.Url!) : await SourceIdentity.OfAsync(source, client, log, cancellation);
        var draft = VolumeDraft.Of(request, source, identity);
        try
        {
            var made = await client.CreateAsync(Kinds.DataVolumes, draft, cancellation);
            log($"made {request.Target} from {source?.ToString() ?? request.Url}");
            return Origin(request, made);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            // A repetition of our own request whose answer was lost, or another run that was quicker: its annotations tell.
            return Recognize(request, await client.GetAsync(Kinds.DataVolumes, request.TargetNamespace, request.TargetName, cancellation));
        }
        catch (KubernetesException fault) when (CloneRefusal.Is(fault))
        {
            throw CloneRefusal.Explain(fault, request.Target, source!.Namespace, "clone-source");
        }
    }

    /// <summary>Waits until the volume has all its content.</summary>
    internal Task<ReadyVolume> FillAsync(MadeVolume made, Action<double?> progress, CancellationToken cancellation) => DataVolumeWait.RunAsync(
        client,
        made.Volume.Metadata.Namespace!,
        made.Volume.Metadata.Name!,
        new VolumeWaitOptions { Log = log, Progress = progress, LastState = lines => lines.ToList().ForEach(warn) },
        cancellation,
        made.Volume);

    /// <summary>A volume that has failed for good would be found failed by every run: away with it.</summary>
    private async Task RemoveAsync(CloneRequest request, DataVolume failed, CancellationToken cancellation)
    {
        warn($"{request.Target}: an earlier run's volume has failed, making it anew");
        var uid = failed.Metadata.Uid;
        await client.DeleteAsync(Kinds.DataVolumes, request.TargetNamespace, request.TargetName, cancellation, new Preconditions { Uid = uid });
        await client.WaitAsync(Kinds.DataVolumes, request.TargetNamespace, request.TargetName, found => found is null || found.Metadata.Uid != uid, cancellation);
        await client.WaitAsync(Kinds.PersistentVolumeClaims, request.TargetNamespace, request.TargetName, found => !IsOf(found, uid), cancellation);

        static bool IsOf(PersistentVolumeClaim? claim, string? volume) => claim?.Metadata.OwnerReferences?.Exists(owner => owner.Uid == volume) == true;
    }

    private static MadeVolume Recognize(CloneRequest request, DataVolume found)
    {
        var meta = found.Metadata;
        if (meta.Annotation(Names.CloneRequest) is not { } asked)
        {
            throw StepException.BadInput(request.Target, "it is there already, and this step did not make it", "give another --target-name, or delete it");
        }

        if (asked != request.Fingerprint)
        {
            throw StepException.BadInput(
                request.Target, $"it is there already, made for another request ({asked}; now: {request.Fingerprint})", "give another --target-name, or discard it");
        }

        if (request.OwnerUid is { } uid && meta.OwnerReferences?.Exists(owner => owner.Uid == uid) != true)
        {
            throw StepException.BadInput(request.Target, "it is there already, made by another run", "give another --target-name, or discard it");
        }

        return meta.DeletionTimestamp is null
            ? Origin(request, found)
            : throw new StepException(ExitCode.Transient, request.Target, "it is being deleted", "run it again when it is gone; discard-volume tells what holds it");
    }

    private static MadeVolume Origin(CloneRequest request, DataVolume volume)
    {
        var (reference, digest) = (volume.Metadata.Annotation(Names.Source) ?? "", volume.Metadata.Annotation(Names.SourceDigest) ?? "");
        return reference.Length <= Math.Max(SourceIdentity.LongestReference, request.Url?.Length ?? 0) && digest.Length <= SourceIdentity.LongestDigest
            ? new(volume, reference, digest)
            : throw StepException.BadInput(request.Target, "its annotations are not as this step wrote them", "discard it, or give another --target-name");
    }

    /// <summary>CDI would refuse the DataVolume, too; without its webhook it would wait for a claim that is not its own.</summary>
    private async Task RefuseForeignClaimAsync(CloneRequest request, CancellationToken cancellation)
    {
        if (await client.FindAsync(Kinds.PersistentVolumeClaims, request.TargetNamespace, request.TargetName, cancellation) is not { } claim)
        {
            return;
        }

        var subject = $"PersistentVolumeClaim {request.TargetNamespace}/{request.TargetName}";
        throw claim.Metadata.DeletionTimestamp is null
            ? StepException.BadInput(subject, "it is there already, and no DataVolume of that name is", "give another --target-name, or discard it")
            : new StepException(ExitCode.Transient, subject, "it is being deleted", "run it again when it is gone; discard-volume tells what holds it");
    }

    /// <summary>CDI waits, without a word in the DataVolume, until nobody can write to the source.</summary>
    private async Task WarnOfWritersAsync(PinnedSource source, CancellationToken cancellation)
    {
        if (source.Claim is not { } claim)
        {
            return;
        }

        if (!claim.IsBound)
        {
            warn($"{source}: it is {claim.Status?.Phase ?? "new"}; the clone waits until it is Bound");
        }

        try
        {
            var holders = await ClaimHolders.FindAsync(client, source.Namespace, source.Name, cancellation);
            var writers = holders.Where(holder => holder is { IsFinished: false, Writes: true }).Select(holder => holder.Pod).ToList();
            if (writers.Count > 0)
            {
                warn($"{source}: in use by pod {string.Join(", ", writers)}; the clone waits until they have ended");
            }
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Denied)
        {
            warn($"{source}: whether pods hold it can't be seen ({fault.Cause}); the clone waits as long as one writes to it");
        }
    }
}
