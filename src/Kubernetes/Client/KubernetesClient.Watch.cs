using System.Runtime.CompilerServices;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>What a watch tells.</summary>
public enum WatchEventType
{
    /// <summary>The object is there.</summary>
    Added,

    /// <summary>The object changed.</summary>
    Modified,

    /// <summary>The object is gone; what comes with it is its last known state.</summary>
    Deleted,

    /// <summary>Everything that was there at the start has been told; comes once, without an object.</summary>
    Synced,
}

/// <summary>One change.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Object">To what; null with <see cref="WatchEventType.Synced"/> only.</param>
public readonly record struct WatchEvent<T>(WatchEventType Type, T? Object)
    where T : KubernetesObject;

/// <summary>What is watched.</summary>
public sealed record WatchScope
{
    /// <summary>A label selector.</summary>
    public string? Labels { get; init; }

    /// <summary>A field selector.</summary>
    public string? Fields { get; init; }

    /// <summary>
    /// Where to begin, as an object or a list that the caller has told; the changes after it come. Without it, everything that is there
    /// comes first, as <see cref="WatchEventType.Added"/>, then <see cref="WatchEventType.Synced"/>.
    /// </summary>
    public string? After { get; init; }

    /// <summary>Only this object.</summary>
    public static WatchScope One(string name, string? after = null) => new() { Fields = $"metadata.name={name}", After = after };
}

/// <content>Watches (Kubernetes API concepts, "Efficient detection of changes").</content>
public sealed partial class KubernetesClient
{
    /// <summary>
    /// Follows objects for ever. Connections that end, break or fall silent are opened again where they were; when that version is gone (410),
    /// everything is listed anew, and what changed or vanished meanwhile is told as if it had been seen.
    /// </summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace; null for all.</param>
    /// <param name="scope">What is watched; everything without it.</param>
    /// <param name="cancellation">Stops.</param>
    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceKind<T> kind, string? inNamespace, WatchScope? scope, CancellationToken cancellation)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        return WatchAsync(kind, inNamespace, scope ?? new WatchScope(), null, cancellation);
    }

    /// <summary>Follows objects for ever.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="scope">What is watched.</param>
    /// <param name="before">The one object that the caller knows already: if it vanishes unseen, that is told.</param>
    /// <param name="cancellation">Stops.</param>
    internal async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ResourceKind<T> kind, string? inNamespace, WatchScope scope, T? before, [EnumeratorCancellation] CancellationToken cancellation)
        where T : KubernetesObject
    {
        var known = new Dictionary<string, T>(StringComparer.Ordinal);
        if (before is not null)
        {
            known[Key(before)] = before;
        }

        var version = scope.After;
        var synced = version is not null;
        var pace = new WatchPace(_options);
        // Who knows an object or a version has them from a server that served the kind.
        var trust = before is not null || version is not null ? Trust.Kind : TrustIn(kind);
        while (true)
        {
            if (string.IsNullOrEmpty(version))
            {
                var list = await ListAsync(kind, inNamespace, cancellation, scope.Labels, scope.Fields);
                foreach (var change in Differences(known, list.Items))
                {
                    yield return change;
                }

                version = list.Metadata.ResourceVersion;
                trust = trust == Trust.None ? Trust.Kind : trust;
                if (string.IsNullOrEmpty(version))
                {
                    throw new KubernetesException(KubernetesFault.Protocol, kind.Describe(inNamespace, null), "the list has no version to watch from", "check that the address is an API server's");
                }

                if (!synced)
                {
                    synced = true;
                    yield return new WatchEvent<T>(WatchEventType.Synced, null);
                }
            }

            await using (var stream = await WatchStream<T>.OpenAsync(_transport, _options, _access, kind, inNamespace, scope, version, pace.Silence, trust, cancellation))
            {
                trust = Trust.Request;
                pace.Opened(version);
                while (await stream.NextAsync(cancellation) is { } change)
                {
                    if (change.Object is { } changed)
                    {
                        if (change.Type == WatchEventType.Deleted)
                        {
                            known.Remove(Key(changed));
                        }
                        else
                        {
                            known[Key(changed)] = changed;
                        }
                    }

                    yield return change;
                }

                version = stream.Version;
                pace.Closed(stream.End, version, stream.Fault);
            }

            await pace.PauseAsync(cancellation);
        }
    }

    /// <summary>Waits until an object is as wanted; sees the change as soon as the server tells it.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The object.</param>
    /// <param name="wanted">Whether it is as wanted; null is an object that is not there. May throw.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="known">The object as the caller has just got it from the server: saves a request.</param>
    /// <returns>The object as it was then.</returns>
    public async Task<T?> WaitAsync<T>(
        ResourceKind<T> kind, string? inNamespace, string name, Func<T?, bool> wanted, CancellationToken cancellation, T? known = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(wanted);
        if (known is not null && wanted(known))
        {
            return known;
        }

        T? last = null;
        await foreach (var change in WatchAsync(kind, inNamespace, WatchScope.One(name, known?.Metadata.ResourceVersion), known, cancellation))
        {
            last = change.Type switch
            {
                WatchEventType.Deleted => null,
                WatchEventType.Synced => last,
                _ => change.Object,
            };

            // Of a list, absence is known only at its end.
            if ((last is not null || change.Type is WatchEventType.Synced or WatchEventType.Deleted) && wanted(last))
            {
                return last;
            }
        }

        throw new OperationCanceledException(cancellation);
    }

    private static string Key(KubernetesObject item) => $"{item.Metadata.Namespace}/{item.Metadata.Name}";

    /// <summary>What a new list tells to somebody who knew an older one.</summary>
    private static List<WatchEvent<T>> Differences<T>(Dictionary<string, T> known, List<T> now)
        where T : KubernetesObject
    {
        var changes = new List<WatchEvent<T>>();
        var there = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var item in now)
        {
            there[Key(item)] = item;
        }

        foreach (var (key, before) in known.ToList())
        {
            // Another uid is another object: the old one was deleted.
            if (!there.TryGetValue(key, out var after) || after.Metadata.Uid != before.Metadata.Uid)
            {
                changes.Add(new WatchEvent<T>(WatchEventType.Deleted, before));
                known.Remove(key);
            }
        }

        foreach (var (key, after) in there)
        {
            if (!known.TryGetValue(key, out var before))
            {
                changes.Add(new WatchEvent<T>(WatchEventType.Added, after));
            }
            else if (before.Metadata.ResourceVersion != after.Metadata.ResourceVersion)
            {
                changes.Add(new WatchEvent<T>(WatchEventType.Modified, after));
            }

            known[key] = after;
        }

        return changes;
    }
}
