namespace GoldenImages;

/// <summary>
/// The names of our own labels and annotations. Libraries that know nobody write a few more with the same prefix:
/// <c>ContainerDisks.Annotations</c>.
/// </summary>
/// <remarks>
/// CDI copies labels from a volume to its DataSource when their prefix ends in <c>kubevirt.io</c>; ours does not, so a label
/// here stands only where we put it.
/// </remarks>
public static class Names
{
    /// <summary>What every name of ours starts with.</summary>
    public const string Prefix = "goldenimage.io/";

    /// <summary>What we put into <see cref="FieldNames.ManagedBy"/>.</summary>
    public const string Manager = "golden-image-tasks";

    /// <summary>
    /// Label of a volume: it is a version of this DataSource. The value is <see cref="LabelValue.Of"/> of the DataSource's
    /// name, which may be longer than a label; the whole name is the annotation of the same name.
    /// </summary>
    public const string DataSource = Prefix + "data-source";

    /// <summary>Annotation of a volume: what it was made from, a container disk's reference or <c>namespace/kind/name</c>.</summary>
    public const string Source = Prefix + "source";

    /// <summary>Annotation of a volume: the digest of what it was made from, <c>sha256:…</c>, or <c>uid:…</c> of a volume.</summary>
    public const string SourceDigest = Prefix + "source-digest";

    /// <summary>Annotation of a volume: the <see cref="GoldenImages.BuildKey"/> it was built with.</summary>
    public const string BuildKey = Prefix + "build-key";

    /// <summary>Annotation of a volume: <see cref="GoldenImages.BuildInputs"/> as text, to say which input of the key changed.</summary>
    public const string BuildInputs = Prefix + "build-inputs";

    /// <summary>Annotation of a volume: the PipelineRun that made it.</summary>
    public const string PipelineRun = Prefix + "pipeline-run";

    /// <summary>Annotation of a volume: the container disk that was pushed of it, with its digest.</summary>
    public const string Image = Prefix + "image";

    /// <summary>Annotation of a volume: <see cref="PublishingState"/> or <see cref="PublishedState"/>.</summary>
    public const string State = Prefix + "state";

    /// <summary>Value of <see cref="State"/>: it is being filled or checked, and no DataSource points to it yet.</summary>
    public const string PublishingState = "publishing";

    /// <summary>
    /// Value of <see cref="State"/>: it is complete, and may be rolled back to. A DataSource has pointed to it, or has gone past it to a
    /// newer one that was published at the same time; <see cref="PublishedAt"/> stands only on the former.
    /// </summary>
    public const string PublishedState = "published";

    /// <summary>
    /// Annotation of a DataSource: when it was last pointed to what it points to (<see cref="Timestamp"/>), by a publication or a rollback.
    /// Annotation of a version: when its DataSource was last pointed to it; the version's claim does not have it.
    /// </summary>
    public const string PublishedAt = Prefix + "published-at";

    /// <summary>Annotation of a DataSource: the volume that it pointed to before the current one.</summary>
    public const string Previous = Prefix + "previous";

    /// <summary>
    /// Annotation of a DataSource: the build keys that rollbacks turned away from since the last publication (<see cref="TurnedAway"/>).
    /// The next build with one of them is not made before the image is too old, or every nightly run would undo the rollback.
    /// </summary>
    public const string RolledBackKey = Prefix + "rolled-back-key";

    /// <summary>Annotation of a volume: the uid of the working volume that it was copied from.</summary>
    public const string WorkingVolume = Prefix + "working-volume";

    /// <summary>Annotation of a version and its DataSource: that working volume's <c>namespace/name</c>, to find the version again when the volume is gone.</summary>
    public const string WorkingVolumeName = Prefix + "working-volume-name";

    /// <summary>Annotation of a version and its DataSource: that working volume's <c>metadata.creationTimestamp</c>; of two that are published at once the newer one wins.</summary>
    public const string WorkingVolumeCreated = Prefix + "working-volume-created";

    /// <summary>Annotation of a version: when a publication or a rollback took hold of it last (<see cref="Timestamp"/>).</summary>
    public const string Touched = Prefix + "touched-at";

    /// <summary>Annotation of a DataSource: the versions that rollbacks turned away from since the last publication (<see cref="TurnedAway"/>).</summary>
    public const string RolledBackFrom = Prefix + "rolled-back-from";

    /// <summary>Annotation of a working volume: what was asked for when it was made, so that the same request finds it again.</summary>
    public const string CloneRequest = Prefix + "clone-request";
}
