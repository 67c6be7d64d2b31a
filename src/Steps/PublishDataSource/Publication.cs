using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.PublishDataSource;

/// <summary>
/// Publishes a working volume as a new version of a DataSource (docs/adr/0007): copy, wait, flip, wait, prune. Every part can be
/// repeated, so a run that was killed anywhere is made good by the next one.
/// </summary>
internal sealed class Publication(Workshop at, PublishRequest request)
{
    private readonly FlippedDataSource _dataSource = new(at, request.DataSource, request.Namespace);

    /// <summary>Publishes; the outcome is told as soon as it is true, before old versions are pruned.</summary>
    public async Task<PublishOutcome> RunAsync(Action<PublishOutcome> tell, CancellationToken cancellation)
    {
        var source = await at.Client.FindAsync(Kinds.PersistentVolumeClaims, request.VolumeNamespace, request.VolumeName, cancellation);
        var shown = await _dataSource.FindAsync(cancellation);
        Pointer.ThrowUnlessOurs(shown, request.DataSource, request.Namespace, request.Force);
        var version = source is null
            ? await RemainingAsync(shown, cancellation)
            : await CopyAsync(source, shown, cancellation);
        var outcome = version is null ? Outcome(shown!) : await PublishAsync(version, shown, cancellation);
        tell(outcome);
        if (version is not null)
        {
            await new Pruning(at, request).RunAsync(cancellation);
        }

        return outcome;
    }

    private static PublishOutcome Outcome(DataSource shown) => new(Pointer.Target(shown), shown.Metadata.Annotation(Names.Previous) ?? "");

    /// <summary>The complete copy; null where the DataSource has gone ahead before anything was copied.</summary>
    private async Task<VersionVolume?> CopyAsync(PersistentVolumeClaim source, DataSource? shown, CancellationToken cancellation)
    {
        var subject = Kinds.PersistentVolumeClaims.Describe(request.VolumeNamespace, request.VolumeName);
        if (source.Metadata.DeletionTimestamp is not null)
        {
            throw new StepException(ExitCode.Missing, subject, "it is being deleted", "build it again");
        }

        if (!source.IsBound)
        {
            throw new StepException(ExitCode.Missing, subject, $"it is {source.Status?.Phase ?? "new"}, not Bound", "wait until its content is complete");
        }

        var copy = new NewVersion(at, request, source);
        if (shown is not null && !Pointer.IsAt(shown, copy.Name) && await WhyAheadAsync(shown, copy.Name, WorkingVolume.Of(source), cancellation) is { } why
            && await at.Client.FindAsync(Kinds.DataVolumes, request.Namespace, copy.Name, cancellation) is null)
        {
            at.Warn($"{_dataSource.Subject}: {why}; {subject} is not published");
            return null;
        }

        return await copy.MakeAsync(cancellation);
    }

    /// <summary>The version that an earlier run made of a working volume that is gone now.</summary>
    private async Task<VersionVolume> RemainingAsync(DataSource? shown, CancellationToken cancellation)
    {
        var place = $"{request.VolumeNamespace}/{request.VolumeName}";
        var selector = Versions.Selector(request.DataSource);
        var volumes = await at.Client.ListAsync(Kinds.DataVolumes, request.Namespace, cancellation, selector);
        var claims = await at.Client.ListAsync(Kinds.PersistentVolumeClaims, request.Namespace, cancellation, selector);
        var own = Versions.Among(request.DataSource, volumes.Items, claims.Items)
            .Where(version => version.Metadata.Annotation(Names.WorkingVolumeName) == place)
            // A name may have had more than one volume: the one that is shown, else the last.
            .OrderByDescending(version => Pointer.IsAt(shown, version.Name))
            .ThenByDescending(version => WorkingVolume.Of(version.Metadata)?.Created)
            .FirstOrDefault();
        var complete = own is not null && Versions.WhyIncomplete(own.DataVolume, own.Claim) is null;
        if (!complete)
        {
            throw new StepException(
                ExitCode.Missing, Kinds.PersistentVolumeClaims.Describe(request.VolumeNamespace, request.VolumeName),
                own is null ? "it is not there, and no version was made of it" : $"it is not there, and {own.Name}, which was begun of it, is not complete",
                "check --volume-name and --volume-namespace, or build again");
        }

        at.Info($"{place} is gone, but {own!.Name} was made of it");
        return own;
    }

