using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>
/// Gives claims their volumes (Kubernetes, persistent-volume binder), holds them while pods name them (pvc-protection), and removes the
/// volumes of claims that are gone.
/// </summary>
internal sealed class ClaimController : Controller
{
    private const string VolumeKey = "Volume";
    private readonly CdiWorld _world;

    internal ClaimController(CdiWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.Claims.Changed += (before, after) =>
        {
            Enqueue(ObjectKey.Of((after ?? before)!));
            if (after is null)
            {
                Enqueue(new ObjectKey("", before!.Metadata.Uid!, VolumeKey));
            }
        };
        world.Pods.Changed += (before, after) =>
        {
            foreach (var volume in (after ?? before)!.Spec.Volumes ?? [])
            {
                if (volume.PersistentVolumeClaim is { } claim)
                {
                    Enqueue(new ObjectKey((after ?? before)!.Metadata.Namespace!, claim.ClaimName));
                }
            }
        };
        world.Classes.Changed += (_, _) =>
        {
            foreach (var claim in world.Claims.Objects.Where(claim => !claim.IsBound))
            {
                Enqueue(ObjectKey.Of(claim));
            }
        };
        foreach (var uid in world.Store.All(snapshots: false))
        {
            Enqueue(new ObjectKey("", uid, VolumeKey));
        }
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (key.Kind == VolumeKey)
        {
            await _world.DiscardAsync(Kinds.PersistentVolumeClaims, key.Name, snapshot: false, cancellation);
            return Outcome.Done;
        }

        if (_world.Claims.Find(key.Namespace, key.Name) is not { } found)
        {
            return Outcome.Done;
        }

        if (found.Metadata.DeletionTimestamp is not null)
        {
            await ReleaseAsync(found, cancellation);
        }
        else if (found.Status?.Phase is null or "" or "Pending")
        {
            return await BindAsync(found, cancellation);
        }
        else
        {
            await CheckAsync(found, cancellation);
        }

        return Outcome.Done;
    }

    /// <summary>Lets a deleted claim go when no pod names it any more, finished pods included.</summary>
    private async Task ReleaseAsync(PersistentVolumeClaim claim, CancellationToken cancellation)
    {
        if (claim.Metadata.Finalizers?.Contains(PersistentVolumeClaim.ProtectionFinalizer) == true
            && !_world.PodsOf(claim.Metadata.Namespace!, claim.Metadata.Name!).Any())
        {
            await ChangeAsync(claim, now => now.Metadata.Finalizers?.Remove(PersistentVolumeClaim.ProtectionFinalizer) == true, cancellation);
        }
    }

    private async Task<Outcome> BindAsync(PersistentVolumeClaim claim, CancellationToken cancellation)
    {
        var name = VolumeStore.NameFor(claim.Metadata.Uid!);
        if (!MayBind(claim, name) || VolumeSize.Parse(claim.Spec.Resources?.Requests?.GetValueOrDefault("storage")) is not { } size)
        {
            await ChangeAsync(claim, Protect, cancellation);
            await StatusAsync(claim, status => status.Phase ??= "Pending", cancellation);
            return Outcome.Done;
        }

        var isFilled = claim.Metadata.Annotation(CdiAnnotations.CreatedForDataVolume) is not null;
        try
        {
            _world.Store.Create(claim, claim.Spec.VolumeMode == "Block" && !isFilled ? size : null);
        }
        catch (Exception fault) when (fault is Disks.DiskException or IOException or UnauthorizedAccessException)
        {
            await ChangeAsync(claim, Protect, cancellation);
            await StatusAsync(claim, status => status.Phase = "Pending", cancellation);
            await _world.Events.RecordAsync(claim, true, "ProvisioningFailed", $"failed to provision volume: {fault.Message}", cancellation);
            return Outcome.Retry;
        }

        var bound = await ChangeAsync(
            claim,
            now =>
            {
                var changed = Protect(now) | now.Spec.VolumeName != name;
                now.Spec.VolumeName = name;
                var annotations = now.Metadata.Annotations ??= [];
                changed |= annotations.TryAdd(CdiNames.Provisioner, CdiNames.OurProvisioner) | annotations.TryAdd(CdiNames.BindCompleted, "yes");
                return changed;
            },
            cancellation);
        await StatusAsync(
            bound,
            status =>
            {
                status.Phase = "Bound";
                status.AccessModes = claim.Spec.AccessModes;
                status.Capacity = new() { ["storage"] = claim.Spec.Resources!.Requests!["storage"] };
            },
            cancellation);
        return Outcome.Done;
    }

    /// <summary>A claim whose volume is gone is lost.</summary>
    private async Task CheckAsync(PersistentVolumeClaim claim, CancellationToken cancellation)
    {
        await ChangeAsync(claim, Protect, cancellation);
        if (claim.IsBound && claim.Metadata.Annotation(CdiNames.Provisioner) == CdiNames.OurProvisioner && !Directory.Exists(_world.Store.Folder(claim.Spec.VolumeName!)))
        {
            await StatusAsync(claim, status => status.Phase = "Lost", cancellation);
            await _world.Events.RecordAsync(claim, true, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", cancellation);
        }
    }

    private bool MayBind(PersistentVolumeClaim claim, string volume)
    {
        _ = _world.ClassOf(claim.Spec.StorageClassName, out var missing);
        if (missing || (claim.Spec.VolumeName is { Length: > 0 } wanted && wanted != volume))
        {
            return false;
        }

        // A DataVolume's claim is bound when its content is there, or before, where the old way without populators is wanted.
        return claim.Metadata.Annotation(CdiAnnotations.CreatedForDataVolume) is not null
            ? claim.Metadata.Annotation(CdiAnnotations.PodPhase) == "Succeeded"
                || (claim.Metadata.Annotation(CdiNames.UsePopulator) == "false" && !(_world.WaitsForConsumer(claim) && claim.Metadata.Annotation(GoldenImages.FieldNames.BindImmediate) is null))
            : claim.Spec.DataSource is null && claim.Spec.DataSourceRef is null && !_world.WaitsForConsumer(claim);
    }

    /// <summary>Servers without the admission plugin StorageObjectInUseProtection leave this to nobody.</summary>
    private static bool Protect(PersistentVolumeClaim claim)
    {
        if (claim.Metadata.DeletionTimestamp is not null || claim.Metadata.Finalizers?.Contains(PersistentVolumeClaim.ProtectionFinalizer) == true)
        {
            return false;
        }

        (claim.Metadata.Finalizers ??= []).Add(PersistentVolumeClaim.ProtectionFinalizer);
        return true;
    }

    private async Task<PersistentVolumeClaim> ChangeAsync(PersistentVolumeClaim claim, Func<PersistentVolumeClaim, bool> change, CancellationToken cancellation) =>
        await _world.Client.ChangeAsync(
            Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, now => now.Metadata.Uid == claim.Metadata.Uid && change(now), cancellation);

    private async Task StatusAsync(PersistentVolumeClaim claim, Action<PersistentVolumeClaimStatus> change, CancellationToken cancellation) =>
        await _world.Client.ChangeAsync(
            Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!,
            now =>
            {
                var before = now.Status?.Phase;
                change(now.Status ??= new());
                return now.Metadata.Uid == claim.Metadata.Uid && now.Status.Phase != before;
            },
            cancellation, "status");
}
