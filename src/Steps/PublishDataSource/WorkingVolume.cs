using GoldenImages;
using Kubernetes.Models;

namespace Steps.PublishDataSource;

/// <summary>The volume that a version is copied from. Its uid and time decide the version's name, and which of two publications wins.</summary>
/// <param name="Place"><c>namespace/name</c>.</param>
/// <param name="Uid">Its <c>metadata.uid</c>.</param>
/// <param name="Created">Its <c>metadata.creationTimestamp</c>.</param>
internal sealed record WorkingVolume(string Place, string Uid, DateTimeOffset Created)
{
    /// <summary>The volume itself.</summary>
    public static WorkingVolume Of(PersistentVolumeClaim claim) =>
        new($"{claim.Metadata.Namespace}/{claim.Metadata.Name}", claim.Metadata.Uid ?? "", claim.Metadata.CreationTimestamp ?? default);

    /// <summary>What a version or a DataSource says of the volume that it came from; null when it says nothing.</summary>
    public static WorkingVolume? Of(ObjectMeta shown) =>
        shown.Annotation(Names.WorkingVolume) is { Length: > 0 } uid && Timestamp.Parse(shown.Annotation(Names.WorkingVolumeCreated)) is { } created
            ? new WorkingVolume(shown.Annotation(Names.WorkingVolumeName) ?? "", uid, created)
            : null;

    /// <summary>Whether it was made after another; uids decide within the same second, so that any two runs agree.</summary>
    public bool IsNewerThan(WorkingVolume other) =>
        Created != other.Created ? Created > other.Created : string.CompareOrdinal(Uid, other.Uid) > 0;

    /// <summary>As annotations.</summary>
    public IEnumerable<KeyValuePair<string, string>> Annotations() =>
    [
        KeyValuePair.Create(Names.WorkingVolume, Uid),
        KeyValuePair.Create(Names.WorkingVolumeName, Place),
        KeyValuePair.Create(Names.WorkingVolumeCreated, Timestamp.Format(Created)),
    ];
}
