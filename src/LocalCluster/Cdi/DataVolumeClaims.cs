using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>Makes the claims of DataVolumes, completed from the source and checked (CDI, pvc-clone-controller.go and util.go of the DataVolume controllers).</summary>
internal sealed class DataVolumeClaims(CdiWorld world, DataVolumeStatusWriter status)
{
    /// <summary>The claim of a DataVolume; null where there is none, or another's.</summary>
    internal PersistentVolumeClaim? Find(DataVolume dataVolume) =>
        world.Claims.Find(dataVolume.Metadata.Namespace, dataVolume.Metadata.Name!) is { } claim && DataVolumeStatusWriter.IsFor(claim, dataVolume) ? claim : null;

    /// <summary>The claim, made where it is not there; null, and when to look again, where that can't be yet.</summary>
    internal async Task<(PersistentVolumeClaim? Claim, Outcome Again)> EnsureAsync(DataVolume dataVolume, ResolvedSource source, CancellationToken cancellation)
    {
        var meta = dataVolume.Metadata;
        if (Find(dataVolume) is { } found)
        {
            return found.Metadata.DeletionTimestamp is null ? (found, default) : (null, Outcome.Retry);
        }

        if (world.Claims.Find(meta.Namespace, meta.Name!) is not null)
        {
            await world.Events.RecordAsync(
                dataVolume, true, "ErrResourceExists", $"Resource \"{meta.Name}\" already exists and is not managed by DataVolume", cancellation);
            return (null, Outcome.Retry);
        }

        var (claim, refusal) = Render(dataVolume, source);
        if (refusal is { } bound)
        {
            await status.ShowAsync(dataVolume, new() { Bound = bound, Running = DataVolumeView.Idle }, cancellation);
            return (null, default);
        }

        if (!source.IsClone)
        {
            await status.ShowAsync(dataVolume, new() { Phase = "Pending", Running = DataVolumeView.Idle }, cancellation);
        }

        try
        {
            var made = await world.Client.CreateAsync(Kinds.PersistentVolumeClaims, claim, cancellation);
            await world.Claims.WaitAsync(() => world.Claims.Find(meta.Namespace, meta.Name!)?.Metadata.Uid == made.Metadata.Uid, cancellation);
            return (made, default);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Denied && fault.Cause.Contains("exceeded quota", StringComparison.Ordinal))
        {
            await status.ShowAsync(
                dataVolume, new() { Phase = "Pending", Bound = new("False", "ErrExceededQuota", fault.Cause), Running = DataVolumeView.Idle }, cancellation);
            return (null, Outcome.Retry);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Usage)
        {
            await status.ShowAsync(dataVolume, new() { Bound = new("False", "ErrClaimNotValid", fault.Cause), Running = DataVolumeView.Idle }, cancellation);
            return (null, Outcome.Retry);
        }
    }

    private (PersistentVolumeClaim Claim, ConditionValue? Refusal) Render(DataVolume dataVolume, ResolvedSource source)
    {
        var meta = dataVolume.Metadata;
        var asked = dataVolume.Spec.Pvc ?? dataVolume.Spec.Storage ?? new();
        var original = source.Claim?.Spec;
        var mode = asked.VolumeMode ?? original?.VolumeMode
            ?? source.Snapshot?.Metadata.Annotation(GoldenImages.FieldNames.SourceVolumeMode) ?? "Filesystem";
        var sourceMode = original?.VolumeMode ?? source.Snapshot?.Metadata.Annotation(GoldenImages.FieldNames.SourceVolumeMode) ?? "Filesystem";
        var size = VolumeSize.Parse(asked.Resources?.Requests?.GetValueOrDefault("storage"));
        var className = asked.StorageClassName ?? world.Default()?.Metadata.Name;
        var claim = new PersistentVolumeClaim
        {
            Metadata =
            {
                Name = meta.Name,
                Namespace = meta.Namespace,
                Labels = new(meta.Labels ?? [], StringComparer.Ordinal) { ["app"] = "containerized-data-importer" },
                Annotations = Annotations(dataVolume, source, className),
                OwnerReferences =
                [
                    new() { ApiVersion = Kinds.DataVolumes.ApiVersion, Kind = "DataVolume", Name = meta.Name!, Uid = meta.Uid!, Controller = true, BlockOwnerDeletion = true },
                ],
            },
        };
        CdiNames.AddMissing(claim.Metadata, source.Labels);
        _ = world.ClassOf(className, out var missing);
        if (missing)
        {
            return (claim, new("False", "ErrClaimNotValid", $"the storage class \"{className}\" doesn't exist"));
        }

        if (source.IsClone && size < source.Size && (dataVolume.Spec.Pvc is not null || sourceMode == "Block"))
        {
            return (claim, new(
                "False", "CloneValidationFailed",
                $"The clone doesn't meet the validation requirements: target resources requests storage size is smaller than the source {size} < {source.Size}"));
        }

        if ((size ?? source.Size) is not { } bytes)
        {
            return (claim, new("False", source.IsClone ? "Pending" : "ErrClaimNotValid", "the size of the volume is not known yet"));
        }

        // A disk of the asked size must fit beside what the file system takes; what is a file system already has that.
        var inflated = dataVolume.Spec.Pvc is null && mode == "Filesystem" && (size is not null || sourceMode == "Block");
        var request = inflated ? VolumeSize.Format(VolumeSize.Required(bytes, world.Options.FilesystemOverhead))
            : asked.Resources?.Requests?.GetValueOrDefault("storage") ?? VolumeSize.Format(bytes);
        claim.Spec = new()
        {
            AccessModes = asked.AccessModes is { Count: > 0 } modes ? modes : original?.AccessModes ?? ["ReadWriteOnce"],
            VolumeMode = mode,
            StorageClassName = className,
            Resources = new() { Requests = new() { ["storage"] = request } },
        };
        return (claim, null);
    }

    private Dictionary<string, string> Annotations(DataVolume dataVolume, ResolvedSource source, string? className)
    {
        var meta = dataVolume.Metadata;
        var annotations = new Dictionary<string, string>(meta.Annotations ?? [], StringComparer.Ordinal);
        annotations.Remove("kubectl.kubernetes.io/last-applied-configuration");
        annotations.Remove(CdiNames.CloneToken);
        annotations[CdiAnnotations.CreatedForDataVolume] = meta.Uid!;
        annotations[CdiNames.ContentType] = "kubevirt";
        annotations.TryAdd(CdiNames.UsePopulator, "true");
        if (source.IsClone)
        {
            annotations[CdiAnnotations.CloneType] = source.Snapshot is not null ? "snapshot" : world.CloneStrategyOf(className);
        }

        if ((source.Source.Registry?.Url ?? source.Source.Http?.Url) is { } url)
        {
            annotations[GoldenImages.FieldNames.ImportEndpoint] = url;
        }

        return annotations;
    }
}
