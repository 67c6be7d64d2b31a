using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace Steps.PlanBuild;

/// <summary>What is published under a DataSource's name now.</summary>
/// <param name="Current">The volume that it points to; null when it is not there or points to nothing.</param>
/// <param name="RolledBackKey">The build keys that rollbacks turned away from (<see cref="TurnedAway"/>).</param>
/// <param name="OwnedBy">The DataImportCron that manages the DataSource, if one does.</param>
internal sealed record PublishedImage(CurrentVersion? Current, string? RolledBackKey, string? OwnedBy)
{
    /// <summary>Reads it: two requests.</summary>
    /// <exception cref="KubernetesException">A request failed; that something is not there is none of these.</exception>
    public static async Task<PublishedImage> ReadAsync(KubernetesClient client, string inNamespace, string name, CancellationToken cancellation)
    {
        if (await client.FindAsync(Kinds.DataSources, inNamespace, name, cancellation) is not { } dataSource)
        {
            return new(null, null, null);
        }

        return new(
            await CurrentAsync(client, dataSource, inNamespace, cancellation),
            dataSource.Metadata.Annotation(Names.RolledBackKey),
            dataSource.Metadata.Label(FieldNames.DataImportCron));
    }

    private static async Task<CurrentVersion?> CurrentAsync(KubernetesClient client, DataSource dataSource, string inNamespace, CancellationToken cancellation)
    {
        var source = dataSource.Spec?.Source ?? new DataSourceSource();
        var named = source.Pvc ?? source.Snapshot ?? source.DataSource;
        if (named?.Name is not { Length: > 0 } name)
        {
            return null;
        }

        // No schema forbids it, and it would become a result.
        if (ObjectName.Mistake(name) is not null)
        {
            return CurrentVersion.Of("", "its name is none of an object", null, null);
        }

        // Ours stand beside their DataSource.
        if (source.DataSource == named || (named.Namespace is { Length: > 0 } elsewhere && elsewhere != inNamespace))
        {
            return CurrentVersion.Of(name, null, null, null);
        }

        if (source.Snapshot == named)
        {
            var snapshot = await client.FindAsync(Kinds.VolumeSnapshots, inNamespace, name, cancellation);
            return Version(dataSource, name, snapshot, Unusable(snapshot, dataSource) ?? (snapshot!.Status is { ReadyToUse: true } ? null : "the snapshot is not ready to use"));
        }

        var claim = await client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, name, cancellation);
        return Version(dataSource, name, claim, Unusable(claim, dataSource) ?? (claim!.IsBound ? null : $"the claim is {claim.Status?.Phase ?? "not bound"}"));
    }

    private static string? Unusable(KubernetesObject? volume, DataSource dataSource) => volume switch
    {
        null => "it is not there",
        { Metadata.DeletionTimestamp: not null } => "it is being deleted",
        _ => Condition.Of(dataSource.Status?.Conditions, "Ready") switch
        {
            { IsTrue: true } => null,
            null => "CDI has not looked at its DataSource yet",
            var ready => $"its DataSource is not ready ({ready.Reason})",
        },
    };

    /// <summary>When it was published stands on the DataSource: every flip writes it there, a rollback's, too, of which a claim knows nothing.</summary>
    private static CurrentVersion Version(DataSource dataSource, string name, KubernetesObject? volume, string? unusable) => CurrentVersion.Of(
        name, unusable, volume?.Metadata.Annotations, volume?.Metadata.CreationTimestamp, dataSource.Metadata.Annotation(Names.PublishedAt));
}
