using System.Net;
using System.Security.Cryptography.X509Certificates;
using Lab.ApiServers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Lab.ApiProxy;

/// <summary>
/// Stands before an API server, speaks HTTP/2 and HTTP/1.1 over TLS, lets everything through as it comes, and keeps a list of it.
/// Two callbacks see each request before the server gets it, and after the server has answered it but before the client knows:
/// there a test counts, holds (a callback may await whatever it likes), breaks, answers itself, or kills the client.
/// </summary>
public sealed class ApiProxyServer : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly KubeApiServer _api;
    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly Upstream _upstream;
    private readonly Certificates _files;
    private readonly CancellationTokenSource _closing = new();
    private readonly List<ProxiedRequest> _requests = [];
    private int _kubeconfigs;
    private int _number;

    private ApiProxyServer(KubeApiServer api)
    {
        _api = api;
        _files = Certificates.Write(_scratch.Folder, "lab proxy");
        _certificate = _files.Load();
        _upstream = new Upstream(api.Url, api.CaFile);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MinResponseDataRate = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(_certificate);
            });
        });
        _server = builder.Build();
        _server.Run(HandleAsync);
    }

    /// <summary>Its address.</summary>
    public string Url { get; private set; } = "";

    /// <summary>The CA that signed its certificate (PEM).</summary>
    public string CaFile => _files.CaFile;

    /// <summary>Asked before a request goes to the server.</summary>
    public Func<ProxiedRequest, Task<Verdict>> Before { get; set; } = _ => Task.FromResult(Verdict.Pass);

    /// <summary>Asked when the server has answered (of a watch: its headers), before the client gets anything.</summary>
    public Func<ProxiedRequest, Task<Verdict>> After { get; set; } = _ => Task.FromResult(Verdict.Pass);

    /// <summary>Everything that was asked so far, in the order of arrival.</summary>
    public IReadOnlyList<ProxiedRequest> Requests
    {
        get
        {
            lock (_requests)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>Starts it on a free loopback port.</summary>
    public static async Task<ApiProxyServer> StartAsync(KubeApiServer api)
    {
        var proxy = new ApiProxyServer(api);
        await proxy._server.StartAsync();
        proxy.Url = proxy._server.Urls.First();
        return proxy;
    }

    /// <summary>Forgets the requests so far; numbers go on.</summary>
    public void Forget()
    {
        lock (_requests)
        {
            _requests.Clear();
        }
    }

    /// <summary>Writes the administrator's kubeconfig through this proxy and gives its path.</summary>
    public string Kubeconfig(string @namespace = "default") => Write(_api.AdminToken, @namespace);

    /// <summary>Writes a ServiceAccount's kubeconfig through this proxy and gives its path.</summary>
    public string KubeconfigFor(string @namespace, string serviceAccount) => Write(Identities.Token(@namespace, serviceAccount), @namespace);

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        _server.StopAsync(soon.Token).GetAwaiter().GetResult();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _upstream.Dispose();
        _certificate.Dispose();
        _scratch.Dispose();
    }

    private string Write(string token, string @namespace) => _scratch.File(
        $"kubeconfig-{Interlocked.Increment(ref _kubeconfigs)}/config", Identities.Kubeconfig(Url, CaFile, token, @namespace));

    private async Task HandleAsync(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var request = Record(context, body.ToArray());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _closing.Token);
        try
        {
            await AnswerAsync(context, request, end.Token);
            request.Status = context.Response.StatusCode;
        }
        catch (Exception error) when (error is OperationCanceledException or HttpRequestException or IOException)
        {
            // The client went away, or the server did: whoever is left hears it by a broken stream.
            context.Abort();
        }
        catch (StreamCutException cut)
        {
            Break(context, cut.WholeConnection);
        }
        finally
        {
            request.Ended = DateTimeOffset.UtcNow;
        }
    }

    private async Task AnswerAsync(HttpContext context, ProxiedRequest request, CancellationToken cancellation)
    {
        var verdict = await Before(request);
        cancellation.ThrowIfCancellationRequested();
        if (verdict is not (Verdict.PassVerdict or Verdict.WatchVerdict))
        {
            await ClientAnswer.ApplyAsync(context, verdict, cancellation);
            return;
        }

        using var answer = await _upstream.SendAsync(context.Request, request, cancellation);
        if (!request.IsWatch || !answer.IsSuccessStatusCode)
        {
            request.Answer = new ServerAnswer((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(cancellation));
        }

        var after = await After(request);
        cancellation.ThrowIfCancellationRequested();
        if (after is not (Verdict.PassVerdict or Verdict.WatchVerdict or Verdict.SilenceVerdict { }))
        {
            await ClientAnswer.ApplyAsync(context, after, cancellation);
        }
        else if (request.Answer is not null)
        {
            if (after is Verdict.SilenceVerdict)
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }

            ClientAnswer.CopyHead(context, answer);
            await context.Response.Body.WriteAsync(request.Answer.Body, cancellation);
        }
        else
        {
            request.Status = (int)answer.StatusCode;
            var limit = after is Verdict.SilenceVerdict ? new Verdict.WatchVerdict(0, WatchEnd.Silence) : (after as Verdict.WatchVerdict) ?? (verdict as Verdict.WatchVerdict);
            await ClientAnswer.StreamAsync(context, answer, limit, cancellation);
        }
    }

    private ProxiedRequest Record(HttpContext context, byte[] body)
    {
        var authorization = context.Request.Headers.Authorization.FirstOrDefault() ?? "";
        lock (_requests)
        {
            var request = new ProxiedRequest
            {
                Number = Interlocked.Increment(ref _number),
                Method = context.Request.Method,
                Path = context.Request.Path.Value ?? "",
                Query = context.Request.QueryString.Value ?? "",
                User = authorization.StartsWith("Bearer ", StringComparison.Ordinal) ? Identities.User(authorization["Bearer ".Length..]) : "",
                Protocol = context.Request.Protocol,
                Connection = context.Connection.Id,
                Body = body,
                Started = DateTimeOffset.UtcNow,
            };
            _requests.Add(request);
            return request;
        }
    }

    private static void Break(HttpContext context, bool wholeConnection)
    {
        if (wholeConnection && context.Features.Get<IConnectionLifetimeFeature>() is { } connection)
        {
            connection.Abort();
        }

        context.Abort();
    }
}
