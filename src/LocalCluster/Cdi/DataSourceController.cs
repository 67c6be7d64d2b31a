using System.Text.RegularExpressions;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Cdi;

/// <summary>Says of DataSources whether what they point at can be cloned (CDI, pkg/controller/datasource-controller.go).</summary>
internal sealed partial class DataSourceController : Controller
{
    private readonly CdiWorld _world;

    internal DataSourceController(CdiWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.DataSources.Changed += (before, after) =>
        {
            Enqueue(ObjectKey.Of((after ?? before)!));
            Pointing((after ?? before)!, source => source.DataSource);
        };
        world.Claims.Changed += (before, after) => Pointing((after ?? before)!, source => source.Pvc);
        world.DataVolumes.Changed += (before, after) => Pointing((after ?? before)!, source => source.Pvc);
        world.Snapshots.Changed += (before, after) => Pointing((after ?? before)!, source => source.Snapshot);
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_world.DataSources.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } seen)
        {
            return Outcome.Done;
        }

        await _world.Client.ChangeAsync(
            Kinds.DataSources, key.Namespace, key.Name,
            found =>
            {
                // Looked at as it is now: what was seen may have been repointed since.
                var (source, ready, labels) = Look(found, followPointer: true);
                return found.Metadata.Uid == seen.Metadata.Uid && (Show(found, source, ready) | Label(found.Metadata, labels));
            },
            cancellation);
        return Outcome.Done;
    }

    private bool Show(DataSource found, DataSourceSource? source, ConditionValue ready)
    {
        var status = found.Status ??= new();
        var before = Condition.Of(status.Conditions, "Ready");
        var moved = $"{status.Source?.Pvc}|{status.Source?.Snapshot}" != $"{source?.Pvc}|{source?.Snapshot}";
        var (next, differs) = Conditions.With(moved ? null : before, "Ready", ready, Time.GetUtcNow());
        if (!differs && !moved && status.Source is not null)
        {
            return false;
        }

        status.Source = source ?? new();
        status.Conditions = [next];
        return true;
    }

    /// <summary>What there is, whether it is ready, and its labels.</summary>
    private (DataSourceSource? Source, ConditionValue Ready, Dictionary<string, string>? Labels) Look(DataSource dataSource, bool followPointer)
    {
        var source = dataSource.Spec.Source;
        var meta = dataSource.Metadata;
        if (source.DataSource is { } pointer)
        {
            var target = _world.DataSources.Find(meta.Namespace, pointer.Name ?? "");
            return !followPointer ? NotReady("MaxReferenceDepthReached", "DataSource reference chain exceeds maximum depth of 1")
                : pointer.Namespace is { Length: > 0 } other && other != meta.Namespace
                    ? NotReady("CrossNamespaceReference", "DataSource cannot reference a DataSource in another namespace")
                : pointer.Name == meta.Name ? NotReady("SelfReference", "DataSource cannot self-reference")
                : target is null ? NotReady("NotFound", "DataSource not found")
                : Look(target, followPointer: false);
        }

        if (source.Pvc is { } name)
        {
            var claim = _world.Claims.Find(name.Namespace, name.Name ?? "");
            var dataVolume = _world.DataVolumes.Find(name.Namespace, name.Name ?? "");
            var labels = Merge(dataVolume?.Metadata.Labels, claim?.Metadata.Labels);
            return dataVolume is not null && dataVolume.Status?.Phase != "Succeeded"
                    ? NotReady(dataVolume.Status?.Phase ?? "", $"Import DataVolume phase {dataVolume.Status?.Phase}")
                : dataVolume is null && claim is null ? NotReady("NotFound", "PVC not found")
                : Ready(new DataSourceSource { Pvc = name }, labels);
        }

        if (source.Snapshot is { } snapshotName)
        {
            var snapshot = _world.Snapshots.Find(snapshotName.Namespace, snapshotName.Name ?? "");
            return snapshot is null ? NotReady("NotFound", "Snapshot not found")
                : snapshot.Status?.ReadyToUse != true ? NotReady("SnapshotNotReady", "Snapshot phase is not ready")
                : Ready(new DataSourceSource { Snapshot = snapshotName }, snapshot.Metadata.Labels);
        }

        return NotReady("NoSource", "No source PVC set");

        static (DataSourceSource?, ConditionValue, Dictionary<string, string>?) NotReady(string reason, string message) => (null, new("False", reason, message), null);

        static (DataSourceSource?, ConditionValue, Dictionary<string, string>?) Ready(DataSourceSource found, Dictionary<string, string>? labels) =>
            (found, new("True", "Ready", "DataSource is ready to be consumed"), labels);
    }

    private static Dictionary<string, string> Merge(Dictionary<string, string>? first, Dictionary<string, string>? second)
    {
        var merged = new Dictionary<string, string>(first ?? [], StringComparer.Ordinal);
        foreach (var (name, value) in second ?? [])
        {
            merged[name] = value;
        }

        return merged;
    }

    private static bool Label(ObjectMeta meta, Dictionary<string, string>? labels)
    {
        var changed = false;
        foreach (var (name, value) in (labels ?? []).Where(pair => KubeVirtLabel().IsMatch(pair.Key) && meta.Label(pair.Key) != pair.Value))
        {
            (meta.Labels ??= [])[name] = value;
            changed = true;
        }

        return changed;
    }

    private void Pointing(KubernetesObject at, Func<DataSourceSource, NamespacedName?> member)
    {
        foreach (var one in _world.DataSources.Objects)
        {
            // A pointer's namespace may be left out: it is its own.
            if (member(one.Spec.Source) is { } name && name.Name == at.Metadata.Name && (name.Namespace ?? one.Metadata.Namespace) == at.Metadata.Namespace)
            {
                // A pointer to it changes with it; one to that one does not, and one to itself would never end.
                Enqueue(ObjectKey.Of(one));
                foreach (var pointer in _world.DataSources.Objects.Where(other =>
                    other.Spec.Source.DataSource?.Name == one.Metadata.Name && other.Metadata.Namespace == one.Metadata.Namespace))
                {
                    Enqueue(ObjectKey.Of(pointer));
                }
            }
        }
    }

    [GeneratedRegex(@"^([\w.]+\.kubevirt\.io|kubevirt\.io)/[\w.-]+$", RegexOptions.ExplicitCapture, 1000)]
    internal static partial Regex KubeVirtLabel();
}
