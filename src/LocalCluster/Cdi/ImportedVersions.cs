using System.Globalization;
using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Cdi;

/// <summary>What a DataImportCron leaves: its DataSource and its imports, the last few of them.</summary>
internal sealed class ImportedVersions(CdiWorld world)
{
    /// <summary>The labels of what a cron makes.</summary>
    internal static Dictionary<string, string> Labels(DataImportCron cron, Dictionary<string, string>? more)
    {
        var labels = new Dictionary<string, string>(more ?? [], StringComparer.Ordinal);
        foreach (var (name, value) in (cron.Metadata.Labels ?? []).Where(pair => DataSourceController.KubeVirtLabel().IsMatch(pair.Key)))
        {
            labels.TryAdd(name, value);
        }

        labels[FieldNames.DataImportCron] = cron.Metadata.Name!;
        if (cron.Spec.RetentionPolicy == "None")
        {
            labels[FieldNames.DataImportCronCleanup] = "true";
        }

        return labels;
    }

    /// <summary>Makes the managed DataSource, and points it at an import; false where it is another's.</summary>
    internal async Task<bool> EnsureDataSourceAsync(DataImportCron cron, string? import, CancellationToken cancellation)
    {
        var (space, name) = (cron.Metadata.Namespace!, cron.Spec.ManagedDataSource);
        if (world.DataSources.Find(space, name) is not { } found)
        {
            var made = new DataSource { Metadata = { Name = name, Namespace = space, Labels = Labels(cron, null) } };
            made.Spec.Source = import is null ? new() : new() { Pvc = new() { Namespace = space, Name = import } };
            try
            {
                await world.Client.CreateAsync(Kinds.DataSources, made, cancellation);
            }
            catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
            {
                // The cache was behind, or somebody else's: the next look tells.
            }

            return true;
        }

        var owner = found.Metadata.Label(FieldNames.DataImportCron);
        if (owner != cron.Metadata.Name)
        {
            if (owner is { Length: > 0 } && world.Crons.Find(space, owner) is not null)
            {
                await world.Events.RecordAsync(cron, true, "ErrDataSourceAlreadyManaged", $"DataSource {name} is already managed by DataImportCron {owner}", cancellation);
            }

            return false;
        }

        if (import is not null && (found.Spec.Source.Pvc?.Name != import || found.Spec.Source.Pvc.Namespace != space))
        {
            await world.Client.ChangeAsync(
                Kinds.DataSources, space, name,
                now =>
                {
                    now.Spec.Source = new() { Pvc = new() { Namespace = space, Name = import } };
                    return now.Metadata.Uid == found.Metadata.Uid;
                },
                cancellation);
        }

        return true;
    }

    /// <summary>Notes that an import is in use: it is among the last ones to go.</summary>
    internal async Task UseAsync(string inNamespace, string name, DataImportCron cron, CancellationToken cancellation)
    {
        // Noted once a digest, not at every look: else the note itself would be a change to look at.
        if (world.Claims.Find(inNamespace, name) is { } claim && (cron.Status?.LastImportedPVC?.Name != name || claim.Metadata.Annotation(CdiNames.LastUseTime) is null))
        {
            await world.Client.ChangeAsync(
                Kinds.PersistentVolumeClaims, inNamespace, name,
                now =>
                {
                    (now.Metadata.Annotations ??= [])[CdiNames.LastUseTime] = world.Client.Time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture);
                    return now.Metadata.Uid == claim.Metadata.Uid;
                },
                cancellation);
        }
    }

    /// <summary>Deletes all but the last few imports.</summary>
    internal async Task KeepAsync(DataImportCron cron, string current, int keep, CancellationToken cancellation)
    {
        var outdated = world.Claims.Objects
            .Where(claim => claim.Metadata.Namespace == cron.Metadata.Namespace && claim.Metadata.Label(FieldNames.DataImportCron) == cron.Metadata.Name
                && claim.Metadata.Name != current && claim.Metadata.DeletionTimestamp is null)
            .OrderByDescending(claim => claim.Metadata.Annotation(CdiNames.LastUseTime), StringComparer.Ordinal)
            .Skip(Math.Max(0, keep - 1));
        foreach (var claim in outdated)
        {
            await world.Client.DeleteAsync(Kinds.DataVolumes, claim.Metadata.Namespace, claim.Metadata.Name!, cancellation);
            await world.Client.DeleteAsync(Kinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, cancellation);
        }
    }

    /// <summary>Removes what goes with a cron that is gone (<c>retentionPolicy: None</c>).</summary>
    internal async Task CleanUpAsync(ObjectKey cron, CancellationToken cancellation)
    {
        foreach (var one in world.DataSources.Objects.Where(Goes))
        {
            await world.Client.DeleteAsync(Kinds.DataSources, cron.Namespace, one.Metadata.Name!, cancellation);
        }

        foreach (var one in world.DataVolumes.Objects.Where(Goes))
        {
            await world.Client.DeleteAsync(Kinds.DataVolumes, cron.Namespace, one.Metadata.Name!, cancellation);
        }

        bool Goes(KubernetesObject one) => one.Metadata.Namespace == cron.Namespace && one.Metadata.DeletionTimestamp is null
            && one.Metadata.Label(FieldNames.DataImportCron) == cron.Name && one.Metadata.Label(FieldNames.DataImportCronCleanup) is not null;
    }
}
