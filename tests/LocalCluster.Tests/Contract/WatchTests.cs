using System.Text.Json.Nodes;
using Lab.ApiServers;
using static LocalCluster.Tests.Contract.ObjectTests;

namespace LocalCluster.Tests.Contract;

/// <summary>A watch tells the same on every server.</summary>
public sealed class WatchTests
{
    public static TheoryData<string> Servers => ContractServer.All;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_watch_goes_on_where_a_list_ended(string name)
    {
        var (server, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("old"));
        var version = (await server.GetAsync(path)).Ok.Version;
        await server.CreateAsync(path, Volume("v"));
        await Label(server, path, "1");
        (await server.PatchAsync($"{path}/v/status", "merge", """{ "status": { "phase": "Pending" } }""")).Is(200);
        (await server.DeleteAsync($"{path}/v")).Is(200);
        var events = await TakeAsync(server, $"{path}?resourceVersion={version}", 4);
        Assert.Equal(["ADDED v", "MODIFIED v", "MODIFIED v", "DELETED v"], events.Select(Show));
        Assert.Equal("Pending", (string?)events[^1]["object"]!["status"]!["phase"]);
        Assert.Equal(4, events.Select(one => (string?)one["object"]!["metadata"]!["resourceVersion"]).Distinct().Count());
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_watch_from_nowhere_begins_with_what_is_there_and_waits(string name)
    {
        var (server, path) = await Maps(name);
        await server.CreateAsync(path, Map("a"));
        await server.CreateAsync(path, Map("b"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var seen = new List<string>();
        await foreach (var change in server.Http.WatchAsync(path, limit.Token))
        {
            seen.Add(Show(change));
            if (seen.Count == 2)
            {
                await server.CreateAsync(path, Map("c"));
            }

            if (seen.Count == 3)
            {
                break;
            }
        }

        Assert.Equal(["ADDED a", "ADDED b"], seen[..2].Order());
        Assert.Equal("ADDED c", seen[2]);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_a_selector_no_longer_chooses_is_told_as_deleted(string name)
    {
        var (server, path) = await Volumes(name);
        var version = (await server.GetAsync(path)).Ok.Version;
        await server.CreateAsync(path, Volume("v"));
        await Label(server, path, "1");
        await Label(server, path, "2");
        await Label(server, path, "1");
        Assert.Equal(["ADDED v", "DELETED v", "ADDED v"], (await TakeAsync(server, $"{path}?resourceVersion={version}&labelSelector=a%3D1", 3)).Select(Show));
        await server.CreateAsync(path, Volume("w"));
        Assert.Equal(["ADDED w"], (await TakeAsync(server, $"{path}?resourceVersion={version}&fieldSelector=metadata.name%3Dw", 1)).Select(Show));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_watch_ends_in_time_and_tells_before_how_far_it_is(string name)
    {
        var (server, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("v"));
        var version = (await server.GetAsync(path)).Ok.Version;
        var events = await TakeAsync(server, $"{path}?resourceVersion={version}&timeoutSeconds=4&allowWatchBookmarks=true", int.MaxValue);
        // Bookmarks are promised by nobody, and the real servers leave them out when they are busy.
        Assert.True(events.Count > 0 || name != ContractServer.Local);
        Assert.All(events, one => Assert.Equal(("BOOKMARK", "DataVolume"), ((string?)one["type"], (string?)one["object"]!["kind"])));
        Assert.All(events, one => Assert.True(long.Parse((string)one["object"]!["metadata"]!["resourceVersion"]!) >= long.Parse(version)));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Initial_events_come_first_and_a_bookmark_ends_them(string name)
    {
        var (server, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("a"));
        await server.CreateAsync(path, Volume("b"));
        if (server.Has(Differences.InitialEvents))
        {
            // It passes the unknown parameter over: what is there comes first as well, and nothing says where that ends.
            Assert.Equal(["ADDED a", "ADDED b"], (await TakeAsync(server, $"{path}?sendInitialEvents=true&timeoutSeconds=2", 3)).Select(Show).Order());
            return;
        }

        var events = await TakeAsync(server, $"{path}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", 3);
        if (name != ContractServer.Local && events is [var refused] && $"{refused["object"]!["message"]}".Contains("RequestWatchProgress"))
        {
            // Its etcd is older than 3.5.13: it says so, and clients list instead.
            Assert.Equal("ERROR", (string?)refused["type"]);
            return;
        }

        Assert.True(events.Count == 3, string.Join('\n', events.Select(one => one.ToJsonString())));
        Assert.Equal(["ADDED a", "ADDED b"], events[..2].Select(Show).Order());
        Assert.Equal(("BOOKMARK", "true"), ((string?)events[2]["type"], (string?)events[2]["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]));
        (await server.GetAsync($"{path}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true")).Is(422, "Invalid");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_watch_from_too_long_ago_is_told_so(string name)
    {
        var (server, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("v"));
        // More changes than the local server of these tests remembers; the others forgot what was before their start.
        for (var change = 0; change < (server.Name == ContractServer.Local ? 600 : 1); change++)
        {
            await Label(server, path, $"{change}");
        }

        var told = Assert.Single(await TakeAsync(server, $"{path}?resourceVersion=1", 1));
        Assert.Equal(("ERROR", "Status", 410, "Expired"), ((string?)told["type"], (string?)told["object"]!["kind"], (int?)told["object"]!["code"], (string?)told["object"]!["reason"]));
        Assert.StartsWith("too old resource version: 1", (string?)told["object"]!["message"]);
    }

    private static async Task Label(ContractServer server, string path, string value) =>
        (await server.PatchAsync($"{path}/v", "merge", $$"""{ "metadata": { "labels": { "a": "{{value}}" } } }""")).Is(200);

    private static async Task<List<JsonNode>> TakeAsync(ContractServer server, string path, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var events = new List<JsonNode>();
        await foreach (var change in server.Http.WatchAsync(path, limit.Token))
        {
            events.Add(change);
            if (events.Count == count)
            {
                break;
            }
        }

        return events;
    }

    private static string Show(JsonNode change) => $"{change["type"]} {change["object"]!["metadata"]!["name"]}";
}
