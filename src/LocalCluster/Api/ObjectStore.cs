using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>An object as it is stored; never changed.</summary>
/// <param name="Resource">Its kind.</param>
/// <param name="Namespace">Its namespace; "" where it is in none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Item">The object.</param>
/// <param name="Bytes">The object as JSON.</param>
/// <param name="Version">Its resourceVersion.</param>
internal sealed record Stored(ApiResource Resource, string Namespace, string Name, JsonObject Item, byte[] Bytes, long Version)
{
    internal string? Uid => Item.Text("metadata", "uid");

    internal bool IsDeleting => Item.At("metadata", "deletionTimestamp") is not null;
}

/// <summary>A change.</summary>
/// <param name="Before">What was there; null for a new object.</param>
/// <param name="After">What is there; of a deleted object its last state, with the deletion's version.</param>
/// <param name="Deleted">Whether it is gone.</param>
internal sealed record Change(Stored? Before, Stored After, bool Deleted);

/// <summary>All objects, in memory and in a <see cref="Journal"/>, with one version that counts all changes, and the last changes for watches.</summary>
internal sealed class ObjectStore : IDisposable
{
    private const int MostHistoryBytes = 32 << 20;
    private const int MostWaiting = 10_000;
    private const int MostSnapshots = 64;
    private const long LeastGrowth = 16 << 20;
    private static readonly ImmutableSortedDictionary<string, Stored> Nothing = ImmutableSortedDictionary.Create<string, Stored>(StringComparer.Ordinal);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ImmutableSortedDictionary<string, Stored>> _objects = new(StringComparer.Ordinal);
    private readonly Queue<Change> _history = [];
    private readonly Dictionary<(string, long), ImmutableSortedDictionary<string, Stored>> _snapshots = [];
    private readonly Queue<(string, long)> _snapshotOrder = [];
    private readonly HashSet<Watcher> _watchers = [];
    private readonly Journal _journal;
    private readonly int _mostHistory;
    private readonly Action<string> _log;
    private long _version;
    private long _oldest;
    private long _historyBytes;
    private long _compacted;

    /// <summary>Reads what is there.</summary>
    /// <exception cref="IOException">The journal is damaged.</exception>
    internal ObjectStore(string path, int history, Action<string> log)
    {
        (_mostHistory, _log) = (history, log);
        _journal = new Journal(path);
        try
        {
            var resources = ApiResources.All.Where(one => one.Stored).ToDictionary(one => one.QualifiedName, StringComparer.Ordinal);
            foreach (var entry in _journal.Read())
            {
                _version = Math.Max(_version, entry.Number("v") ?? 0);
                if (entry.Text("r") is not { } name || entry["o"] is not JsonObject item)
                {
                    continue;
                }

                if (!resources.TryGetValue(name, out var resource))
                {
                    log($"{path}: an object of {name} is left out: this version does not have that kind");
                    continue;
                }

                entry.Remove("o");
                var stored = Store(resource, item, entry.Number("v") ?? 0);
                var all = _objects.GetValueOrDefault(resource.QualifiedName, Nothing);
                _objects[resource.QualifiedName] = entry.Flag("d") ? all.Remove(Key(stored.Namespace, stored.Name)) : all.SetItem(Key(stored.Namespace, stored.Name), stored);
            }

            _version = Math.Max(_version, 1);
            _oldest = _version;
            Compact();
        }
        catch
        {
            _journal.Dispose();
            throw;
        }
    }

    internal long Version
    {
        get
        {
            lock (_lock)
            {
                return _version;
            }
        }
    }

    internal Stored? Find(ApiResource resource, string inNamespace, string name)
    {
        lock (_lock)
        {
            return _objects.GetValueOrDefault(resource.QualifiedName, Nothing).GetValueOrDefault(Key(inNamespace, name));
        }
    }

    /// <summary>Everything of a kind at one moment, in the order of pages; with a version that of then, null where that is forgotten.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="at">A version that <see cref="Keep"/> was asked for.</param>
    internal (ImmutableSortedDictionary<string, Stored> Items, long Version)? Snapshot(ApiResource resource, long? at = null)
    {
        lock (_lock)
        {
            return at is null || at == _version ? (_objects.GetValueOrDefault(resource.QualifiedName, Nothing), _version)
                : _snapshots.TryGetValue((resource.QualifiedName, at.Value), out var kept) ? (kept, at.Value)
                : null;
        }
    }

    /// <summary>Keeps a moment for the pages of a list that follow; so many moments at most, then the oldest is forgotten.</summary>
    internal void Keep(ApiResource resource, long version, ImmutableSortedDictionary<string, Stored> items)
    {
        lock (_lock)
        {
            if (_snapshots.TryAdd((resource.QualifiedName, version), items))
            {
                _snapshotOrder.Enqueue((resource.QualifiedName, version));
                if (_snapshotOrder.Count > MostSnapshots)
                {
                    _snapshots.Remove(_snapshotOrder.Dequeue());
                }
            }
        }
    }

