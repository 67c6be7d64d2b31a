using ContainerDisks;
using Disks;
using Kubernetes;
using Kubernetes.Models;
using Registry;

namespace LocalCluster.Cdi.Populate;

/// <summary>An import: scheduled, in progress, and again and again when it fails, as CDI's importer pod does.</summary>
internal abstract class ImportPopulation(CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status)
    : Population(world, transfers, dataVolume, claim, status)
{
    internal override string Verb => "Import";

    internal override string Success => $"Successfully imported into PVC {Claim.Metadata.Name}";

    protected override IReadOnlyList<string> Phases => ["ImportScheduled", "ImportInProgress"];

    /// <summary>What failures say instead of their own words; null for those.</summary>
    protected virtual string? Saying => null;

    internal override async Task RunAsync(CancellationToken cancellation)
    {
        var name = Claim.Metadata.Name;
        await EnterAsync("ImportScheduled", new("False", "ContainerCreating"), cancellation, $"Import into {name} scheduled");
        await EnterAsync("ImportInProgress", DataVolumeView.PodRuns, cancellation, $"Import into {name} in progress");
        World.Store.Create(Claim, null);
        try
        {
            await TransferAsync(DataVolumeView.PodRuns, FetchAsync, cancellation);
            World.Store.Finish(Volume, MostBytes);
        }
        catch (DiskException fault) when (fault.Kind == DiskFault.NoSpace)
        {
            throw new PopulationException("Error", "DataVolume too small to contain image", inner: fault);
        }
        catch (RegistryException fault)
        {
            throw new PopulationException("ImagePullFailed", Saying ?? fault.Message, inner: fault);
        }
        catch (Exception fault) when (fault is DiskException or ContainerDiskException or HttpRequestException or IOException or UnauthorizedAccessException or FormatException
            || fault is KubernetesException { Kind: KubernetesFault.NotFound or KubernetesFault.Denied }
            || (fault is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new PopulationException("Error", fault.Message, inner: fault);
        }
    }

    /// <summary>Leaves the raw disk at <see cref="Storage.VolumeStore.Unfinished"/>.</summary>
    protected abstract Task FetchAsync(CancellationToken cancellation);
}

/// <summary>An empty disk.</summary>
internal sealed class BlankPopulation(CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status)
    : ImportPopulation(world, transfers, dataVolume, claim, status)
{
    protected override async Task FetchAsync(CancellationToken cancellation) =>
        await File.WriteAllBytesAsync(World.Store.Unfinished(Volume), [], cancellation);
}
