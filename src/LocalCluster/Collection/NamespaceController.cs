using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Collection;

/// <summary>
/// Empties namespaces that are deleted, then lets them go (Kubernetes, namespace controller): of the kinds that are known here. Where the
/// server's own finalizer does not hold a namespace until then, one of ours does.
/// </summary>
internal sealed class NamespaceController : Controller
{
    private const string Finalizer = "kubernetes";
    private const string OurFinalizer = "local-cluster.goldenimage.io/content";
    private readonly KubernetesClient _client;
    private readonly IReadOnlyList<IObjectCache> _caches;

    internal NamespaceController(
        KubernetesClient client, ObjectCache<Namespace> namespaces, IReadOnlyList<IObjectCache> caches, Func<string?, bool> inScope,
        TimeSpan firstPause, TimeSpan longestPause, Action<string> log)
        : base(client.Time, firstPause, longestPause, log)
    {
        (_client, _caches) = (client, caches);
        namespaces.Changed += (before, after) =>
        {
            var name = (after ?? before)!.Metadata.Name!;
            if (inScope(name) && after is not null)
            {
                Enqueue(new ObjectKey("", name));
            }
        };
        foreach (var cache in caches)
        {
            cache.AnyChanged += (before, after) =>
            {
                if (after is null && before!.Metadata.Namespace is { } space && namespaces.Find(null, space)?.Metadata.DeletionTimestamp is not null)
                {
                    Enqueue(new ObjectKey("", space));
                }
            };
        }
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (await _client.FindAsync(Kinds.Namespaces, null, key.Name, cancellation) is not { } found)
        {
            return Outcome.Done;
        }

        if (found.Metadata.DeletionTimestamp is null)
        {
            if (found.Spec?.Finalizers?.Contains(Finalizer) != true && found.Metadata.Finalizers?.Contains(OurFinalizer) != true)
            {
                (found.Metadata.Finalizers ??= []).Add(OurFinalizer);
                await _client.ReplaceAsync(Kinds.Namespaces, found, cancellation);
            }

            return Outcome.Done;
        }

        var isEmpty = true;
        foreach (var (cache, item) in _caches.SelectMany(cache => cache.Objects.Select(item => (cache, item))).Where(one => one.item.Metadata.Namespace == key.Name))
        {
            isEmpty = false;
            if (item.Metadata.DeletionTimestamp is null)
            {
                await cache.DeleteAsync(item, cancellation);
            }
        }

        if (!isEmpty)
        {
            // The last one's end leads here again.
            return Outcome.Done;
        }

        foreach (var one in (await _client.ListAsync(Kinds.Events, key.Name, cancellation)).Items)
        {
            await _client.DeleteAsync(Kinds.Events, key.Name, one.Metadata.Name!, cancellation);
        }

        if (found.Metadata.Finalizers?.Remove(OurFinalizer) == true)
        {
            await _client.ReplaceAsync(Kinds.Namespaces, found, cancellation);
        }
        else if (found.Spec?.Finalizers?.Remove(Finalizer) == true)
        {
            await _client.ReplaceAsync(Kinds.Namespaces, found, cancellation, "finalize");
        }

        return Outcome.Done;
    }
}
