using System.Diagnostics.CodeAnalysis;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace LocalCluster.Controllers;

/// <summary>What a cache knows, whatever its kind.</summary>
public interface IObjectCache
{
    /// <summary>Group and version.</summary>
    string ApiVersion { get; }

    /// <summary>The kind's name.</summary>
    string Kind { get; }

    /// <summary>Whether its objects are in namespaces.</summary>
    bool IsNamespaced { get; }

    /// <summary>Whether the server serves the kind; false too while that is not known.</summary>
    bool IsServed { get; }

    /// <summary>All objects; they are shared: read, never change them.</summary>
    IReadOnlyCollection<KubernetesObject> Objects { get; }

    /// <summary>Told of every change, before and after; null is "not there". Called in order, must be quick.</summary>
    Action<KubernetesObject?, KubernetesObject?> AnyChanged { get; set; }

    /// <summary>Asks the server itself whether the very object (its uid) is there.</summary>
    Task<bool> IsThereAsync(string? inNamespace, string name, string uid, CancellationToken cancellation);

    /// <summary>Deletes the very object.</summary>
    Task DeleteAsync(KubernetesObject item, CancellationToken cancellation);

    /// <summary>Takes finalizers and owners away, or adds them.</summary>
    Task ChangeMetadataAsync(KubernetesObject item, Func<ObjectMeta, bool> change, CancellationToken cancellation);
}

/// <summary>The objects of one kind as the last watch told them, shared by all controllers.</summary>
public sealed class ObjectCache<T>(KubernetesClient client, ResourceKind<T> kind, Func<string?, bool> inScope, Action<string> log) : IObjectCache
    where T : KubernetesObject
{
    private static readonly TimeSpan UnservedPause = TimeSpan.FromSeconds(2);
    private readonly Dictionary<ObjectKey, T> _objects = [];
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public Action<KubernetesObject?, KubernetesObject?> AnyChanged { get; set; } = static (_, _) => { };

    /// <summary>Told of every change, before and after; null is "not there". Called in order, must be quick.</summary>
    public Action<T?, T?> Changed { get; set; } = static (_, _) => { };

    /// <inheritdoc/>
    public string ApiVersion => kind.ApiVersion;

    /// <inheritdoc/>
    public string Kind => kind.Kind;

    /// <inheritdoc/>
    public bool IsNamespaced => kind.Namespaced;

    /// <inheritdoc/>
    public bool IsServed { get; private set; }

    /// <inheritdoc/>
    IReadOnlyCollection<KubernetesObject> IObjectCache.Objects => Objects;

    /// <summary>All objects; they are shared: read, never change them.</summary>
    public IReadOnlyCollection<T> Objects
    {
        get
        {
            lock (_objects)
            {
                return [.. _objects.Values];
            }
        }
    }

    /// <summary>Ends when everything that was there at the start is known.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Ends with the next change: take it, look, then wait for it.</summary>
    public Task NextChange => Volatile.Read(ref _next).Task;

    /// <summary>Waits until something holds that depends on this kind.</summary>
    public async Task WaitAsync(Func<bool> wanted, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        for (var next = NextChange; !wanted(); next = NextChange)
        {
            await next.WaitAsync(cancellation);
        }
    }

    /// <summary>One object; null where there is none.</summary>
    public T? Find(string? inNamespace, string name)
    {
        lock (_objects)
        {
            return _objects.GetValueOrDefault(new ObjectKey(inNamespace ?? "", name));
        }
    }

    /// <inheritdoc/>
    public async Task<bool> IsThereAsync(string? inNamespace, string name, string uid, CancellationToken cancellation) =>
        (await client.FindAsync(kind, kind.Namespaced ? inNamespace : null, name, cancellation))?.Metadata.Uid == uid;

    /// <inheritdoc/>
    public Task DeleteAsync(KubernetesObject item, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(item);
        return client.DeleteAsync(kind, item.Metadata.Namespace, item.Metadata.Name!, cancellation, new Preconditions { Uid = item.Metadata.Uid });
    }

    /// <inheritdoc/>
    public Task ChangeMetadataAsync(KubernetesObject item, Func<ObjectMeta, bool> change, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(change);
        return client.ChangeAsync(
            kind, item.Metadata.Namespace, item.Metadata.Name!, found => found.Metadata.Uid == item.Metadata.Uid && change(found.Metadata), cancellation);
    }

    /// <summary>Follows the server until cancelled, whatever happens to it.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "What the server does never ends a controller.")]
    internal async Task RunAsync(CancellationToken cancellation)
    {
        for (var last = ""; ;)
        {
            try
            {
                await FollowAsync(cancellation);
            }
            catch (KubernetesException fault)
            {
                // A kind that nobody installed has no objects; one that was served a moment ago keeps those that are known.
                if (fault.Kind == KubernetesFault.NotFound)
                {
                    IsServed = false;
                    _synced.TrySetResult();
                }

                if (fault.Message != last)
                {
                    log($"{fault.Message}; looking again");
                    last = fault.Message;
                }
            }

            await Task.Delay(UnservedPause, client.Time, cancellation);
        }
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        HashSet<ObjectKey>? seen = [];
        await foreach (var change in client.WatchAsync(kind, null, null, cancellation))
        {
            if (change.Object is { } item)
            {
                if (kind.Namespaced && !inScope(item.Metadata.Namespace))
                {
                    continue;
                }

                seen?.Add(ObjectKey.Of(item));
                Apply(ObjectKey.Of(item), change.Type == WatchEventType.Deleted ? null : item);
                continue;
            }

            // What an earlier watch knew and this list does not have went away in between.
            foreach (var gone in Objects.Select(ObjectKey.Of).Where(key => !seen!.Contains(key)))
            {
                Apply(gone, null);
            }

            seen = null;
            IsServed = true;
            _synced.TrySetResult();
        }
    }

    private void Apply(ObjectKey key, T? after)
    {
        T? before;
        lock (_objects)
        {
            before = _objects.GetValueOrDefault(key);
            if (after is null)
            {
                _objects.Remove(key);
            }
            else
            {
                _objects[key] = after;
            }
        }

        if (before?.Metadata.ResourceVersion == after?.Metadata.ResourceVersion)
        {
            return;
        }

        if (before is not null && after is not null && before.Metadata.Uid != after.Metadata.Uid)
        {
            Tell(before, null);
            before = null;
        }

        Tell(before, after);
        Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    [SuppressMessage("Design", "CA1031", Justification = "What one object looks like never ends the work on the others.")]
    private void Tell(T? before, T? after)
    {
        foreach (var tell in Delegate.EnumerateInvocationList(Changed))
        {
            Safely(() => tell(before, after));
        }

        foreach (var tell in Delegate.EnumerateInvocationList(AnyChanged))
        {
            Safely(() => tell(before, after));
        }

        void Safely(Action telling)
        {
            try
            {
                telling();
            }
            catch (Exception fault)
            {
                log($"{kind.Kind} {after ?? before}: {fault}");
            }
        }
    }
}

/// <summary>Names an object, or whatever else a controller works on.</summary>
/// <param name="Namespace">Its namespace; "" for none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is, where a controller works on several kinds of things.</param>
public readonly record struct ObjectKey(string Namespace, string Name, string Kind = "")
{
    /// <summary>An object's key.</summary>
    public static ObjectKey Of(KubernetesObject item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return new(item.Metadata.Namespace ?? "", item.Metadata.Name ?? "");
    }
}
