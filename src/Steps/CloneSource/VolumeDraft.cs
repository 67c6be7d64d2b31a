using GoldenImages;
using Kubernetes.Models;
using Steps.OnCluster.Sources;

namespace Steps.CloneSource;

/// <summary>The DataVolume that a request makes of a source: pure.</summary>
internal static class VolumeDraft
{
    /// <summary>The DataVolume.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="source">The pinned source; null for an address.</param>
    /// <param name="identity">What the content is.</param>
    internal static DataVolume Of(CloneRequest request, PinnedSource? source, SourceIdentity identity)
    {
        var annotations = new Dictionary<string, string>
        {
            // Nobody consumes the volume before it is done, so a class that waits for a consumer would wait for ever.
            [FieldNames.BindImmediate] = "true",
            [Names.CloneRequest] = request.Fingerprint,
            [Names.Source] = identity.Reference,
            [Names.SourceDigest] = identity.Digest,
        };
        if (request.OwnerName is { } owner)
        {
            annotations[Names.PipelineRun] = owner;
        }

        return new DataVolume
        {
            Metadata = new ObjectMeta
            {
                Name = request.TargetName,
                Namespace = request.TargetNamespace,
                Labels = new Dictionary<string, string>(source?.Hints.ToLabels() ?? new Dictionary<string, string>()) { [FieldNames.ManagedBy] = Names.Manager },
                Annotations = annotations,
                OwnerReferences = Owner(request),
            },
            Spec = new DataVolumeSpec { Source = Content(request, source), Storage = Storage(request, source) },
        };
    }

    private static List<OwnerReference>? Owner(CloneRequest request) => request is { OwnerName: { } name, OwnerUid: { } uid }
        ? [new OwnerReference { ApiVersion = "tekton.dev/v1", Kind = "PipelineRun", Name = name, Uid = uid }]
        : null;

    private static DataVolumeSource Content(CloneRequest request, PinnedSource? source)
    {
        if (source is not null)
        {
            var name = new NamespacedName { Namespace = source.Namespace, Name = source.Name };
            return source.Snapshot is not null ? new DataVolumeSource { Snapshot = name } : new DataVolumeSource { Pvc = name };
        }

        return request.Url!.StartsWith("http", StringComparison.Ordinal)
            ? new DataVolumeSource { Http = new HttpSource { Url = request.Url, SecretRef = request.UrlSecret, CertConfigMap = request.UrlAuthorities } }
            : new DataVolumeSource { Registry = new RegistrySource { Url = request.Url, SecretRef = request.UrlSecret, CertConfigMap = request.UrlAuthorities } };
    }

    /// <summary>
    /// By <c>storage</c>, which CDI completes from the storage profile. Without a size it takes the source's, with the filesystem's
    /// overhead. The mode is always said, or the profile's first choice would turn a Filesystem source into Block.
    /// </summary>
    private static PersistentVolumeClaimSpec Storage(CloneRequest request, PinnedSource? source) => new()
    {
        StorageClassName = request.StorageClass,
        VolumeMode = request.VolumeMode ?? ModeOf(source),
        AccessModes = request.AccessMode is { } mode ? [mode] : null,
        Resources = request.Size is { } size ? new ResourceRequirements { Requests = new() { ["storage"] = size } } : null,
    };

    /// <summary>core/v1: Filesystem is implied where a claim says nothing. A snapshot tells it only where CDI has made it.</summary>
    private static string? ModeOf(PinnedSource? source) =>
        source?.Claim is { } claim ? claim.Spec.VolumeMode ?? "Filesystem" : source?.Meta.Annotation(FieldNames.SourceVolumeMode);
}