    /// <summary>Writes an object in place of what was there; null when something else is there by now.</summary>
    /// <param name="resource">Its kind.</param>
    /// <param name="inNamespace">Its namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="expected">What was there; null for nothing.</param>
    /// <param name="next">What shall be there; null for nothing. It is the store's from now on.</param>
    /// <param name="check">Asked while nobody else writes; refuses by throwing.</param>
    internal Stored? Commit(ApiResource resource, string inNamespace, string name, Stored? expected, JsonObject? next, Action? check = null)
    {
        lock (_lock)
        {
            var all = _objects.GetValueOrDefault(resource.QualifiedName, Nothing);
            var key = Key(inNamespace, name);
            if (!ReferenceEquals(all.GetValueOrDefault(key), expected))
            {
                return null;
            }

            check?.Invoke();
            var version = _version + 1;
            var item = next ?? expected!.Item.Copy();
            item.Child("metadata")["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture);
            var stored = Store(resource, item, version);
            _journal.Append(version, resource.QualifiedName, stored.Bytes, next is null);
            _version = version;
            _objects[resource.QualifiedName] = next is null ? all.Remove(key) : all.SetItem(key, stored);
            Tell(new Change(expected, stored, next is null));
            if (_journal.Length > (2 * _compacted) + LeastGrowth)
            {
                TryCompact();
            }

            return stored;
        }
    }

    /// <summary>Follows changes.</summary>
    /// <param name="resource">Of this kind.</param>
    /// <param name="inNamespace">In this namespace; "" for all.</param>
    /// <param name="after">After this version; null for what is there, then what changes.</param>
    /// <returns>Who follows, what is there, and the version at which.</returns>
    /// <exception cref="ApiException">So far back nobody remembers (410), or it is yet to come (504).</exception>
    internal (Watcher Watcher, IReadOnlyList<Stored> Initial, long Version) Watch(ApiResource resource, string inNamespace, long? after)
    {
        lock (_lock)
        {
            if (after < _oldest)
            {
                throw ApiException.Expired($"too old resource version: {after} ({_oldest})");
            }

            if (after > _version)
            {
                throw new ApiException(504, "Timeout", $"Too large resource version: {after}, current: {_version}", new JsonObject { ["retryAfterSeconds"] = 1 });
            }

            var watcher = new Watcher(this, resource, inNamespace);
            foreach (var change in after is null ? [] : _history.Where(change => change.After.Version > after && watcher.Wants(change)))
            {
                watcher.Give(change);
            }

            _watchers.Add(watcher);
            IReadOnlyList<Stored> initial = after is not null ? []
                : [.. _objects.GetValueOrDefault(resource.QualifiedName, Nothing).Values.Where(one => inNamespace.Length == 0 || one.Namespace == inNamespace)];
            return (watcher, initial, _version);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _journal.Dispose();
        }
    }

    internal static string Key(string inNamespace, string name) => $"{inNamespace}\0{name}";

    private static Stored Store(ApiResource resource, JsonObject item, long version)
    {
        var bytes = Json.Bytes(item);
        return new Stored(resource, resource.Namespaced ? item.Text("metadata", "namespace") ?? "" : "", item.Text("metadata", "name") ?? "", Json.Parse(bytes), bytes, version);
    }

    private void Tell(Change change)
    {
        _history.Enqueue(change);
        _historyBytes += change.After.Bytes.Length;
        while (_history.Count > _mostHistory || _historyBytes > MostHistoryBytes)
        {
            var gone = _history.Dequeue();
            _historyBytes -= gone.After.Bytes.Length;
            _oldest = gone.After.Version;
        }

        foreach (var watcher in _watchers.Where(one => one.Wants(change)))
        {
            watcher.Give(change);
        }
    }

    private void TryCompact()
    {
        try
        {
            Compact();
        }
        catch (IOException fault)
        {
            // The write itself is done; again when as much has come to it.
            _log($"the journal is not compacted: {fault.Message}");
            _compacted = _journal.Length;
        }
    }

    private void Compact()
    {
        _journal.Compact(_version, _objects.Values.SelectMany(all => all.Values));
        _compacted = _journal.Length;
    }

    /// <summary>One who follows changes. Who lags too far behind is cut off, and asks again.</summary>
    internal sealed class Watcher(ObjectStore store, ApiResource resource, string inNamespace) : IDisposable
    {
        private readonly Channel<Change> _changes = Channel.CreateUnbounded<Change>();

        internal ChannelReader<Change> Changes => _changes.Reader;

        internal bool Wants(Change change) => ReferenceEquals(change.After.Resource, resource) && (inNamespace.Length == 0 || change.After.Namespace == inNamespace);

        internal void Give(Change change)
        {
            if (_changes.Reader.Count >= MostWaiting + store._mostHistory || !_changes.Writer.TryWrite(change))
            {
                _changes.Writer.TryComplete();
            }
        }

        public void Dispose()
        {
            lock (store._lock)
            {
                store._watchers.Remove(this);
            }
        }
    }
}
