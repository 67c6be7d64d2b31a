using GoldenImages;
using Kubernetes.Models;

namespace Steps.PublishDataSource;

/// <summary>Who reads or writes the volumes of a namespace. CDI's clones into other namespaces show here, too: as VolumeCloneSource and temporary claims.</summary>
internal sealed class VolumeUse(
    string inNamespace, IReadOnlyList<Pod> pods, IReadOnlyList<VolumeCloneSource> clones, IReadOnlyList<DataVolume> volumes, IReadOnlyList<PersistentVolumeClaim> claims)
{
    /// <summary>Who uses a version; null when nobody does.</summary>
    public string? Of(VersionVolume version)
    {
        var name = version.Name;
        if (pods.FirstOrDefault(pod => !pod.IsFinished && Names(pod, name)) is { } pod)
        {
            return $"Pod {pod.Metadata.Name} uses it";
        }

        if (clones.FirstOrDefault(clone => IsClaim(clone.Spec.Source, name)) is { } clone)
        {
            return $"VolumeCloneSource {clone.Metadata.Name} clones it";
        }

        if (volumes.FirstOrDefault(volume => volume.Status?.Phase != "Succeeded" && IsClonedFrom(volume, name)) is { } reader)
        {
            return $"DataVolume {reader.Metadata.Name} clones it";
        }

        return claims.FirstOrDefault(claim => IsFilledFrom(claim, name) || IsTemporaryOf(claim, version)) is { } temporary
            ? $"PersistentVolumeClaim {temporary.Metadata.Name} is being made of it"
            : null;
    }

    private static bool Names(Pod pod, string claim) => pod.Spec.Volumes?.Any(volume => volume.PersistentVolumeClaim?.ClaimName == claim) == true;

    private static bool IsClaim(TypedObjectReference source, string name) => source.Kind == "PersistentVolumeClaim" && source.Name == name;

    private static bool IsFilledFrom(PersistentVolumeClaim claim, string name) =>
        !claim.IsBound && (claim.Spec.DataSourceRef ?? claim.Spec.DataSource) is { } source && IsClaim(source, name);

    private static bool IsTemporaryOf(PersistentVolumeClaim claim, VersionVolume version) =>
        claim.Metadata.Label(FieldNames.OwnedByUid) is { Length: > 0 } uid && uid == version.Claim?.Metadata.Uid;

    private bool IsClonedFrom(DataVolume volume, string name) =>
        volume.Spec.Source?.Pvc is { } source && source.Name == name && (string.IsNullOrEmpty(source.Namespace) || source.Namespace == inNamespace);
}
