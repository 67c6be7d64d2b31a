using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>Answers get, list and watch (Kubernetes API concepts, "Efficient detection of changes", "Resource versions").</summary>
internal sealed class ObjectReader(ObjectStore store, TimeProvider time)
{
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromSeconds(50);
    private static readonly TimeSpan LongestWatch = TimeSpan.FromHours(1);

    internal Stored Find(ApiRequest request) =>
        store.Find(request.Resource, request.Namespace, request.Name!) ?? throw ApiException.NotFound(request.Resource, request.Name!);

    internal Task GetAsync(ApiRequest request) => AnswerAsync(request, 200, Find(request));

    /// <summary>Answers with an object, or a table of it.</summary>
    internal Task AnswerAsync(ApiRequest request, int code, Stored one) => request.WantsTable
        ? request.AnswerAsync(code, Table(request, [one], null))
        : ApiRequest.AnswerAsync(request.Http, code, one.Bytes);

    internal Task ListAsync(ApiRequest request)
    {
        var (items, version) = Moment(request, out var start);
        var chosen = items.Values.Where(one => (request.Namespace.Length == 0 || one.Namespace == request.Namespace) && request.Selector.Matches(one));
        if (start is not null)
        {
            chosen = chosen.Where(one => string.CompareOrdinal(ObjectStore.Key(one.Namespace, one.Name), start) > 0);
        }

        var limit = request.Number("limit") is { } asked and > 0 and < int.MaxValue - 1 ? (int)asked : int.MaxValue - 1;
        var page = chosen.Take(limit + 1).ToList();
        var metadata = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
        if (page.Count > limit)
        {
            page.RemoveAt(limit);
            store.Keep(request.Resource, version, items);
            metadata["continue"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{version}\0{ObjectStore.Key(page[^1].Namespace, page[^1].Name)}"));
            if (request.Selector.IsEmpty)
            {
                metadata["remainingItemCount"] = chosen.Skip(limit).Count();
            }
        }

        return request.WantsTable ? request.AnswerAsync(200, Table(request, page, metadata)) : ApiRequest.AnswerAsync(request.Http, 200, List(request.Resource, page, metadata));
    }

    internal static byte[] List(ApiResource resource, IEnumerable<Stored> items, JsonObject metadata)
    {
        var buffer = new ArrayBufferWriter<byte>(64 << 10);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("kind", $"{resource.Kind}List");
            writer.WriteString("apiVersion", resource.ApiVersion);
            writer.WritePropertyName("metadata");
            metadata.WriteTo(writer);
            writer.WriteStartArray("items");
            foreach (var one in items)
            {
                writer.WriteRawValue(one.Bytes, skipInputValidation: true);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    internal async Task WatchAsync(ApiRequest request)
    {
        var wantsInitial = request.Flag("sendInitialEvents");
        if ((wantsInitial || request.Query("sendInitialEvents") is not null) && request.Query("resourceVersionMatch") != "NotOlderThan")
        {
            throw ApiException.InvalidOptions("ListOptions", "resourceVersionMatch", "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan", "FieldValueForbidden");
        }

        if (wantsInitial && !request.Flag("allowWatchBookmarks"))
        {
            throw ApiException.InvalidOptions("ListOptions", "allowWatchBookmarks", "Forbidden: sendInitialEvents requires allowWatchBookmarks", "FieldValueForbidden");
        }

        var after = request.Number("resourceVersion") is > 0 and var asked && !wantsInitial ? asked : (long?)null;
        if (wantsInitial && request.Number("resourceVersion") > store.Version)
        {
            throw new ApiException(504, "Timeout", $"Too large resource version: {request.Number("resourceVersion")}, current: {store.Version}");
        }

        var length = request.Number("timeoutSeconds") is { } seconds and > 0 && seconds < LongestWatch.TotalSeconds ? TimeSpan.FromSeconds(seconds) : LongestWatch;
        _ = request.Selector;
        var stream = new WatchAnswer(request, time);
        (ObjectStore.Watcher Watcher, IReadOnlyList<Stored> Initial, long Version) begun;
        try
        {
            begun = store.Watch(request.Resource, request.Namespace, after);
        }
        catch (ApiException fault) when (fault.Code == 410)
        {
            await stream.StartAsync();
            await stream.SendAsync("ERROR", Json.Bytes(fault.Status));
            return;
        }

        using var watcher = begun.Watcher;
        await stream.StartAsync();
        var sendInitial = wantsInitial || (after is null && request.Query("sendInitialEvents") is null);
        foreach (var one in sendInitial ? begun.Initial.Where(request.Selector.Matches) : [])
        {
            await stream.SendAsync("ADDED", one);
        }

        if (wantsInitial)
        {
            await stream.BookmarkAsync(begun.Version, endsInitial: true);
        }

        await stream.FlushAsync();
        var seen = begun.Version;
        var end = time.GetUtcNow() + length;
        while (end > time.GetUtcNow())
        {
            var pause = end - time.GetUtcNow() < BookmarkInterval ? end - time.GetUtcNow() : BookmarkInterval;
            try
            {
                if (!await watcher.Changes.WaitToReadAsync(request.Aborted).AsTask().WaitAsync(pause, time, request.Aborted))
                {
                    return;
                }

                while (watcher.Changes.TryRead(out var change))
                {
                    seen = Math.Max(seen, change.After.Version);
                    await TellAsync(stream, request.Selector, change);
                }
            }
            catch (TimeoutException) when (request.Flag("allowWatchBookmarks") && !request.WantsTable)
            {
                // The version first: where nothing waits then, all up to it is told.
                var version = store.Version;
                await stream.BookmarkAsync(watcher.Changes.TryPeek(out _) ? seen : version, endsInitial: false);
            }
            catch (TimeoutException)
            {
                // Nothing to tell.
            }

            await stream.FlushAsync();
        }
    }

    private static Task TellAsync(WatchAnswer stream, Selector selector, Change change)
    {
        var (was, isNow) = (change.Before is not null && selector.Matches(change.Before), !change.Deleted && selector.Matches(change.After));
        return (was, isNow) switch
        {
            (false, true) => stream.SendAsync("ADDED", change.After),
            (true, true) => stream.SendAsync("MODIFIED", change.After),
            // Out of sight: as it was, with the version of the change.
            (true, false) when !change.Deleted => stream.SendAsync("DELETED", AsOf(change.Before!, change.After.Version)),
            (true, false) => stream.SendAsync("DELETED", change.After),
            _ => Task.CompletedTask,
        };
    }

    private static Stored AsOf(Stored one, long version)
    {
        var item = one.Item.Copy();
        item.Child("metadata")["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture);
        return one with { Item = item, Bytes = Json.Bytes(item), Version = version };
    }

    private JsonObject Table(ApiRequest request, IEnumerable<Stored> items, JsonObject? metadata) =>
        Tables.Render(request.Resource, [.. items.Select(one => one.Item.Copy())], metadata, request.IncludeObject, time.GetUtcNow());

    /// <summary>The moment that a list shows: now, or that of its first page.</summary>
    private (ImmutableSortedDictionary<string, Stored> Items, long Version) Moment(ApiRequest request, out string? start)
    {
        start = null;
        if (request.Query("continue") is { } token)
        {
            string[] parts;
            try
            {
                parts = Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split('\0', 2);
            }
            catch (FormatException)
            {
                parts = [];
            }

            if (parts.Length < 2 || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var of))
            {
                throw ApiException.BadRequest("continue key is not valid");
            }

            start = parts[1];
            return store.Snapshot(request.Resource, of) ?? throw ApiException.Expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");
        }

        var asked = request.Number("resourceVersion");
        if (asked > store.Version)
        {
            throw new ApiException(504, "Timeout", $"Too large resource version: {asked}, current: {store.Version}", new JsonObject { ["retryAfterSeconds"] = 1 });
        }

        return request.Query("resourceVersionMatch") == "Exact" && asked > 0
            ? store.Snapshot(request.Resource, asked) ?? throw ApiException.Expired($"The resourceVersion for the provided list is too old: {asked}")
            : store.Snapshot(request.Resource)!.Value;
    }

    /// <summary>The lines of a watch's answer.</summary>
    private sealed class WatchAnswer(ApiRequest request, TimeProvider time)
    {
        private bool _hasColumns;

        internal Task StartAsync()
        {
            request.Http.Response.ContentType = "application/json";
            return request.Http.Response.StartAsync(request.Aborted);
        }

        internal Task FlushAsync() => request.Http.Response.Body.FlushAsync(request.Aborted);

        internal Task SendAsync(string type, Stored one)
        {
            if (!request.WantsTable)
            {
                return SendAsync(type, one.Bytes);
            }

            var table = Tables.Render(request.Resource, [one.Item.Copy()], null, request.IncludeObject, time.GetUtcNow());
            if (_hasColumns)
            {
                table["columnDefinitions"] = null;
            }

            _hasColumns = true;
            return SendAsync(type, Json.Bytes(table));
        }

        internal Task BookmarkAsync(long version, bool endsInitial)
        {
            var metadata = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
            if (endsInitial)
            {
                metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
            }

            return SendAsync("BOOKMARK", Json.Bytes(new JsonObject { ["kind"] = request.Resource.Kind, ["apiVersion"] = request.Resource.ApiVersion, ["metadata"] = metadata }));
        }

        internal async Task SendAsync(string type, byte[] item)
        {
            await request.Http.Response.Body.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes($$"""{"type":"{{type}}","object":"""), .. item, (byte)'}', (byte)'\n'], request.Aborted);
        }
    }
}
