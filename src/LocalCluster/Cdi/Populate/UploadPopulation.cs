using System.Collections.Concurrent;
using Disks;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Cdi.Populate;

/// <summary>Files that somebody gives for DataVolumes that wait for an upload.</summary>
internal sealed class Uploads
{
    private readonly ConcurrentDictionary<ObjectKey, TaskCompletionSource<string>> _desk = [];

    /// <summary>Gives a file.</summary>
    internal void Give(ObjectKey key, string file) => Slot(key).TrySetResult(file);

    /// <summary>Waits for the file.</summary>
    internal Task<string> TakeAsync(ObjectKey key, CancellationToken cancellation) => Slot(key).Task.WaitAsync(cancellation);

    /// <summary>The file did not do; another one may come.</summary>
    internal void Refuse(ObjectKey key) => _desk.TryRemove(key, out _);

    private TaskCompletionSource<string> Slot(ObjectKey key) => _desk.GetOrAdd(key, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}

/// <summary>Takes an image that a client sends: here a local file.</summary>
internal sealed class UploadPopulation(
    CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status, Uploads uploads)
    : Population(world, transfers, dataVolume, claim, status)
{
    internal override string Verb => "Upload";

    internal override string Success => $"Successfully uploaded into {Claim.Metadata.Name}";

    protected override IReadOnlyList<string> Phases => ["UploadScheduled", "UploadReady"];

    internal override async Task RunAsync(CancellationToken cancellation)
    {
        var name = Claim.Metadata.Name;
        await EnterAsync("UploadScheduled", new("False", "ContainerCreating"), cancellation, $"Upload into {name} scheduled");
        await EnterAsync("UploadReady", DataVolumeView.PodRuns, cancellation, $"Upload into {name} ready");
        var key = ObjectKey.Of(DataVolume);
        var file = await uploads.TakeAsync(key, cancellation);
        World.Store.Create(Claim, null);
        try
        {
            await TransferAsync(
                DataVolumeView.PodRuns,
                token =>
                {
                    ImageFile.Place(file, World.Store.Unfinished(Volume), MostBytes, Report, token);
                    return Task.CompletedTask;
                },
                cancellation);
            World.Store.Finish(Volume, MostBytes);
        }
        catch (Exception fault) when (fault is DiskException or IOException or UnauthorizedAccessException)
        {
            uploads.Refuse(key);
            throw new PopulationException(
                "Error", fault is DiskException { Kind: DiskFault.NoSpace } ? "DataVolume too small to contain image" : fault.Message, inner: fault);
        }
    }
}
