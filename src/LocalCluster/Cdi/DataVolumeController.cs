using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Cdi.Populate;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>Makes DataVolumes' claims and fills them, with CDI's phases, conditions and events on the way.</summary>
internal sealed class DataVolumeController : Controller
{
    private readonly CdiWorld _world;
    private readonly DataVolumeStatusWriter _status;
    private readonly DataVolumeSources _sources;
    private readonly DataVolumeClaims _claims;
    private readonly Populations _populations;

    internal DataVolumeController(CdiWorld world, Uploads uploads, SemaphoreSlim transfers)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        _status = new DataVolumeStatusWriter(world);
        _sources = new DataVolumeSources(world);
        _claims = new DataVolumeClaims(world, _status);
        _populations = new Populations(world, uploads, transfers);
        world.DataVolumes.Changed += OnDataVolume;
        world.Claims.Changed += OnClaim;
        world.Pods.Changed += (before, after) =>
        {
            foreach (var volume in before is null ? after!.Spec.Volumes ?? [] : [])
            {
                Enqueue(new ObjectKey(after!.Metadata.Namespace!, volume.PersistentVolumeClaim?.ClaimName ?? ""));
            }
        };
        world.Snapshots.Changed += (before, after) => OnSource((before ?? after)!, "VolumeSnapshot");
        world.DataSources.Changed += (before, after) => OnSource((before ?? after)!, "DataSource");
        world.Classes.Changed += (_, _) => OnSource(null, "");
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_world.DataVolumes.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } dataVolume)
        {
            return Outcome.Done;
        }

        var claim = _claims.Find(dataVolume);
        if (claim?.Status?.Phase == "Lost" && dataVolume.Status?.Phase is { Length: > 0 } and not "Failed")
        {
            await _status.ShowAsync(dataVolume, new() { Phase = "Failed", Running = DataVolumeView.Idle }, cancellation);
            await _world.Events.RecordAsync(dataVolume, true, "ErrClaimLost", $"PVC {key.Name} lost", cancellation);
            return Outcome.Done;
        }

        switch (dataVolume.Status?.Phase)
        {
            case "Failed":
                return Outcome.Done;
            case "Succeeded":
                await _status.ShowAsync(dataVolume, new(), cancellation);
                return Outcome.Done;
            default:
                return await PopulateAsync(dataVolume, cancellation);
        }
    }

    private async Task<Outcome> PopulateAsync(DataVolume dataVolume, CancellationToken cancellation)
    {
        var (source, problem) = _sources.Resolve(dataVolume);
        if (source is null)
        {
            // Looked at again when the source changes.
            await _status.ShowAsync(dataVolume, problem!, cancellation);
            return Outcome.Done;
        }

        var (claim, again) = await _claims.EnsureAsync(dataVolume, source, cancellation);
        if (claim is null)
        {
            return again;
        }

        var usesPopulator = claim.Metadata.Annotation(CdiNames.UsePopulator) != "false";
        if (_world.WaitsForConsumer(claim) && claim.Metadata.Annotation(GoldenImages.FieldNames.BindImmediate) is null)
        {
            await _status.ShowAsync(dataVolume, new() { Phase = usesPopulator ? "PendingPopulation" : "WaitForFirstConsumer" }, cancellation);
            return Outcome.Done;
        }

        if (!usesPopulator)
        {
            await _world.Claims.WaitAsync(() => _claims.Find(dataVolume)?.IsBound == true, cancellation);
            if (string.IsNullOrEmpty(dataVolume.Status?.Phase) || dataVolume.Status.Phase == "Pending")
            {
                dataVolume = await _status.ShowAsync(dataVolume, new() { Phase = "PVCBound" }, cancellation);
            }
        }

        var population = _populations.For(dataVolume, claim, source, _status);
        try
        {
            if (!File.Exists(_world.Store.Disk(population.Volume)))
            {
                await population.RunAsync(cancellation);
            }
        }
        catch (PopulationException fault)
        {
            return await FailAsync(population, fault, cancellation);
        }

        await SucceedAsync(population, source, cancellation);
        return Outcome.Done;
    }

    private async Task SucceedAsync(Population population, ResolvedSource source, CancellationToken cancellation)
    {
        var (dataVolume, claim) = (population.DataVolume, population.Claim);
        var meta = dataVolume.Metadata;
        claim = await _world.Client.ChangeAsync(
            Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!,
            now =>
            {
                var annotations = now.Metadata.Annotations ??= [];
                var changed = CdiNames.AddMissing(now.Metadata, source.Labels) | annotations.Remove(CdiAnnotations.CloneError) | annotations.GetValueOrDefault(CdiAnnotations.PodPhase) != "Succeeded";
                annotations[CdiAnnotations.PodPhase] = "Succeeded";
                if (source.IsClone)
                {
                    annotations[CdiAnnotations.ClonePhase] = "Succeeded";
                }

                return now.Metadata.Uid == claim.Metadata.Uid && changed;
            },
            cancellation);
        dataVolume = await _world.Client.ChangeAsync(
            Kinds.DataVolumes, meta.Namespace, meta.Name!,
            now =>
            {
                var changed = CdiNames.AddMissing(now.Metadata, claim.Metadata.Labels);
                if (claim.Metadata.Annotation(CdiAnnotations.CloneType) is { } cloneType)
                {
                    changed |= (now.Metadata.Annotations ??= []).TryAdd(CdiAnnotations.CloneType, cloneType);
                }

                return now.Metadata.Uid == meta.Uid && changed;
            },
            cancellation);
        if (dataVolume.Status?.Phase == "Succeeded")
        {
            // The cache was behind.
            return;
        }

        await _status.ShowAsync(
            dataVolume, new() { Phase = "Succeeded", Running = new("False", "Completed", $"{population.Verb} Complete") }, cancellation);
        await _world.Events.RecordAsync(dataVolume, false, $"{population.Verb}Succeeded", population.Success, cancellation);
    }

    private async Task<Outcome> FailAsync(Population population, PopulationException fault, CancellationToken cancellation)
    {
        var claim = population.Claim;
        var restarts = 0;
        await _world.Client.ChangeAsync(
            Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!,
            now =>
            {
                var annotations = now.Metadata.Annotations ??= [];
                if (population.CountsRestarts)
                {
                    restarts = (int.TryParse(annotations.GetValueOrDefault(CdiNames.PodRestarts), out var before) ? before : 0) + 1;
                    annotations[CdiNames.PodRestarts] = $"{restarts}";
                }
                else
                {
                    annotations[CdiAnnotations.CloneError] = fault.Message;
                }

                if (fault.IsFinal)
                {
                    annotations[CdiNames.FatalError] = "true";
                }

                return now.Metadata.Uid == claim.Metadata.Uid;
            },
            cancellation);
        Log($"{population.DataVolume}: {fault.Message}");
        await _status.ShowAsync(
            population.DataVolume,
            new()
            {
                Phase = fault.IsFinal ? "Failed" : null,
                Progress = -1,
                Running = new("False", fault.Reason, fault.Message),
                Restarts = population.CountsRestarts && !fault.IsFinal ? restarts : null,
            },
            cancellation);
        await _world.Events.RecordAsync(population.DataVolume, true, fault.Reason, fault.Message, cancellation);
        return fault.IsFinal ? Outcome.Done : Outcome.Retry;
    }

    private void OnDataVolume(DataVolume? before, DataVolume? after)
    {
        var key = ObjectKey.Of((after ?? before)!);
        if (after?.Metadata.DeletionTimestamp is not null || after is null)
        {
            Interrupt(key);
        }
        else if (before is null || before.Metadata.Generation != after.Metadata.Generation)
        {
            // Not on changes of the status: they are our own, and would make every pause after a failure a short one.
            Enqueue(key);
        }

        // A clone waits until its source's DataVolume has succeeded.
        if (before?.Status?.Phase != after?.Status?.Phase)
        {
            OnSource((after ?? before)!, "PersistentVolumeClaim");
        }
    }

    private void OnClaim(PersistentVolumeClaim? before, PersistentVolumeClaim? after)
    {
        var claim = (after ?? before)!;
        if (after is null || (after.Metadata.DeletionTimestamp is not null && before?.Metadata.DeletionTimestamp is null))
        {
            Interrupt(ObjectKey.Of(claim));
        }
        else if (before is null || before.Status?.Phase != after.Status?.Phase || before.Metadata.Annotation(CdiNames.SelectedNode) != after.Metadata.Annotation(CdiNames.SelectedNode))
        {
            Enqueue(ObjectKey.Of(claim));
        }

        if (before is null || after is null || before.Status?.Phase != after.Status?.Phase)
        {
            OnSource(claim, "PersistentVolumeClaim");
        }
    }

    /// <summary>Looks again at what waits for a source; null for whatever waits.</summary>
    private void OnSource(KubernetesObject? source, string kind)
    {
        foreach (var dataVolume in _world.DataVolumes.Objects.Where(one => one.Status?.Phase is not ("Succeeded" or "Failed")))
        {
            if (source is null || _sources.Refers(dataVolume, kind, source.Metadata.Namespace!, source.Metadata.Name!))
            {
                Enqueue(ObjectKey.Of(dataVolume));
            }
        }
    }
}
