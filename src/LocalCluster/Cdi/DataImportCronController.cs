using System.Globalization;
using System.Text.Json;
using ContainerDisks;
using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Cdi.Populate;
using LocalCluster.Controllers;
using Registry;

namespace LocalCluster.Cdi;

/// <summary>
/// Asks a registry for an image's digest, imports a new one, and shows the newest import behind a DataSource
/// (CDI, pkg/controller/dataimportcron-controller.go).
/// </summary>
internal sealed class DataImportCronController : Controller
{
    private const int DigestLetters = 12;
    private const int KeepUnlessSaid = 3;
    private readonly CdiWorld _world;
    private readonly ImportedVersions _versions;

    internal DataImportCronController(CdiWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        _versions = new ImportedVersions(world);
        world.Crons.Changed += (before, after) => Enqueue(ObjectKey.Of((after ?? before)!));
        world.DataVolumes.Changed += (before, after) => OnManaged((after ?? before)!);
        world.Claims.Changed += (before, after) => OnManaged((after ?? before)!);
        world.DataSources.Changed += (before, after) => OnManaged((after ?? before)!);
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_world.Crons.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } cron)
        {
            await _versions.CleanUpAsync(key, cancellation);
            return Outcome.Done;
        }

        if (!await _versions.EnsureDataSourceAsync(cron, null, cancellation))
        {
            return Outcome.Done;
        }

        DateTimeOffset? next;
        try
        {
            (cron, next) = await PollAsync(cron, cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested && cron.Metadata.Annotation(FieldNames.SourceDesiredDigest) is not null)
        {
            // What is known goes on without the registry.
            await ImportAsync(cron, cancellation);
            throw;
        }

        await ImportAsync(cron, cancellation);
        return next is { } time ? Outcome.After(time - Time.GetUtcNow()) : Outcome.Done;
    }

    /// <summary>Asks for the digest when it is time; gives the time of the next question, null for never.</summary>
    private async Task<(DataImportCron Cron, DateTimeOffset? Next)> PollAsync(DataImportCron cron, CancellationToken cancellation)
    {
        var schedule = CronSchedule.Parse(cron.Spec.Schedule);
        if (cron.Spec.Schedule.Length == 0 || (schedule is null && _world.Options.PollInterval is null))
        {
            // Who sets the annotation by hand polls himself.
            return (cron, null);
        }

        var now = Time.GetUtcNow();
        var last = DateTimeOffset.TryParse(cron.Metadata.Annotation(CdiNames.LastCronTime), CultureInfo.InvariantCulture, out var asked) ? asked : (DateTimeOffset?)null;
        if (last is { } before && After(before) is var due && !(due <= now))
        {
            return (cron, due);
        }

        string? digest;
        try
        {
            digest = await DigestAsync(cron, cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested && cron.Metadata.Annotation(FieldNames.SourceDesiredDigest) is null)
        {
            await ShowAsync(cron, null, new("False", "NoImport", "No current import"), new("False", "NoDigest", "No source digest"), cancellation);
            throw;
        }

        var next = After(now);
        cron = await _world.Client.ChangeAsync(
            Kinds.DataImportCrons, cron.Metadata.Namespace, cron.Metadata.Name!,
            found =>
            {
                var annotations = found.Metadata.Annotations ??= [];
                annotations[CdiNames.LastCronTime] = now.ToString("O", CultureInfo.InvariantCulture);
                annotations[CdiNames.NextCronTime] = next?.ToString("O", CultureInfo.InvariantCulture) ?? "";
                if (digest is not null)
                {
                    annotations[FieldNames.SourceDesiredDigest] = digest;
                }

                (found.Status ??= new()).LastExecutionTimestamp = now;
                return found.Metadata.Uid == cron.Metadata.Uid;
            },
            cancellation);
        return (cron, next);

        DateTimeOffset? After(DateTimeOffset time) => _world.Options.PollInterval is { } interval ? time + interval : schedule!.Next(time);
    }

    private async Task<string?> DigestAsync(DataImportCron cron, CancellationToken cancellation)
    {
        if (cron.Spec.Template.Spec.Source?.Pvc is { } pvc)
        {
            return _world.Claims.Find(pvc.Namespace, pvc.Name ?? "")?.Metadata.Uid is { } uid ? $"uid:{uid}" : null;
        }

        var source = cron.Spec.Template.Spec.Source?.Registry ?? throw new UriFormatException($"DataImportCron {cron}: its template has no registry source");
        await using var door = await RegistryDoor.OpenAsync(_world, cron.Metadata.Namespace!, source, cancellation);
        return (await door.Client.GetManifestAsync(door.Image.Pointer, cancellation)).Digest.ToString();
    }

    private async Task ImportAsync(DataImportCron cron, CancellationToken cancellation)
    {
        if (cron.Metadata.Annotation(FieldNames.SourceDesiredDigest) is not { Length: > 0 } digest)
        {
            await ShowAsync(cron, null, new("False", "NoImport", "No current import"), new("False", "NoDigest", "No source digest"), cancellation);
            return;
        }

        var space = cron.Metadata.Namespace!;
        var hex = new string([.. digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..].Where(char.IsAsciiLetterOrDigit).Take(DigestLetters)]);
        var import = new ImportStatus { DataVolumeName = $"{cron.Spec.ManagedDataSource}-{hex}", Digest = digest };
        var dataVolume = _world.DataVolumes.Find(space, import.DataVolumeName);
        if (dataVolume is null && _world.Claims.Find(space, import.DataVolumeName) is null)
        {
            await DiscardFailedAsync(cron, import, cancellation);
            await ShowAsync(cron, import, new("True", "ImportScheduled", "Import is scheduled"), new("False", "Outdated", "Source digest updated since last import"), cancellation);
            await CreateAsync(cron, import, cancellation);
            return;
        }

        if (dataVolume is not null && dataVolume.Status?.Phase != "Succeeded")
        {
            var begun = dataVolume.Status?.Phase is not (null or "" or "Pending" or "ImportScheduled" or "CloneScheduled");
            var value = new ConditionValue("False", begun ? "ImportProgressing" : "ImportScheduled", begun ? "Import is progressing" : "Import is scheduled");
            await ShowAsync(cron, import, value with { Status = "True" }, value, cancellation);
            return;
        }

        await _versions.UseAsync(space, import.DataVolumeName, cron, cancellation);
        await _versions.EnsureDataSourceAsync(cron, import.DataVolumeName, cancellation);
        await ShowAsync(cron, import, new("False", "NoImport", "No current import"), new("True", "UpToDate", "Latest import is up to date"), cancellation);
        if (cron.Spec.GarbageCollect != "Never")
        {
            await _versions.KeepAsync(cron, import.DataVolumeName, cron.Spec.ImportsToKeep ?? KeepUnlessSaid, cancellation);
        }
    }

    /// <summary>An import that can't succeed goes when there is a newer one to try.</summary>
    private async Task DiscardFailedAsync(DataImportCron cron, ImportStatus import, CancellationToken cancellation)
    {
        foreach (var old in cron.Status?.CurrentImports ?? [])
        {
            if (old.DataVolumeName != import.DataVolumeName && _world.DataVolumes.Find(cron.Metadata.Namespace, old.DataVolumeName) is { } failed
                && Condition.Of(failed.Status?.Conditions, "Running") is { Status: "False", Reason: "Error" or "ImagePullFailed" })
            {
                await _world.Client.DeleteAsync(Kinds.DataVolumes, failed.Metadata.Namespace, failed.Metadata.Name!, cancellation);
            }
        }
    }

    private async Task CreateAsync(DataImportCron cron, ImportStatus import, CancellationToken cancellation)
    {
        // A copy: the template is the cron's.
        var made = JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(cron.Spec.Template, Kinds.DataVolumes.Json), Kinds.DataVolumes.Json)!;
        var template = made.Metadata;
        made.Metadata = new()
        {
            Name = import.DataVolumeName,
            Namespace = cron.Metadata.Namespace,
            Labels = ImportedVersions.Labels(cron, template.Labels),
            Annotations = new(template.Annotations ?? [], StringComparer.Ordinal) { [FieldNames.BindImmediate] = "true" },
        };
        if (made.Spec.Source?.Registry is { } registry)
        {
            registry.Url = $"{RegistryDoor.Scheme}{RegistryDoor.ParseUrl(registry.Url).Name}@{import.Digest}";
        }

        try
        {
            await _world.Client.CreateAsync(Kinds.DataVolumes, made, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            // The cache was behind.
        }
    }

    private async Task ShowAsync(DataImportCron cron, ImportStatus? import, ConditionValue progressing, ConditionValue upToDate, CancellationToken cancellation) =>
        await _world.Client.ChangeAsync(
            Kinds.DataImportCrons, cron.Metadata.Namespace, cron.Metadata.Name!,
            found =>
            {
                var status = found.Status ??= new();
                var now = Time.GetUtcNow();
                var (first, differs) = Conditions.With(Condition.Of(status.Conditions, "Progressing"), "Progressing", progressing, now);
                var (second, also) = Conditions.With(Condition.Of(status.Conditions, "UpToDate"), "UpToDate", upToDate, now);
                var moved = import is not null && status.CurrentImports?.FirstOrDefault()?.Digest != import.Digest;
                status.Conditions = [first, second];
                status.SourceFormat = "pvc";
                status.CurrentImports = import is null ? status.CurrentImports : [import];
                var imported = upToDate.Status == "True" && status.LastImportedPVC?.Name != import?.DataVolumeName;
                if (imported)
                {
                    status.LastImportedPVC = new() { Namespace = cron.Metadata.Namespace, Name = import!.DataVolumeName };
                    status.LastImportTimestamp = now;
                }

                return found.Metadata.Uid == cron.Metadata.Uid && (differs || also || moved || imported);
            },
            cancellation);

    private void OnManaged(KubernetesObject managed)
    {
        if (managed.Metadata.Label(FieldNames.DataImportCron) is { } cron)
        {
            Enqueue(new ObjectKey(managed.Metadata.Namespace!, cron));
        }
    }
}
