using System.Text.Json;
using Disks;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>Takes VolumeSnapshots and removes those that are gone (kubernetes-csi, external-snapshotter).</summary>
internal sealed class VolumeSnapshotController : Controller
{
    private const string FolderKey = "Folder";
    private readonly CdiWorld _world;

    internal VolumeSnapshotController(CdiWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.Snapshots.Changed += (before, after) =>
        {
            Enqueue(ObjectKey.Of((after ?? before)!));
            if (after is null)
            {
                Enqueue(new ObjectKey("", before!.Metadata.Uid!, FolderKey));
            }
        };
        world.Claims.Changed += (_, after) =>
        {
            foreach (var one in world.Snapshots.Objects.Where(one => after?.IsBound == true
                && one.Metadata.Namespace == after.Metadata.Namespace && one.Spec.Source.PersistentVolumeClaimName == after.Metadata.Name))
            {
                Enqueue(ObjectKey.Of(one));
            }
        };
        foreach (var uid in world.Store.All(snapshots: true))
        {
            Enqueue(new ObjectKey("", uid, FolderKey));
        }
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (key.Kind == FolderKey)
        {
            // A server that does not serve the kind (yet) tells nothing about what is there.
            if (_world.Snapshots.IsServed)
            {
                await _world.DiscardAsync(Kinds.VolumeSnapshots, key.Name, snapshot: true, cancellation);
            }

            return Outcome.Done;
        }

        if (_world.Snapshots.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } snapshot
            || snapshot.Status?.ReadyToUse == true || snapshot.Spec.Source.PersistentVolumeClaimName is not { } name)
        {
            return Outcome.Done;
        }

        if (_world.Claims.Find(key.Namespace, name) is not { IsBound: true } claim)
        {
            await ShowAsync(snapshot, new() { ReadyToUse = false, Error = new() { Message = $"the claim {name} is not there, or not bound" } }, cancellation);
            return Outcome.Done;
        }

        var uid = snapshot.Metadata.Uid!;
        try
        {
            await Task.Run(() => _world.Store.Snapshot(claim.Spec.VolumeName!, snapshot, cancellation), cancellation);
        }
        catch (DiskException fault)
        {
            await ShowAsync(snapshot, new() { ReadyToUse = false, Error = new() { Message = fault.Message } }, cancellation);
            return Outcome.Retry;
        }

        var content = JsonSerializer.SerializeToElement($"snapcontent-{uid}", StringJson.Default.String);
        var time = JsonSerializer.SerializeToElement(Time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"), StringJson.Default.String);
        var size = VolumeSize.Parse(claim.Status!.Capacity?.GetValueOrDefault("storage")) ?? 0;
        await ShowAsync(
            snapshot,
            new() { ReadyToUse = true, RestoreSize = VolumeSize.Format(size), Unknown = new() { ["boundVolumeSnapshotContentName"] = content, ["creationTime"] = time } },
            cancellation);
        return Outcome.Done;
    }

    private async Task ShowAsync(VolumeSnapshot snapshot, VolumeSnapshotStatus status, CancellationToken cancellation) =>
        await _world.Client.ChangeAsync(
            Kinds.VolumeSnapshots, snapshot.Metadata.Namespace, snapshot.Metadata.Name!,
            found =>
            {
                var same = found.Status?.ReadyToUse == status.ReadyToUse && found.Status?.Error?.Message == status.Error?.Message;
                found.Status = status;
                return !same && found.Metadata.Uid == snapshot.Metadata.Uid;
            },
            cancellation, "status");
}

/// <summary>Texts as JSON, for fields without a model.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class StringJson : System.Text.Json.Serialization.JsonSerializerContext;
