using GoldenImages;
using Kubernetes;
using Kubernetes.Models;

namespace Steps.PublishDataSource;

/// <summary>
/// Deletes old versions. The DataSources are read after the versions were listed, and a version is deleted only as it was listed: one
/// that somebody takes hold of in between, to publish it or to roll back to it, has another resourceVersion then.
/// </summary>
internal sealed class Pruning(Workshop at, PublishRequest request)
{
    /// <summary>Deletes what need not stay.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var volumes = await at.Client.ListAsync(Kinds.DataVolumes, request.Namespace, cancellation);
        var claims = await at.Client.ListAsync(Kinds.PersistentVolumeClaims, request.Namespace, cancellation);
        var versions = Versions.Among(request.DataSource, volumes.Items, claims.Items);
        var now = at.Time.GetUtcNow();
        if (!Retention.Judge(versions.Select(version => Versions.Judged(version, null, now)), request.Keep, now).Any(verdict => verdict.Delete))
        {
            return;
        }

        var pods = await at.Client.ListAsync(Kinds.Pods, request.Namespace, cancellation);
        var clones = await at.Client.ListAsync(Kinds.VolumeCloneSources, request.Namespace, cancellation);
        var use = new VolumeUse(request.Namespace, pods.Items, clones.Items, volumes.Items, claims.Items);
        var pointers = (await at.Client.ListAsync(Kinds.DataSources, request.Namespace, cancellation)).Items;
        if (pointers.FirstOrDefault(pointer => pointer.Metadata.Name == request.DataSource) is not { } shown)
        {
            return;
        }

        var judged = versions.Select(version => Versions.Judged(version, shown, now, Pointed(version, pointers) ?? use.Of(version)));
        foreach (var verdict in Retention.Judge(judged, request.Keep, now))
        {
            if (verdict.Delete)
            {
                await DeleteAsync(versions.First(version => version.Name == verdict.Version.Name), verdict.Reason, cancellation);
            }
            else if (verdict.Version is { InUse: not null, IsCurrent: false })
            {
                at.Info($"{verdict.Version.Name} stays: {verdict.Reason}");
            }
        }
    }

    /// <summary>Whether machines are made of it by a DataSource, whoever set that up; what CDI still shows of one that has moved on counts, too.</summary>
    private static string? Pointed(VersionVolume version, IReadOnlyList<DataSource> pointers) =>
        pointers.FirstOrDefault(pointer => Pointer.IsAt(pointer, version.Name) || Pointer.Shows(pointer, version.Name)) is { } pointer
            ? $"DataSource {pointer.Metadata.Name} points to it"
            : null;

    private async Task DeleteAsync(VersionVolume version, string reason, CancellationToken cancellation)
    {
        var asListed = new Preconditions { Uid = version.Metadata.Uid, ResourceVersion = version.Metadata.ResourceVersion };
        try
        {
            // The claim goes with its DataVolume, by owner.
            var deleted = version.DataVolume is not null
                ? await at.Client.DeleteAsync(Kinds.DataVolumes, request.Namespace, version.Name, cancellation, asListed)
                : await at.Client.DeleteAsync(Kinds.PersistentVolumeClaims, request.Namespace, version.Name, cancellation, asListed);
            if (deleted)
            {
                at.Info($"deleted {version.Subject}: {reason}");
            }
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Conflict)
        {
            at.Info($"{version.Subject} stays: somebody has changed it since it was looked at");
        }
    }
}
