using System.Text.Json.Nodes;

namespace Lab.ApiServers;

/// <summary>Puts the custom resources of other projects onto a server, from the schemas that lie beside the repository.</summary>
public static class CustomResources
{
    private const string Path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// <summary>Installs every definition of some folders (<c>cdi</c>, <c>snapshot</c>, <c>kubevirt</c> ...) and waits until all are served.</summary>
    /// <returns>The names of the definitions.</returns>
    public static async Task<IReadOnlyList<string>> InstallCrdsAsync(this KubeApiServer server, string schemas, params string[] folders)
    {
        var files = folders.SelectMany(folder => Directory.EnumerateFiles(System.IO.Path.Combine(schemas, folder), "*.yaml"));
        var made = await Task.WhenAll(files.Select(async file => await server.Http.CreateAsync(Path, await File.ReadAllTextAsync(file))));
        var waiting = made.Select(Name).ToHashSet();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var change in server.Http.WatchAsync(Path, limit.Token))
        {
            if (change["object"] is { } definition && IsEstablished(definition))
            {
                waiting.Remove(Name(definition));
            }

            if (waiting.Count == 0)
            {
                break;
            }
        }

        await Task.WhenAll(made.Select(definition => ServedAsync(server.Http, definition, limit.Token)));
        return [.. made.Select(Name)];
    }

    /// <summary>"Established" is told a moment before the server answers under the new path, and nothing tells when.</summary>
    private static async Task ServedAsync(HttpClient api, JsonNode definition, CancellationToken cancellation)
    {
        var spec = definition["spec"]!;
        var version = spec["versions"]!.AsArray().First(v => (bool)v!["served"]!)!["name"];
        while (true)
        {
            using var answer = await api.GetAsync($"/apis/{spec["group"]}/{version}/{spec["names"]!["plural"]}?limit=1", cancellation);
            if (answer.IsSuccessStatusCode)
            {
                return;
            }

            await Task.Delay(20, cancellation);
        }
    }

    private static string Name(JsonNode definition) => (string)definition["metadata"]!["name"]!;

    private static bool IsEstablished(JsonNode definition) =>
        definition["status"]?["conditions"]?.AsArray().Any(c => (string?)c!["type"] == "Established" && (string?)c["status"] == "True") == true;
}
