using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lab;

/// <summary>
/// Stands before a real HTTP server, or alone, and does to some requests what broken and hostile servers do.
/// What it does not handle goes to the real server as it is.
/// </summary>
public sealed class FaultProxy : IDisposable
{
    private readonly WebApplication _server;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly string? _upstream;
    private readonly Func<HttpContext, Task<bool>> _fault;

    private FaultProxy(string? upstream, Func<HttpContext, Task<bool>> fault)
    {
        _upstream = upstream;
        _fault = fault;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Limits.MaxRequestBodySize = null;
            options.Listen(IPAddress.Loopback, 0);
        });
        _server = builder.Build();
        _server.Run(HandleAsync);
    }

    /// <summary>Host and port.</summary>
    public string Host { get; private set; } = "";

    /// <summary>Every request so far: method, path, and its Authorization, if any.</summary>
    public ConcurrentQueue<(string Method, string Path, string? Authorization)> Requests { get; } = new();

    /// <summary>Starts it on a free loopback port.</summary>
    /// <param name="upstream">Host and port of the real server; null for none.</param>
    /// <param name="fault">Handles a request (true), or leaves it to the real server (false).</param>
    public static FaultProxy Start(string? upstream, Func<HttpContext, Task<bool>> fault)
    {
        var proxy = new FaultProxy(upstream, fault);
        proxy._server.StartAsync().GetAwaiter().GetResult();
        proxy.Host = new Uri(proxy._server.Urls.First()).Authority;
        return proxy;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        _server.StopAsync(soon.Token).GetAwaiter().GetResult();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _client.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        Requests.Enqueue((context.Request.Method, context.Request.Path + context.Request.QueryString, context.Request.Headers.Authorization.FirstOrDefault()));
        if (await _fault(context))
        {
            return;
        }

        if (_upstream is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        await ForwardAsync(context);
    }

    private async Task ForwardAsync(HttpContext context)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(context.Request.Method), $"http://{_upstream}{context.Request.Path}{context.Request.QueryString}");
        if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(context.Request.Body);
        }

        foreach (var (name, values) in context.Request.Headers)
        {
            // The host stays the proxy's: the real server answers with addresses that lead through here.
            if (!request.Headers.TryAddWithoutValidation(name, values.ToArray()))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
        }

        using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Connection"))
            {
                context.Response.Headers[name] = values.ToArray();
            }
        }

        if (context.Request.Method != "HEAD")
        {
            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }
}
