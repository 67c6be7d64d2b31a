using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Collection;

/// <summary>
/// Deletes what its owners left (Kubernetes docs, "Garbage Collection"): in the background, or before the owner itself where its deletion
/// was asked for as <c>Foreground</c>, or not at all (<c>Orphan</c>). An owner is gone only when the server says so, and an owner of a kind
/// that is not looked at here counts as being there.
/// </summary>
internal sealed class GarbageCollector : Controller
{
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";
    private readonly IReadOnlyList<IObjectCache> _caches;

    internal GarbageCollector(IReadOnlyList<IObjectCache> caches, TimeProvider time, TimeSpan firstPause, TimeSpan longestPause, Action<string> log)
        : base(time, firstPause, longestPause, log)
    {
        _caches = caches;
        foreach (var cache in caches)
        {
            cache.AnyChanged += (before, after) => OnChange(cache, before, after);
        }
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        // An owner may be of any kind.
        var cache = _caches.FirstOrDefault(one => one.Kind == key.Kind);
        if (cache?.Objects.FirstOrDefault(one => ObjectKey.Of(one) == key with { Kind = "" }) is not { } item)
        {
            return Outcome.Done;
        }

        if (item.Metadata.DeletionTimestamp is not null)
        {
            await FinalizeAsync(cache, item, cancellation);
        }
        else if (await HasLostOwnersAsync(item, cancellation))
        {
            Log($"{item.Kind ?? cache.Kind} {item}: its owner is gone");
            await cache.DeleteAsync(item, cancellation);
        }

        return Outcome.Done;
    }

    /// <summary>Whether there are owners, and all of them are gone.</summary>
    private async Task<bool> HasLostOwnersAsync(KubernetesObject item, CancellationToken cancellation)
    {
        foreach (var owner in item.Metadata.OwnerReferences ?? [])
        {
            var cache = _caches.FirstOrDefault(one => one.Kind == owner.Kind && one.ApiVersion == owner.ApiVersion);
            if (cache is not { IsServed: true } || cache.Objects.Any(one => one.Metadata.Uid == owner.Uid)
                || await cache.IsThereAsync(item.Metadata.Namespace, owner.Name, owner.Uid, cancellation))
            {
                return false;
            }
        }

        return item.Metadata.OwnerReferences is { Count: > 0 };
    }

    private async Task FinalizeAsync(IObjectCache cache, KubernetesObject item, CancellationToken cancellation)
    {
        var finalizer = item.Metadata.Finalizers?.FirstOrDefault(one => one is Foreground or Orphan);
        if (finalizer is null)
        {
            return;
        }

        var dependents = Dependents(item.Metadata.Uid!).ToList();
        foreach (var (itsCache, dependent) in dependents)
        {
            if (finalizer == Orphan)
            {
                await itsCache.ChangeMetadataAsync(dependent, meta => meta.OwnerReferences?.RemoveAll(owner => owner.Uid == item.Metadata.Uid) > 0, cancellation);
            }
            else if (dependent.Metadata.DeletionTimestamp is null)
            {
                await itsCache.DeleteAsync(dependent, cancellation);
            }
        }

        // In the foreground the owner goes last: each dependent's end leads here again.
        if (finalizer == Orphan || dependents.Count == 0)
        {
            await cache.ChangeMetadataAsync(item, meta => meta.Finalizers?.Remove(finalizer) == true, cancellation);
        }
    }

    private void OnChange(IObjectCache cache, KubernetesObject? before, KubernetesObject? after)
    {
        if (after is not null)
        {
            if (after.Metadata.OwnerReferences is { Count: > 0 } || after.Metadata.DeletionTimestamp is not null)
            {
                Enqueue(ObjectKey.Of(after) with { Kind = cache.Kind });
            }

            return;
        }

        foreach (var (itsCache, dependent) in Dependents(before!.Metadata.Uid!))
        {
            Enqueue(ObjectKey.Of(dependent) with { Kind = itsCache.Kind });
        }

        foreach (var owner in before.Metadata.OwnerReferences ?? [])
        {
            Enqueue(new ObjectKey(before.Metadata.Namespace ?? "", owner.Name, owner.Kind));
        }
    }

    private IEnumerable<(IObjectCache Cache, KubernetesObject Item)> Dependents(string uid) => _caches.SelectMany(
        cache => cache.Objects.Where(one => one.Metadata.OwnerReferences?.Any(owner => owner.Uid == uid) == true).Select(one => (cache, one)));
}
