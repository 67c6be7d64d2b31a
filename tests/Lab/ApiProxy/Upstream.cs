using System.Net;
using Microsoft.AspNetCore.Http;

namespace Lab.ApiProxy;

/// <summary>The proxy's way to the real server.</summary>
internal sealed class Upstream(string url, string caFile) : IDisposable
{
    private static readonly string[] HopByHop = ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Host", "TE", "Trailer"];
    private readonly HttpClient _client = Client(caFile);

    /// <summary>Sends what the client sent, its Authorization included, and gives the answer as soon as its headers are there.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequest from, ProxiedRequest request, CancellationToken cancellation)
    {
        using var message = new HttpRequestMessage(new HttpMethod(from.Method), url + from.Path.ToUriComponent() + from.QueryString)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        if (request.Body.Length > 0)
        {
            message.Content = new ReadOnlyMemoryContent(request.Body);
        }

        foreach (var (name, values) in from.Headers)
        {
            if (name.StartsWith(':') || HopByHop.Contains(name, StringComparer.OrdinalIgnoreCase) || name == "Content-Length")
            {
                continue;
            }

            if (!message.Headers.TryAddWithoutValidation(name, values.ToArray()))
            {
                message.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
        }

        return await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public void Dispose() => _client.Dispose();

    private static HttpClient Client(string caFile)
    {
        var handler = Certificates.TrustOnly(caFile);
        // Go's servers allow 250 streams a connection.
        handler.EnableMultipleHttp2Connections = true;
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }
}
