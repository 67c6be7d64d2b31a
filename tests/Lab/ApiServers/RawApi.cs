using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Lab.ApiServers;

/// <summary>The API as plain HTTP, for tests that play a controller or look at what is there; it shares no code with the product's client.</summary>
public static class RawApi
{
    /// <summary>An object or a list.</summary>
    public static Task<JsonNode> ReadAsync(this HttpClient api, string path) => SendAsync(api, HttpMethod.Get, path, null, "");

    /// <summary>An object, or null where there is none (404).</summary>
    public static async Task<JsonNode?> FindAsync(this HttpClient api, string path)
    {
        using var answer = await api.GetAsync(path);
        return answer.StatusCode == System.Net.HttpStatusCode.NotFound ? null : await JsonOf(answer, path);
    }

    /// <summary>Creates an object from JSON or YAML.</summary>
    public static Task<JsonNode> CreateAsync(this HttpClient api, string path, string body) =>
        SendAsync(api, HttpMethod.Post, path, body, body.StartsWith('{') ? "application/json" : "application/yaml");

    /// <summary>Changes an object by a JSON merge patch (RFC 7386).</summary>
    public static Task<JsonNode> MergeAsync(this HttpClient api, string path, string patch) =>
        SendAsync(api, HttpMethod.Patch, path, patch, "application/merge-patch+json");

    /// <summary>Deletes an object, if it is there.</summary>
    public static async Task RemoveAsync(this HttpClient api, string path)
    {
        using var answer = await api.DeleteAsync(path);
        if (answer.StatusCode != System.Net.HttpStatusCode.NotFound)
        {
            await JsonOf(answer, path);
        }
    }

    /// <summary>A watch's events, as they come: <c>{"type":..., "object":...}</c>.</summary>
    public static async IAsyncEnumerable<JsonNode> WatchAsync(
        this HttpClient api, string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        using var answer = await api.GetAsync($"{path}{(path.Contains('?') ? '&' : '?')}watch=true", HttpCompletionOption.ResponseHeadersRead, cancellation);
        answer.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellation));
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            yield return JsonNode.Parse(line)!;
        }
    }

    private static async Task<JsonNode> SendAsync(HttpClient api, HttpMethod method, string path, string? body, string type)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        using var answer = await api.SendAsync(request);
        return await JsonOf(answer, $"{method} {path}");
    }

    private static async Task<JsonNode> JsonOf(HttpResponseMessage answer, string what)
    {
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode
            ? JsonNode.Parse(text)!
            : throw new InvalidOperationException($"{what}: {(int)answer.StatusCode} {text}");
    }
}
