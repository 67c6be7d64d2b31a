using System.Net;
using System.Text.Json.Nodes;
using LocalCluster.Cdi.Admission;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LocalCluster.Api;

/// <summary>Asked before a DataVolume is made or changed; the patch is a JSON patch.</summary>
internal delegate Task<(Refusal? Refusal, JsonArray? Patch)> AdmissionHook(AdmissionRequest request, CancellationToken cancellation);

/// <summary>How the API server is started.</summary>
/// <param name="State">Its folder: objects, CA, keys. One process at a time.</param>
public sealed record ApiServerOptions(string State)
{
    /// <summary>The port on loopback; 0 for the one of last time, or any.</summary>
    public int Port { get; init; }

    /// <summary>How many changes a watch can look back on.</summary>
    public int History { get; init; } = 20_000;

    /// <summary>Where the output of a pod's containers is: <c>PODS/UID/CONTAINER.log</c>.</summary>
    public string PodFolder { get; init; } = Path.Combine(State, "pods");

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Takes lines.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}

/// <summary>The local API server: one object store behind HTTPS on loopback.</summary>
public sealed class ApiServer : IAsyncDisposable
{
    /// <summary>The most bytes of a request's body (as the real server's).</summary>
    internal const int MostBytes = 3 << 20;

    private const int Tries = 20;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);
    private readonly FileStream _lock;
    private readonly CancellationTokenSource _stopping = new();
    private ObjectStore? _store;
    private WebApplication? _web;
    private int _ended;

    private ApiServer(string folder)
    {
        try
        {
            _lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException fault)
        {
            throw new IOException($"{folder}: another process works here (or it can't be written); stop that local cluster first, or name another state folder", fault);
        }
    }

    /// <summary>Its address.</summary>
    public string Url { get; private set; } = "";

    /// <summary>The CA that signed its certificate (a PEM file).</summary>
    public string CaFile { get; private set; } = "";

    /// <summary>The administrator's kubeconfig (a file of mode 0600).</summary>
    public string Kubeconfig { get; private set; } = "";

    /// <summary>Who is asked before DataVolumes are made; none means everything goes.</summary>
    internal AdmissionHook? Admission { get; set; }

    /// <summary>Starts it; it answers when this returns.</summary>
    /// <exception cref="IOException">Another process has the folder, or the port is taken.</exception>
    public static async Task<ApiServer> StartAsync(ApiServerOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        var folder = Path.Combine(Path.GetFullPath(options.State), "api");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var server = new ApiServer(folder);
        try
        {
            await server.StartAsync(options, folder, cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        await _stopping.CancelAsync();
        if (_web is not null)
        {
            using var limit = new CancellationTokenSource(StopLimit);
            await _web.StopAsync(limit.Token);
            await _web.DisposeAsync();
        }

        _store?.Dispose();
        await _lock.DisposeAsync();
        _stopping.Dispose();
    }

    private async Task StartAsync(ApiServerOptions options, string folder, CancellationToken cancellation)
    {
        var keys = new ServerKeys(folder, options.Time);
        _store = new ObjectStore(Path.Combine(folder, "objects.journal"), options.History, options.Log);
        FirstObjects.Make(_store, options.Time);
        var authentication = new Authentication(_store, keys.TokenKey, keys.AdminToken, "https://local-cluster", options.Time);
        var dispatcher = new Dispatcher(_store, authentication, () => Admission, options);
        var asked = options.Port != 0 ? options.Port : keys.Port;
        for (var attempt = 1; ; attempt++)
        {
            // Below those that the kernel gives to outgoing connections (ip(7), ip_local_port_range): free again after a restart.
            var port = asked ?? Random.Shared.Next(20_000, 32_000);
            var web = Web(keys, dispatcher, port);
            try
            {
                await web.StartAsync(cancellation);
                (_web, keys.Port) = (web, port);
                Url = $"https://127.0.0.1:{port}";
                break;
            }
            catch (IOException fault)
            {
                await web.DisposeAsync();
                if (asked is not null || attempt == Tries)
                {
                    throw new IOException($"port {port} of 127.0.0.1 can't be had ({fault.Message}); stop who has it, or start with another --port", fault);
                }
            }
        }

        CaFile = keys.CaFile;
        Kubeconfig = keys.WriteKubeconfig(Path.Combine(Path.GetFullPath(options.State), "kubeconfig"), Url);
    }

    private WebApplication Web(ServerKeys keys, Dispatcher dispatcher, int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = 16 * MostBytes;
            options.Listen(IPAddress.Loopback, port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(keys.Certificate());
            });
        });
        var web = builder.Build();
        web.Run(async http =>
        {
            // Watches and followed logs end when the server does.
            using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _stopping.Token);
            http.RequestAborted = end.Token;
            await dispatcher.AnswerAsync(http);
        });
        return web;
    }

    /// <summary>Signals are the program's business.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
