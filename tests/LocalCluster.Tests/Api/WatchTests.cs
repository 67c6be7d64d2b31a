using System.Text;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Lab;
using Xunit;

namespace LocalCluster.Tests.Api;

public sealed class WatchTests
{
    private const string Path = "/api/v1/namespaces/default/configmaps";

    private static ConfigMap Map(string name, string label = "x") => new() { Metadata = { Name = name, Namespace = "default", Labels = new() { ["app"] = label } } };

    /// <summary>The changes that a watch tells until it has told as many as are wanted.</summary>
    private static async Task<List<(string Type, string? Name)>> ReadAsync(HttpClient http, string query, int most)
    {
        using var answer = await http.GetAsync($"{Path}?watch=1&{query}", HttpCompletionOption.ResponseHeadersRead, LocalApi.Limit());
        Assert.True(answer.IsSuccessStatusCode, await (answer.IsSuccessStatusCode ? Task.FromResult("") : answer.Content.ReadAsStringAsync()));
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        List<(string, string?)> told = [];
        while (told.Count < most && await reader.ReadLineAsync(LocalApi.Limit()) is { } line)
        {
            var change = JsonNode.Parse(line)!;
            told.Add(((string)change["type"]!, (string?)change["object"]!["metadata"]?["name"] ?? (string?)change["object"]!["reason"]));
        }

        return told;
    }

    [Fact]
    public async Task A_watch_tells_each_change_and_a_selector_what_comes_into_sight_and_leaves_it()
    {
        await using var api = await LocalApi.StartAsync();
        var from = (await api.Client.ListAsync(Kinds.ConfigMaps, "default", LocalApi.Limit())).Metadata.ResourceVersion;
        var made = await api.Client.CreateAsync(Kinds.ConfigMaps, Map("a"), LocalApi.Limit());
        await api.Client.CreateAsync(Kinds.ConfigMaps, Map("b", "y"), LocalApi.Limit());
        made.Metadata.Labels!["app"] = "y";
        made = await api.Client.ReplaceAsync(Kinds.ConfigMaps, made, LocalApi.Limit());
        made.Metadata.Labels!["app"] = "x";
        await api.Client.ReplaceAsync(Kinds.ConfigMaps, made, LocalApi.Limit());
        await api.Client.DeleteAsync(Kinds.ConfigMaps, "default", "a", LocalApi.Limit());
        Assert.Equal(
            [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("MODIFIED", "a"), ("DELETED", "a")], await ReadAsync(api.Http, $"resourceVersion={from}", 5));
        Assert.Equal(
            [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a"), ("DELETED", "a")], await ReadAsync(api.Http, $"resourceVersion={from}&labelSelector=app%3Dx", 4));
        Assert.Equal([("ADDED", "b")], await ReadAsync(api.Http, $"resourceVersion={from}&fieldSelector=metadata.name%3Db", 1));
        Assert.Equal(
            [("ADDED", "b"), ("BOOKMARK", null)], await ReadAsync(api.Http, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", 2));
        Assert.Equal([("ADDED", "b")], await ReadAsync(api.Http, "timeoutSeconds=1", 9));
        using var refused = await api.Http.GetAsync($"{Path}?watch=1&sendInitialEvents=true");
        Assert.Equal(422, (int)refused.StatusCode);
    }

    [Fact]
    public async Task Who_comes_back_too_late_is_told_so_and_the_client_lists_anew()
    {
        await using var api = await LocalApi.StartAsync(history: 3);
        var from = (await api.Client.ListAsync(Kinds.ConfigMaps, "default", LocalApi.Limit())).Metadata.ResourceVersion;
        for (var i = 0; i < 5; i++)
        {
            await api.Client.CreateAsync(Kinds.ConfigMaps, Map($"c{i}"), LocalApi.Limit());
        }

        Assert.Equal([("ERROR", "Expired")], await ReadAsync(api.Http, $"resourceVersion={from}", 1));
        List<string> seen = [];
        await foreach (var change in api.Client.WatchAsync(Kinds.ConfigMaps, "default", new WatchScope { After = from }, LocalApi.Limit()))
        {
            seen.Add(change.Object!.Metadata.Name!);
            if (seen.Count == 5)
            {
                break;
            }
        }

        Assert.Equal(["c0", "c1", "c2", "c3", "c4"], seen.Order());
    }

    [Fact]
    public async Task Pages_show_one_moment_or_are_gone()
    {
        await using var api = await LocalApi.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await api.Client.CreateAsync(Kinds.ConfigMaps, Map($"c{i}"), LocalApi.Limit());
        }

        var first = JsonNode.Parse(await api.Http.GetStringAsync($"{Path}?limit=2"))!;
        await api.Client.DeleteAsync(Kinds.ConfigMaps, "default", "c3", LocalApi.Limit());
        var token = Uri.EscapeDataString((string)first["metadata"]!["continue"]!);
        var rest = JsonNode.Parse(await api.Http.GetStringAsync($"{Path}?limit=9&continue={token}"))!;
        Assert.Equal(["c2", "c3", "c4"], rest["items"]!.AsArray().Select(one => (string?)one!["metadata"]!["name"]));
        Assert.Equal((string?)first["metadata"]!["resourceVersion"], (string?)rest["metadata"]!["resourceVersion"]);
        Assert.Null(rest["metadata"]!["continue"]);
        await api.RestartAsync();
        using var answer = await api.Http.GetAsync($"{Path}?continue={token}");
        Assert.Equal(410, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Kubectl_follows_a_list_as_a_table()
    {
        await using var api = await LocalApi.StartAsync();
        await api.Client.CreateAsync(Kinds.ConfigMaps, Map("before"), LocalApi.Limit());
        using var kubectl = new System.Diagnostics.Process
        {
            StartInfo = new("kubectl", [.. api.Kubectl.Common, "get", "configmaps", "-w", "--request-timeout=60s"]) { RedirectStandardOutput = true, UseShellExecute = false },
        };
        kubectl.Start();
        try
        {
            var output = new StringBuilder();
            while (!output.ToString().Contains("before", StringComparison.Ordinal))
            {
                output.AppendLine(await kubectl.StandardOutput.ReadLineAsync(LocalApi.Limit()));
            }

            await api.Client.CreateAsync(Kinds.ConfigMaps, Map("after"), LocalApi.Limit());
            Assert.StartsWith("after ", await kubectl.StandardOutput.ReadLineAsync(LocalApi.Limit()));
            Assert.Contains("NAME", output.ToString());
        }
        finally
        {
            kubectl.Kill();
        }
    }

    [Fact]
    public async Task Writers_who_race_lose_no_change()
    {
        await using var api = await LocalApi.StartAsync();
        await api.Client.CreateAsync(Kinds.ConfigMaps, Map("c"), LocalApi.Limit());
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => api.Client.PatchAsync(
            Kinds.ConfigMaps, "default", "c", Kubernetes.Client.Patch.Merge(new JsonObject { ["data"] = new JsonObject { [$"k{i}"] = "v" } }), LocalApi.Limit())));
        Assert.Equal(20, (await api.Client.GetAsync(Kinds.ConfigMaps, "default", "c", LocalApi.Limit())).Data!.Count);
    }
}
