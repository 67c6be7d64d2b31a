using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Cdi;

/// <summary>Takes the objects away that showed in a source's namespace that somebody clones, when that clone is done or gone.</summary>
internal sealed class CloneSourceController : Controller
{
    private const string Prefix = "volume-clone-source-";
    private readonly CdiWorld _world;

    internal CloneSourceController(CdiWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.CloneSources.Changed += (_, after) => Wanted(after);
        world.DataVolumes.Changed += (before, after) =>
        {
            if (after?.Status?.Phase is null or "Succeeded" or "Failed")
            {
                var name = NameFor((after ?? before)!.Metadata.Uid!);
                foreach (var one in world.CloneSources.Objects.Where(one => one.Metadata.Name == name))
                {
                    Wanted(one);
                }
            }
        };
    }

    /// <summary>The name for the clone of a DataVolume.</summary>
    internal static string NameFor(string dataVolumeUid) => Prefix + dataVolumeUid;

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        var uid = key.Name[Prefix.Length..];
        if (_world.DataVolumes.Objects.FirstOrDefault(one => one.Metadata.Uid == uid) is null or { Status.Phase: "Succeeded" or "Failed" })
        {
            await _world.Client.DeleteAsync(Kinds.VolumeCloneSources, key.Namespace, key.Name, cancellation);
        }

        return Outcome.Done;
    }

    private void Wanted(VolumeCloneSource? one)
    {
        if (one?.Metadata.Name?.StartsWith(Prefix, StringComparison.Ordinal) == true && one.Metadata.Label(GoldenImages.FieldNames.OwnedByUid) is not null)
        {
            Enqueue(ObjectKey.Of(one));
        }
    }
}
