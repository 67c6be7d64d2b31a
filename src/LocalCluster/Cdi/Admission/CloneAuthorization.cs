using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace LocalCluster.Cdi.Admission;

/// <summary>
/// Whether somebody may clone out of a namespace (CDI, authorize.go beside the API's types): <c>create datavolumes/source</c> there; for a claim
/// <c>create pods</c> does as well, for a snapshot that together with the claims.
/// </summary>
public static class CloneAuthorization
{
    /// <summary>
    /// Names what somebody was allowed to clone. Only the webhook writes it on a DataVolume (CDI's is a signed token), so that what a
    /// DataSource is pointed at later is not cloned in their name.
    /// </summary>
    internal static string Token(NamespacedName source, bool isSnapshot) => $"{(isSnapshot ? "snapshot" : "pvc")}/{source.Namespace}/{source.Name}";

    /// <summary>Asks the server, as its admission webhook does, for whoever sends the request; null is yes, a text is why not.</summary>
    /// <param name="client">The API, as somebody who may create SubjectAccessReviews.</param>
    /// <param name="user">Who asks: <c>system:serviceaccount:NAMESPACE:NAME</c>.</param>
    /// <param name="groups">Their groups.</param>
    /// <param name="target">The namespace of the DataVolume.</param>
    /// <param name="source">What is cloned.</param>
    /// <param name="isSnapshot">Whether that is a VolumeSnapshot.</param>
    /// <param name="cancellation">Stops.</param>
    public static async Task<string?> ReviewAsync(
        KubernetesClient client, string user, IReadOnlyList<string> groups, string target, NamespacedName source, bool isSnapshot, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(source);
        if (string.IsNullOrEmpty(source.Namespace) || source.Namespace == target)
        {
            return null;
        }

        var isAllowed = await MayAsync("cdi.kubevirt.io", "datavolumes", "source")
            || (await MayAsync("", "pods", null) && (!isSnapshot || await MayAsync("", "pvcs", null)));
        return isAllowed ? null : $"User {user} has insufficient permissions in clone source namespace {source.Namespace}";

        async Task<bool> MayAsync(string group, string resource, string? subresource)
        {
            var review = new SubjectAccessReview
            {
                Spec =
                {
                    User = user,
                    Groups = [.. groups],
                    ResourceAttributes = new() { Namespace = source.Namespace, Verb = "create", Group = group, Resource = resource, Subresource = subresource, Name = source.Name },
                },
            };
            return (await client.CreateAsync(Kinds.SubjectAccessReviews, review, cancellation)).Status?.Allowed == true;
        }
    }
}
