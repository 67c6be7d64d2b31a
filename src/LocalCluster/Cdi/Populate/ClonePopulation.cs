using Disks;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Storage;

namespace LocalCluster.Cdi.Populate;

/// <summary>Clones a claim or a snapshot, in the phases of one of CDI's strategies (pkg/controller/clone/planner.go).</summary>
internal sealed class ClonePopulation(
    CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status, ResolvedSource source)
    : Population(world, transfers, dataVolume, claim, status)
{
    private const string Scheduled = "CloneScheduled";
    private const string Rebind = "RebindInProgress";

    internal override string Verb => "Clone";

    internal override string Success => $"Successfully cloned from {Origin} into {Target}";

    internal override bool CountsRestarts => false;

    protected override IReadOnlyList<string> Phases => Claim.Metadata.Annotation(CdiAnnotations.CloneType) switch
    {
        "copy" => [Scheduled, "CloneInProgress", Rebind],
        "csi-clone" => [Scheduled, "CSICloneInProgress", "PrepClaimInProgress", Rebind],
        _ when source.Snapshot is not null => [Scheduled, "CloneFromSnapshotSourceInProgress", "PrepClaimInProgress", Rebind],
        _ => [Scheduled, "SnapshotForSmartCloneInProgress", "CloneFromSnapshotSourceInProgress", "PrepClaimInProgress", Rebind],
    };

    private string Origin => $"{source.Source.Pvc ?? source.Source.Snapshot}";

    private string Target => $"{Claim.Metadata.Namespace}/{Claim.Metadata.Name}";

    internal override async Task RunAsync(CancellationToken cancellation)
    {
        await EnterAsync(Scheduled, new("False", "Pending", "Clone Pending"), cancellation, $"Cloning from {Origin} into {Target} scheduled");
        var running = Phases[1] == "CloneInProgress" ? DataVolumeView.PodRuns : DataVolumeView.PopulatorRuns;
        await ShowSourceAsync(cancellation);
        foreach (var phase in Phases.Skip(1))
        {
            await EnterAsync(phase, running, cancellation, $"{phase} (for pvc {Target})");
            if (phase == Phases[1])
            {
                var (from, length) = await ReadyAsync(cancellation);
                World.Store.Create(Claim, null);
                try
                {
                    await TransferAsync(
                        running,
                        token =>
                        {
                            FileClone.Copy(from, World.Store.Unfinished(Volume), length, Progress, token);
                            return Task.CompletedTask;
                        },
                        cancellation);
                }
                catch (Exception fault) when (fault is DiskException or IOException or UnauthorizedAccessException)
                {
                    throw new PopulationException("Error", fault.Message, inner: fault);
                }
            }
        }

        World.Store.Finish(Volume, 0);
    }

    /// <summary>Only a copy by pods tells how far it is.</summary>
    private void Progress(long done, long total)
    {
        if (Phases[1] == "CloneInProgress")
        {
            Report(done, total);
        }
    }

    /// <summary>Waits until the source may be read; its disk and the length of the copy.</summary>
    private async Task<(string From, long Length)> ReadyAsync(CancellationToken cancellation)
    {
        string? told = null;
        while (true)
        {
            Task[] changes = [World.Claims.NextChange, World.Pods.NextChange, World.DataVolumes.NextChange, World.Snapshots.NextChange];
            var (from, waiting) = source.Snapshot is null ? FromClaim() : FromSnapshot();
            if (from is not null)
            {
                var length = Length(from);
                return length <= MostBytes
                    ? (from, IsBlock ? ClaimSize : length)
                    : throw new PopulationException("Error", $"the source has {length} bytes, the target has room for {MostBytes}");
            }

            if (waiting is not null && waiting != told)
            {
                told = waiting;
                await World.Events.RecordAsync(DataVolume, true, "CloneSourceInUse", waiting, cancellation);
                await World.Events.RecordAsync(Claim, true, "CloneSourceInUse", waiting, cancellation);
            }

            await Task.WhenAny(changes).WaitAsync(cancellation);
        }
    }

    private (string? From, string? Waiting) FromClaim()
    {
        var name = source.Source.Pvc!;
        if (World.Claims.Find(name.Namespace, name.Name!) is not { } now || now.Metadata.Uid != source.Claim!.Metadata.Uid)
        {
            throw new PopulationException("Error", "source claim does not exist");
        }

        if (World.Writer(name.Namespace!, name.Name!) is { } pod)
        {
            return (null, $"pod {pod} using PersistentVolumeClaim {name.Name}");
        }

        var owner = World.DataVolumes.Find(name.Namespace, name.Name!);
        var isFilled = owner is null || !DataVolumeStatusWriter.IsFor(now, owner) || owner.Status?.Phase == "Succeeded";
        return now.IsBound && isFilled ? (World.Store.Disk(now.Spec.VolumeName!), null) : (null, null);
    }

    private (string? From, string? Waiting) FromSnapshot()
    {
        var name = source.Source.Snapshot!;
        var now = World.Snapshots.Find(name.Namespace, name.Name!);
        return now is null || now.Metadata.Uid != source.Snapshot!.Metadata.Uid
            ? throw new PopulationException("Error", "source snapshot does not exist")
            : (now.Status?.ReadyToUse == true ? World.Store.SnapshotDisk(now.Metadata.Uid!) : null, null);
    }

    private static long Length(string path)
    {
        try
        {
            using var file = FileClone.Open(path);
            return RandomAccess.GetLength(file);
        }
        catch (DiskException fault)
        {
            throw new PopulationException("Error", fault.Message, inner: fault);
        }
    }

    /// <summary>
    /// Puts the object into the source's namespace that shows there that somebody clones; <see cref="CloneSourceController"/> takes it away.
    /// </summary>
    private async Task ShowSourceAsync(CancellationToken cancellation)
    {
        var meta = DataVolume.Metadata;
        var name = (source.Source.Pvc ?? source.Source.Snapshot)!;
        var made = new VolumeCloneSource
        {
            Metadata =
            {
                Name = CloneSourceController.NameFor(meta.Uid!),
                Namespace = name.Namespace,
                Labels = new() { [GoldenImages.FieldNames.OwnedByUid] = Claim.Metadata.Uid! },
            },
            Spec = { Source = new() { ApiGroup = source.Snapshot is null ? null : "snapshot.storage.k8s.io", Kind = source.Snapshot is null ? "PersistentVolumeClaim" : "VolumeSnapshot", Name = name.Name! } },
        };
        try
        {
            await World.Client.CreateAsync(Kinds.VolumeCloneSources, made, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            // Made before this process was restarted.
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Denied or KubernetesFault.NotFound)
        {
            throw new PopulationException("Error", fault.Message, inner: fault);
        }
    }
}