    private async Task<PublishOutcome> PublishAsync(VersionVolume version, DataSource? shown, CancellationToken cancellation)
    {
        var before = version.State;
        var previous = "";
        var flip = await _dataSource.RunAsync(
            shown,
            version,
            async found =>
            {
                Pointer.ThrowUnlessOurs(found, request.DataSource, request.Namespace, request.Force);
                return before == VersionState.Published && !request.Force
                    ? $"{version.Name} was published before, and it points to {Pointer.Target(found)} since (--rollback={version.Name} goes back)"
                    : await WhyAheadAsync(found, version.Name, WorkingVolume.Of(version.Metadata), cancellation);
            },
            found =>
            {
                previous = Pointer.Target(found);
                return
                [
                    KeyValuePair.Create(Names.Previous, (string?)previous),
                    KeyValuePair.Create(Names.PublishedAt, (string?)Timestamp.Format(at.Time.GetUtcNow())),
                    KeyValuePair.Create(Names.RolledBackFrom, (string?)null),
                    KeyValuePair.Create(Names.RolledBackKey, (string?)null),
                ];
            },
            cancellation);
        version = flip.Version;
        if (flip.Stays is { } why)
        {
            at.Warn($"{_dataSource.Subject}: {why}; {version.Name} stays beside it");
            await MarkAsync(version, wasPointedTo: false, cancellation);
            return Outcome(flip.Shown);
        }

        at.Info($"{_dataSource.Subject} points to {version.Name}{(Outcome(flip.Shown).Previous is { Length: > 0 } old ? $", no longer to {old}" : "")}");
        var (isThere, last) = await _dataSource.WaitAsync(flip.Shown, version.Name, cancellation);
        if (!isThere)
        {
            at.Warn($"{_dataSource.Subject}: somebody has pointed it to {Pointer.Target(last)} meanwhile; {version.Name} stays beside it");
        }

        await MarkAsync(version, wasPointedTo: true, cancellation);
        return Outcome(last);
    }

    private async Task MarkAsync(VersionVolume version, bool wasPointedTo, CancellationToken cancellation)
    {
        if (version.State == VersionState.Published)
        {
            return;
        }

        try
        {
            await version.MarkPublishedAsync(at, wasPointedTo, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.NotFound)
        {
            // Only what the DataSource does not point to is pruned by another run; else somebody took the image away by hand.
            if (Pointer.IsAt(await _dataSource.FindAsync(cancellation), version.Name))
            {
                throw new StepException(ExitCode.Missing, version.Subject, "it was deleted while it was published", "run this again, or roll back with --rollback=previous");
            }
        }
    }

    /// <summary>Why the DataSource has gone past a version that was not published yet; null when it has not.</summary>
    private async Task<string?> WhyAheadAsync(DataSource found, string version, WorkingVolume? own, CancellationToken cancellation)
    {
        if (request.Force)
        {
            return null;
        }

        if (TurnedAway.Has(found.Metadata.Annotation(Names.RolledBackFrom), version))
        {
            return $"it was rolled back from {version} to {Pointer.Target(found)} (--rollback={version} goes back)";
        }

        if (own is null || WorkingVolume.Of(found.Metadata) is not { } current || !current.IsNewerThan(own))
        {
            return null;
        }

        // A pointer to nothing is no reason to keep a good image back.
        var target = Pointer.Target(found);
        return await IsThereAsync(target, cancellation) ? $"it points to {target}, which is newer, made of {current.Place}" : null;
    }

    private async Task<bool> IsThereAsync(string target, CancellationToken cancellation)
    {
        if (await at.Client.FindAsync(Kinds.PersistentVolumeClaims, request.Namespace, target, cancellation) is not { Metadata.DeletionTimestamp: null } claim)
        {
            return false;
        }

        return !Versions.GoesWithItsDataVolume(claim)
            || await at.Client.FindAsync(Kinds.DataVolumes, request.Namespace, target, cancellation) is { Metadata.DeletionTimestamp: null };
    }
}
