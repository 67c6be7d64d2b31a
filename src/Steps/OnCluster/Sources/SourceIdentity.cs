using System.Text.RegularExpressions;
using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.OnCluster.Sources;

/// <summary>What a source's content is, so that the same content is known again.</summary>
/// <param name="Digest"><c>sha256:…</c> of the image that was imported, or <c>uid:…</c> of the volume, of which there is one only.</param>
/// <param name="Reference">The image, or <c>namespace/kind/name</c> of the volume.</param>
/// <param name="Platform">Which image of an index was imported; null where that is not known.</param>
internal sealed partial record SourceIdentity(string Digest, string Reference, string? Platform)
{
    /// <summary>How many characters they have at most: they become results, which share 2 KiB with others.</summary>
    internal const int LongestReference = 255, LongestDigest = 135;

    private const int LongestUid = 64;

    /// <summary>The digest for a build key: an index has one digest for all its architectures.</summary>
    internal string KeyDigest => Platform is null ? Digest : $"{Digest} {Platform}";

    /// <summary>
    /// The digest is what the volume's own DataVolume says that it imported, else the volume's uid: the same volume always has the same
    /// identity. A DataImportCron tells only the reference, where its imports become snapshots, which outlive their DataVolume: its status
    /// moves on to the next import while the DataSource still shows this one. What may not be read is done without.
    /// </summary>
    internal static async Task<SourceIdentity> OfAsync(PinnedSource source, KubernetesClient client, Action<string> log, CancellationToken cancellation)
    {
        var volume = source.Meta;
        if (volume.OwnerReferences?.Find(owner => owner is { Kind: "DataVolume", Controller: true }) is { } owner
            && await ReadAsync(Kinds.DataVolumes, source.Namespace, owner.Name, client, log, cancellation) is { } import
            && import.Metadata.Uid == owner.Uid
            && Of(import, source) is { } imported)
        {
            return imported;
        }

        if (volume.Uid is not { Length: > 0 and <= LongestUid } uid)
        {
            throw new StepException(ExitCode.Integrity, source.ToString(), "the API server names no uid of it", "check what answers at the server's address");
        }

        var cron = volume.Label(FieldNames.DataImportCron) is { Length: > 0 } name ? await ReadAsync(Kinds.DataImportCrons, source.Namespace, name, client, log, cancellation) : null;
        return new($"uid:{uid}", ReferenceOf(cron is null ? null : ImageOf(cron, source), source), null);
    }

    private static SourceIdentity? Of(DataVolume import, PinnedSource source)
    {
        if (import.Spec?.Source?.Registry is { Url: { } url } registry && url.LastIndexOf('@') is > 0 and var at && IsDigest(url[(at + 1)..]))
        {
            return new(url[(at + 1)..], ReferenceOf(url, source), Given(registry.Platform?.Architecture));
        }

        return import.Spec?.Source?.Http?.Checksum is { } checksum && IsDigest(checksum) ? new(checksum, ReferenceOf(null, source), null) : null;
    }

    /// <summary>The image that a cron's volume was made of, while the cron still tells it.</summary>
    private static string? ImageOf(DataImportCron cron, PinnedSource source)
    {
        // An import's name ends in the first digits of its digest; so the digest that is wanted now can be told to be this volume's.
        var digest = cron.Status?.CurrentImports?.Find(import => import?.DataVolumeName == source.Name)?.Digest;
        if (digest is null && cron.Metadata.Annotation(FieldNames.SourceDesiredDigest) is { } wanted && IsDigest(wanted)
            && source.Name.EndsWith($"-{wanted[(wanted.IndexOf(':', StringComparison.Ordinal) + 1)..][..12]}", StringComparison.Ordinal))
        {
            digest = wanted;
        }

        return digest?.StartsWith("sha", StringComparison.Ordinal) == true && IsDigest(digest) && cron.Spec?.Template?.Spec?.Source?.Registry?.Url is { } named
            ? $"{WithoutTag(named)}@{digest}"
            : null;
    }

    private static string ReferenceOf(string? url, PinnedSource source)
    {
        var image = url is null ? "" : url[(url.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? scheme + 3 : 0)..];
        // It goes into labels, annotations and other programs' parameters: nothing but an image's name may.
        return image.Length is > 0 and <= LongestReference && ImagePattern().IsMatch(image) ? image : Cut($"{source.Namespace}/{source.Kind}/{source.Name}");
    }

    private static string Cut(string place) => place.Length <= LongestReference ? place : place[..LongestReference];

    private static string WithoutTag(string url)
    {
        var digest = url.IndexOf('@', StringComparison.Ordinal);
        url = digest < 0 ? url : url[..digest];
        var colon = url.LastIndexOf(':');
        return colon > url.LastIndexOf('/') ? url[..colon] : url;
    }

    private static async Task<T?> ReadAsync<T>(
        ResourceKind<T> kind, string inNamespace, string name, KubernetesClient client, Action<string> log, CancellationToken cancellation)
        where T : KubernetesObject
    {
        try
        {
            return await client.FindAsync(kind, inNamespace, name, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Denied or KubernetesFault.NotFound)
        {
            log($"{fault.Subject} cannot be read ({fault.Cause}), so a source whose image only that tells is called by its own name, or known by its uid");
            return null;
        }
    }

    private static string? Given(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static bool IsDigest(string text) => DigestPattern().IsMatch(text);

    // "uid:" is what CDI itself calls the digest of a claim that a cron imports.
    [GeneratedRegex(@"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|uid:[0-9a-f-]{36})\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DigestPattern();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._:@/+\[\]-]*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ImagePattern();
}
