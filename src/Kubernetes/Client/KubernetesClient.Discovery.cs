using System.Net.Http.Headers;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <content>What the cluster serves.</content>
public sealed partial class KubernetesClient
{
    private const int MostOfDiscovery = 16 << 20;
    private static readonly TimeSpan ExplanationLimit = TimeSpan.FromSeconds(5);

    /// <summary>The versions of a group that the cluster serves, the preferred one first; none where it has no such group.</summary>
    /// <param name="group">The group: <c>cdi.kubevirt.io</c>.</param>
    /// <param name="cancellation">Stops.</param>
    public Task<IReadOnlyList<string>> VersionsAsync(string group, CancellationToken cancellation) => _discovery.VersionsAsync(group, cancellation);

    /// <summary>Whether the cluster serves a kind: one request, none for one that was there before.</summary>
    public Task<bool> ServesAsync<T>(ResourceKind<T> kind, CancellationToken cancellation)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        return _discovery.ServesAsync(kind.Group, kind.Version, kind.Plural, cancellation);
    }

    private async Task<DiscoveryAnswer?> DiscoverAsync(string path, string accept, CancellationToken cancellation)
    {
        try
        {
            using var answer = await _transport.SendAsync(
                () =>
                {
                    var request = Request(HttpMethod.Get, path, null, null);
                    foreach (var type in accept.Split(','))
                    {
                        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(type));
                    }

                    return request;
                },
                "API discovery",
                MostOfDiscovery,
                Trust.None,
                cancellation);
            return Bodies.Parse(answer.GetBuffer().AsSpan(0, (int)answer.Length), DiscoveryJson.Default.DiscoveryAnswer, "API discovery");
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.NotFound)
        {
            return null;
        }
    }

    /// <summary>Says what is missing where a kind is unknown to the server: the whole group, the version, or the kind.</summary>
    private async Task<KubernetesException> ExplainAsync<T>(ResourceKind<T> kind, string subject, KubernetesException fault, CancellationToken cancellation)
        where T : KubernetesObject
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ExplanationLimit);
        try
        {
            var versions = await VersionsAsync(kind.Group, limit.Token);
            var owner = Owner(kind.Group);
            var (cause, next) = versions switch
            {
                [] => ($"this cluster has no {kind.Group}", $"install {owner}"),
                _ when !versions.Contains(kind.Version) => ($"this cluster serves {kind.Group} as {string.Join(", ", versions)}, not as {kind.Version}", $"update {owner}"),
                _ => ($"this cluster serves {kind.ApiVersion} without {kind.Plural}", $"check the version of {owner}"),
            };
            return new KubernetesException(KubernetesFault.NotFound, subject, Refusals.Printable(cause), next, fault) { Status = fault.Status, KindUnknown = true };
        }
        catch (Exception other) when (other is KubernetesException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            return fault;
        }
    }

    private static string Owner(string group) => group switch
    {
        "cdi.kubevirt.io" => "CDI (containerized-data-importer), which comes with KubeVirt or HyperConverged",
        "snapshot.storage.k8s.io" => "the snapshot controller and its definitions (external-snapshotter)",
        _ when group.EndsWith("kubevirt.io", StringComparison.Ordinal) => "KubeVirt",
        _ => "what serves it",
    };
}
