using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Lab.ApiServers;

/// <summary>
/// A real API server with an etcd of its own, answering on a loopback port when <see cref="StartAsync"/> returns, gone with its
/// data when disposed. It runs no controllers: a claim keeps its finalizer, nothing is collected by owner, unless a test's own
/// controllers do it.
/// </summary>
public sealed class KubeApiServer : IDisposable
{
    private const string Etcd = "etcd:0";
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(90);

    private readonly Scratch _scratch = new();
    private readonly Certificates _certificates;
    private readonly string _assets;
    private readonly ServerProcess _etcd;
    private ServerProcess? _server;
    private int _port;
    private int _namespaces = -1;
    private int _kubeconfigs;

    private KubeApiServer(ApiServerKind kind, string assets)
    {
        Kind = kind;
        _assets = assets;
        _certificates = Certificates.Write(_scratch.Folder, "lab kube-apiserver");
        _scratch.File("tokens.csv", Identities.TokenFile());
        using (var key = RSA.Create(2048))
        {
            _scratch.File("sa.key", key.ExportRSAPrivateKeyPem());
            _scratch.File("sa.pub", key.ExportSubjectPublicKeyInfoPem());
        }

        _scratch.File("audit.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n");

        // Sockets in its own folder: no port that another could take.
        _etcd = new ServerProcess(_scratch.Folder, Path.Combine(assets, "etcd"),
        [
            "--data-dir=data", "--unsafe-no-fsync",
            $"--listen-client-urls=unix://{Etcd}", $"--advertise-client-urls=unix://{Etcd}",
            "--listen-peer-urls=unix://peer:0", "--initial-advertise-peer-urls=unix://peer:0", "--initial-cluster=default=unix://peer:0",
        ], removeFolder: true);
        Http = null!;
    }

    /// <summary>Which one it is.</summary>
    public ApiServerKind Kind { get; }

    /// <summary>Its address: <c>https://127.0.0.1:PORT</c>, the same after a restart.</summary>
    public string Url => $"https://127.0.0.1:{_port}";

    /// <summary>The CA that signed its certificate (PEM).</summary>
    public string CaFile => _certificates.CaFile;

    /// <summary>The token of a member of <c>system:masters</c>.</summary>
    public string AdminToken => Identities.AdminToken;

    /// <summary>Who asked for what, one JSON object a line; null where the server keeps no such log.</summary>
    public string? AuditLog => Kind == ApiServerKind.Extensions136 ? null : _scratch["audit.log"];

    /// <summary>Its administrator's HTTP client, with <see cref="Url"/> as the base address.</summary>
    public HttpClient Http { get; private set; }

    /// <summary>The end of the server's log, for a failed assertion's message.</summary>
    public string Log => _server?.Log ?? "";

    /// <summary>Starts etcd and the server from a folder that holds both.</summary>
    public static async Task<KubeApiServer> StartAsync(ApiServerKind kind, string assets)
    {
        var server = new KubeApiServer(kind, assets);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                server._port = FreePort.Find();
                try
                {
                    await server.StartAsync();
                    break;
                }
                catch (InvalidOperationException) when (attempt < 4 && server.Log.Contains("address already in use", StringComparison.Ordinal))
                {
                    // Somebody was quicker: another port.
                }
            }

            server.Http = new HttpClient(Certificates.TrustOnly(server.CaFile)) { BaseAddress = new Uri(server.Url) };
            server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.AdminToken);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts the server's process again after <see cref="StopAsync"/>: same port, same etcd.</summary>
    public async Task StartAsync()
    {
        _server?.Dispose();
        _server = new ServerProcess(_scratch.Folder, Path.Combine(_assets, "kube-apiserver"), Arguments());
        using var client = new HttpClient(Certificates.TrustOnly(CaFile)) { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(5) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminToken);
        using var limit = new CancellationTokenSource(ReadyLimit);
        while (true)
        {
            if (_server.Ended.IsCompleted)
            {
                throw new InvalidOperationException($"{Kind} ended: {Log}");
            }

            try
            {
                using var answer = await client.GetAsync("/readyz", limit.Token);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !limit.IsCancellationRequested))
            {
                // It does not listen yet.
            }
            catch (OperationCanceledException error)
            {
                throw new InvalidOperationException($"{Kind} is not ready after {ReadyLimit}: {Log}", error);
            }

            // It tells nobody when it is ready: asked in short steps.
            await Task.Delay(20);
        }
    }

    /// <summary>
    /// Stops the server's process (etcd stays): by SIGTERM, which lets requests end, or by SIGKILL. Watches hold a server up to a
    /// minute after SIGTERM; as an impatient node would, this kills it after two seconds.
    /// </summary>
    public Task StopAsync(bool kill = false) => _server!.StopAsync(kill ? "KILL" : "TERM", TimeSpan.FromSeconds(2));

    /// <summary>Stops and starts it: same port, same data. Who is connected gets reset.</summary>
    public async Task RestartAsync(bool kill = false)
    {
        await StopAsync(kill);
        await StartAsync();
    }

    /// <summary>Makes a namespace that nobody else has, for one test; <paramref name="purpose"/> stands in it as a label.</summary>
    public async Task<string> CreateNamespaceAsync(string purpose = "test")
    {
        var name = Identities.Namespace(Interlocked.Increment(ref _namespaces));
        await Http.CreateAsync("/api/v1/namespaces", $$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{{name}}}","labels":{"lab/purpose":"{{{purpose}}}"} } }""");
        return name;
    }

    /// <summary>Writes the administrator's kubeconfig and gives its path.</summary>
    /// <param name="namespace">The namespace of whoever names none.</param>
    /// <param name="url">Another way to the server; <see cref="Url"/> without it.</param>
    public string Kubeconfig(string @namespace = "default", string? url = null) => WriteKubeconfig(url ?? Url, CaFile, AdminToken, @namespace);

    /// <summary>Writes the kubeconfig of a ServiceAccount (the namespace from <see cref="CreateNamespaceAsync"/>) and gives its path.</summary>
    public string KubeconfigFor(string @namespace, string serviceAccount) =>
        WriteKubeconfig(Url, CaFile, Identities.Token(@namespace, serviceAccount), @namespace);

    /// <inheritdoc/>
    public void Dispose()
    {
        Http?.Dispose();
        _server?.Dispose();
        // The last one takes the folder with it, as it does when this process is killed.
        _etcd.Dispose();
    }

    internal string WriteKubeconfig(string url, string caFile, string token, string @namespace) => _scratch.File(
        $"kubeconfig-{Interlocked.Increment(ref _kubeconfigs)}/config", Identities.Kubeconfig(url, caFile, token, @namespace));

    private IEnumerable<string> Arguments() =>
    [
        $"--etcd-servers=unix://{Etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        $"--secure-port={_port}",
        "--cert-dir=certs",
        $"--tls-cert-file={_certificates.CertificateFile}",
        $"--tls-private-key-file={_certificates.KeyFile}",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        $"--service-account-issuer={Url}",
        "--service-account-key-file=sa.pub",
        "--service-account-signing-key-file=sa.key",
        "--service-cluster-ip-range=10.96.0.0/24",
        // Without its controllers no namespace has a ServiceAccount, and no pod could be made.
        "--disable-admission-plugins=ServiceAccount",
        .. AuditLog is { } log ? (string[])["--audit-policy-file=audit.yaml", $"--audit-log-path={log}"] : [],
    ];
}
