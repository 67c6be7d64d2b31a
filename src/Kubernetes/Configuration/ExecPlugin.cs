using System.Net.Security;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kubernetes.Configuration;

/// <summary>
/// Credentials from a program (Kubernetes docs, "client-go credential plugins"; client.authentication.k8s.io/v1 and v1beta1): asked for when
/// there are none, when they end, and when the server refuses them.
/// </summary>
internal sealed class ExecPlugin : ICredentialSource
{
    /// <summary>Credentials that end within this time count as ended: a request takes a while.</summary>
    private static readonly TimeSpan Early = TimeSpan.FromSeconds(5);

    /// <summary>Plugins ask and store things of their own: one at a time.</summary>
    private static readonly SemaphoreSlim One = new(1);

    private readonly ExecCommand _command;
    private readonly string _subject;
    private readonly string _apiVersion;
    private readonly TimeProvider _time;
    private Credential? _credential;

    private ExecPlugin(ExecCommand command, string subject, string apiVersion, TimeProvider time)
    {
        _command = command;
        _subject = subject;
        _apiVersion = apiVersion;
        _time = time;
    }

    /// <summary>The plugin of a user in a kubeconfig.</summary>
    internal static ExecPlugin Read(string file, string user, YamlText exec, YamlText cluster, TimeProvider time)
    {
        var subject = $"{file}, user {user}";
        var version = exec.Value("apiVersion");
        if (version is not ("client.authentication.k8s.io/v1" or "client.authentication.k8s.io/v1beta1"))
        {
            throw new KubernetesException(
                KubernetesFault.Usage, subject, $"the plugin speaks {version ?? "no apiVersion"}", "client.authentication.k8s.io/v1 and v1beta1 are understood: a newer plugin may speak it");
        }

        var program = exec.Value("command") ?? throw new KubernetesException(KubernetesFault.Usage, subject, "the plugin has no command", "add it");
        if (exec.Value("interactiveMode") == "Always")
        {
            throw new KubernetesException(KubernetesFault.Usage, subject, $"the plugin {program} needs somebody to talk to (interactiveMode: Always)", "use a token or a ServiceAccount here");
        }

        var spec = new JsonObject { ["interactive"] = false };
        if (exec.Flag("provideClusterInfo"))
        {
            spec["cluster"] = ClusterInfo(cluster);
        }

        var info = new JsonObject { ["apiVersion"] = version, ["kind"] = "ExecCredential", ["spec"] = spec }.ToJsonString();
        var environment = (exec["env"]?.Items ?? [])
            .Where(pair => pair.Value("name") is not null)
            .Select(pair => (pair.Value("name")!, pair.Value("value") ?? ""))
            .Append(("KUBERNETES_EXEC_INFO", info));
        var command = new ExecCommand(
            subject,
            // A path is relative to the kubeconfig, a bare name is searched for.
            program.Contains('/', StringComparison.Ordinal) ? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, program) : program,
            [.. (exec["args"]?.Items ?? []).Select(item => item.Text ?? "")],
            [.. environment],
            exec.Value("installHint"));
        return new ExecPlugin(command, subject, version, time);
    }

    public async ValueTask<string> GetAsync(bool refused, CancellationToken cancellation) => (await CredentialAsync(refused ? _credential : null, cancellation)).Token;

    public async ValueTask<Credential> CredentialAsync(Credential? refused, CancellationToken cancellation)
    {
        await One.WaitAsync(cancellation);
        try
        {
            // Many that were refused at once come one after the other: what the first has got serves the others.
            return _credential is { } known && !ReferenceEquals(known, refused) && !(known.Ends - Early < _time.GetUtcNow())
                ? known
                : _credential = Parse(await _command.RunAsync(cancellation));
        }
        finally
        {
            One.Release();
        }
    }

    private static JsonObject ClusterInfo(YamlText cluster)
    {
        var info = new JsonObject();
        foreach (var key in (string[])["server", "tls-server-name", "certificate-authority-data", "proxy-url"])
        {
            if (cluster.Value(key) is { } value)
            {
                info[key] = value;
            }
        }

        if (cluster.Flag("insecure-skip-tls-verify"))
        {
            info["insecure-skip-tls-verify"] = true;
        }

        return info;
    }

    private Credential Parse(byte[] output)
    {
        try
        {
            using var json = JsonDocument.Parse(output);
            var root = json.RootElement;
            if (Text(root, "kind") != "ExecCredential" || Text(root, "apiVersion") != _apiVersion)
            {
                throw Wrong($"it must print an ExecCredential of {_apiVersion}");
            }

            if (!root.TryGetProperty("status", out var status) || status.ValueKind != JsonValueKind.Object)
            {
                throw Wrong("what it prints has no status");
            }

            var (token, certificate, key) = (Text(status, "token"), Text(status, "clientCertificateData"), Text(status, "clientKeyData"));
            if (string.IsNullOrEmpty(token) && string.IsNullOrEmpty(certificate))
            {
                throw Wrong("it gives neither a token nor a certificate");
            }

            if (string.IsNullOrEmpty(certificate) != string.IsNullOrEmpty(key))
            {
                throw Wrong("it gives a certificate without its key, or a key without its certificate");
            }

            DateTimeOffset? ends = Text(status, "expirationTimestamp") is { Length: > 0 } time
                ? DateTimeOffset.TryParse(time, out var parsed) ? parsed : throw Wrong("its expirationTimestamp is no time")
                : null;
            return new Credential(token ?? "", string.IsNullOrEmpty(certificate) ? null : Known(PemFiles.WithKey(_subject, certificate, key!, _time)), ends);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // Not its output: a token may be in it.
            throw Wrong("what it prints is no JSON");
        }
    }

    /// <summary>The certificate as it was given last, if it is the same: connections belong to it.</summary>
    private SslStreamCertificateContext Known(SslStreamCertificateContext given)
    {
        if (_credential?.Certificate is not { } last || !last.TargetCertificate.RawDataMemory.Span.SequenceEqual(given.TargetCertificate.RawDataMemory.Span))
        {
            return given;
        }

        given.TargetCertificate.Dispose();
        return last;
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private KubernetesException Wrong(string cause) => new(KubernetesFault.Denied, _subject, $"the plugin {_command.Program}: {cause}", "run it by hand and look");
}
