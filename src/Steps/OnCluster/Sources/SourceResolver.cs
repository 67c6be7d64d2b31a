using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.OnCluster.Sources;

/// <summary>
/// Finds the claim or snapshot behind a source, by reading alone. A DataSource is taken by its <c>status.source</c>: there CDI
/// has followed pointers and looked whether the volume is there.
/// </summary>
internal sealed class SourceResolver(KubernetesClient client)
{
    /// <summary>Resolves and reads it.</summary>
    /// <exception cref="StepException">Exit code 3: it is not there, or not ready.</exception>
    /// <exception cref="KubernetesException">A request failed.</exception>
    public async Task<PinnedSource> ResolveAsync(SourceRequest request, CancellationToken cancellation)
    {
        switch (request.Kind)
        {
            case SourceRequest.PersistentVolumeClaim:
                return await ClaimAsync(request.Namespace, request.Name, null, cancellation);
            case SourceRequest.VolumeSnapshot:
                return await SnapshotAsync(request.Namespace, request.Name, null, cancellation);
            default:
                var named = await DataSourceAsync(request.Namespace, request.Name, cancellation);
                var (dataSource, source) = await FollowAsync(await ForArchitectureAsync(named, request, cancellation), cancellation);
                var volume = source.Pvc ?? source.Snapshot ?? new NamespacedName();
                var (place, name) = (volume.Namespace ?? request.Namespace, volume.Name ?? "");
                if (ObjectName.Mistake(name) is not null || ObjectName.NamespaceMistake(place) is not null)
                {
                    throw Missing(Subject(dataSource), "it is ready, and its status names no volume", "check the version of CDI (1.55 or later), or name the volume itself");
                }

                return source.Pvc is not null
                    ? await ClaimAsync(place, name, dataSource, cancellation)
                    : await SnapshotAsync(place, name, dataSource, cancellation);
        }
    }

    /// <summary>
    /// Where the cluster has several architectures, a DataSource <c>x</c> points to one of <c>x-amd64</c>, <c>x-arm64</c> ...;
    /// each carries its architecture as a label (SSP operator, "Multi-architecture").
    /// </summary>
    private async Task<DataSource> ForArchitectureAsync(DataSource named, SourceRequest request, CancellationToken cancellation)
    {
        if (request.Architecture is not { } wanted || named.Metadata.Label(FieldNames.Architecture) == wanted)
        {
            return named;
        }

        var chosen = named;
        if (named.Spec?.Source?.DataSource is not null)
        {
            var name = $"{request.Name}-{wanted}";
            chosen = await client.FindAsync(Kinds.DataSources, request.Namespace, name, cancellation)
                ?? throw Missing(Subject(named), $"it has no DataSource {name} for {wanted} beside it", "name another architecture, or none");
        }

        return chosen.Metadata.Label(FieldNames.Architecture) is { Length: > 0 } other && other != wanted
            ? throw Missing(Subject(chosen), $"it is for {other}, and {wanted} was asked for", "name another DataSource or architecture")
            : chosen;
    }

    private async Task<(DataSource DataSource, DataSourceSource Source)> FollowAsync(DataSource dataSource, CancellationToken cancellation)
    {
        var source = Ready(dataSource);
        if (source is not { Pvc: null, Snapshot: null, DataSource: { } pointer })
        {
            return (dataSource, source);
        }

        // CDI follows one pointer, in one namespace, and so do we.
        if (pointer.Namespace is { Length: > 0 } elsewhere && elsewhere != dataSource.Metadata.Namespace)
        {
            throw Missing(Subject(dataSource), $"it points to a DataSource of the namespace {elsewhere}, which CDI does not follow", "name that DataSource itself");
        }

        var target = await DataSourceAsync(dataSource.Metadata.Namespace!, pointer.Name ?? "", cancellation);
        source = Ready(target);
        return source.DataSource is null
            ? (target, source)
            : throw Missing(Subject(dataSource), $"it points to {pointer.Name}, which is a pointer too, and CDI follows one only", "name the last DataSource itself");
    }

    private static DataSourceSource Ready(DataSource dataSource)
    {
        var ready = Condition.Of(dataSource.Status?.Conditions, "Ready");
        if (ready is { IsTrue: true })
        {
            return dataSource.Status!.Source ?? new DataSourceSource();
        }

        var why = ready is null ? "CDI has not looked at it yet" : $"it is not ready ({ready.Reason}: {Short(ready.Message)})";
        return dataSource.Metadata.Label(FieldNames.DataImportCron) is { Length: > 0 } cron
            ? throw Missing(Subject(dataSource), why, $"look at DataImportCron {dataSource.Metadata.Namespace}/{cron}, which imports its volume")
            : throw Missing(Subject(dataSource), why, "wait until it is, or point it to a volume that is there");
    }

    private async Task<DataSource> DataSourceAsync(string inNamespace, string name, CancellationToken cancellation) =>
        await client.FindAsync(Kinds.DataSources, inNamespace, name, cancellation)
        ?? throw Missing($"DataSource {inNamespace}/{name}", "it is not there", "check source-name and source-namespace");

    private async Task<PinnedSource> ClaimAsync(string inNamespace, string name, DataSource? by, CancellationToken cancellation)
    {
        var claim = await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, name, cancellation)
            ?? throw Missing($"PersistentVolumeClaim {inNamespace}/{name}", "it is not there", By(by));
        return Alive(claim, "PersistentVolumeClaim", inNamespace) is { Status.Phase: "Lost" }
            ? throw Missing($"PersistentVolumeClaim {inNamespace}/{name}", "its volume is lost", "look at its PersistentVolume; another source is needed")
            : new PinnedSource(inNamespace, name, claim, null, by);
    }

    private async Task<PinnedSource> SnapshotAsync(string inNamespace, string name, DataSource? by, CancellationToken cancellation)
    {
        var snapshot = await client.FindAsync(Kinds.VolumeSnapshots, inNamespace, name, cancellation)
            ?? throw Missing($"VolumeSnapshot {inNamespace}/{name}", "it is not there", By(by));
        if (Alive(snapshot, "VolumeSnapshot", inNamespace).Status is not { ReadyToUse: true })
        {
            var error = snapshot.Status?.Error?.Message;
            throw Missing(
                $"VolumeSnapshot {inNamespace}/{name}", $"it is not ready to use{(error is null ? "" : $" ({Short(error)})")}", "wait until it is, or look at its events");
        }

        return new PinnedSource(inNamespace, name, null, snapshot, by);
    }

    private static T Alive<T>(T found, string kind, string inNamespace)
        where T : KubernetesObject =>
        found.Metadata.DeletionTimestamp is null
            ? found
            : throw Missing($"{kind} {inNamespace}/{found.Metadata.Name}", "it is being deleted", "name another source");

    private static string By(DataSource? dataSource) =>
        dataSource is null ? "check source-name and source-namespace" : $"{Subject(dataSource)} points to it: look at that, or run again in a moment";

    private static string Subject(DataSource dataSource) => $"DataSource {dataSource}";

    // Text of other controllers: one line, and not all of it.
    private static string Short(string? text) => text is { Length: > 300 } ? $"{text[..300]}..." : text ?? "";

    private static StepException Missing(string subject, string cause, string next) => new(ExitCode.Missing, subject, cause, next);
}
