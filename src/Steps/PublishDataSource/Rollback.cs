using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.PublishDataSource;

/// <summary>Points a DataSource back to a version that was published before. Nothing is copied, and nothing is pruned.</summary>
internal sealed class Rollback(Workshop at, PublishRequest request, string wanted)
{
    private readonly FlippedDataSource _dataSource = new(at, request.DataSource, request.Namespace);

    /// <summary>Rolls back; run again, it finds that it is done.</summary>
    public async Task<PublishOutcome> RunAsync(CancellationToken cancellation)
    {
        var shown = await _dataSource.FindAsync(cancellation)
            ?? throw new StepException(ExitCode.Missing, _dataSource.Subject, "it is not there", "check --data-source and --target-namespace");
        Pointer.ThrowUnlessOurs(shown, request.DataSource, request.Namespace, request.Force);
        var selector = Versions.Selector(request.DataSource);
        var volumes = await at.Client.ListAsync(Kinds.DataVolumes, request.Namespace, cancellation, selector);
        var claims = await at.Client.ListAsync(Kinds.PersistentVolumeClaims, request.Namespace, cancellation, selector);
        var versions = Versions.Among(request.DataSource, volumes.Items, claims.Items);
        var target = Choose(shown, versions);
        var last = Pointer.IsAt(shown, target.Name) ? shown : await FlipAsync(shown, target, versions, cancellation);
        var (isThere, after) = await _dataSource.WaitAsync(last, target.Name, cancellation);
        if (!isThere)
        {
            throw new StepException(
                ExitCode.Transient, _dataSource.Subject, $"somebody has pointed it to {Pointer.Target(after)} right after it was rolled back to {target.Name}", "look whether that is wanted, else run this again");
        }

        if (target.State != VersionState.Published || last != shown)
        {
            await target.MarkPublishedAsync(at, wasPointedTo: true, cancellation);
        }

        return new PublishOutcome(target.Name, after.Metadata.Annotation(Names.Previous) ?? "");
    }

    private VersionVolume Choose(DataSource shown, IReadOnlyList<VersionVolume> versions)
    {
        var now = at.Time.GetUtcNow();
        var current = Pointer.Target(shown);
        var judged = versions.Select(version => Choosable(version, shown, now)).ToList();
        var name = wanted;
        if (wanted == RollbackTarget.Previous)
        {
            var from = shown.Metadata.Annotation(Names.RolledBackFrom);
            if (from is { Length: > 0 } && judged.Exists(version => version.IsCurrent))
            {
                // Run again, it must not go back twice.
                at.Info($"{_dataSource.Subject} was rolled back from {from} to {current} already; --rollback=NAME goes further");
                name = current;
            }
            else if (judged.Exists(version => version.Name == shown.Metadata.Annotation(Names.Previous) && version is { State: VersionState.Published, Incomplete: null, IsCurrent: false }))
            {
                name = shown.Metadata.Annotation(Names.Previous)!;
            }
        }

        var found = RollbackTarget.Find(judged, name);
        return found.Version is { } chosen
            ? versions.First(version => version.Name == chosen.Name)
            : throw new StepException(ExitCode.Missing, $"{_dataSource.Subject}, --rollback={wanted}", found.Refusal!);
    }

    /// <summary>One that was published, and that a rollback that died took hold of, was published all the same.</summary>
    private static ImageVersion Choosable(VersionVolume version, DataSource shown, DateTimeOffset now)
    {
        var judged = Versions.Judged(version, shown, now);
        return judged.State == VersionState.Publishing && Versions.WasPublished(version, shown) ? judged with { State = VersionState.Published } : judged;
    }

    /// <summary>The key of what it points to: the volume's, or its own where the volume is gone.</summary>
    private static string? KeyOf(DataSource? shown, IReadOnlyList<VersionVolume> versions) =>
        (versions.FirstOrDefault(version => version.Name == Pointer.Target(shown))?.Metadata ?? shown?.Metadata)?.Annotation(Names.BuildKey);

    private async Task<DataSource> FlipAsync(DataSource shown, VersionVolume target, IReadOnlyList<VersionVolume> versions, CancellationToken cancellation)
    {
        var wasPublished = target.State == VersionState.Published;
        var before = Pointer.Target(shown);
        var flip = await _dataSource.RunAsync(
            shown,
            target,
            found =>
            {
                Pointer.ThrowUnlessOurs(found, request.DataSource, request.Namespace, request.Force);
                return Task.FromResult(Pointer.Target(found) == before ? null : $"somebody has pointed it from {before} to {Pointer.Target(found)} meanwhile");
            },
            found =>
            [
                KeyValuePair.Create(Names.Previous, (string?)Pointer.Target(found)),
                KeyValuePair.Create(Names.PublishedAt, (string?)Timestamp.Format(at.Time.GetUtcNow())),
                KeyValuePair.Create(Names.RolledBackFrom, (string?)TurnedAway.Add(
                    TurnedAway.Without(found?.Metadata.Annotation(Names.RolledBackFrom), target.Name), Pointer.Target(found))),
                KeyValuePair.Create(Names.RolledBackKey, (string?)TurnedAway.Add(found?.Metadata.Annotation(Names.RolledBackKey), KeyOf(found, versions))),
            ],
            cancellation);
        if (flip.Stays is not { } why)
        {
            at.Info($"{_dataSource.Subject} points to {target.Name} again, no longer to {before}");
            return flip.Shown;
        }

        if (wasPublished && flip.Version.State != VersionState.Published)
        {
            await flip.Version.MarkPublishedAsync(at, wasPointedTo: false, cancellation);
        }

        throw new StepException(ExitCode.Transient, _dataSource.Subject, why, "look whether it still is to be rolled back, then run this again");
    }
}
