using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Tests.Client;
using Lab;
using Lab.ApiServers;

namespace Kubernetes.Tests.Configuration;

public sealed class ExecPluginTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [SkippableFact]
    public async Task A_plugin_gives_the_token_and_is_asked_again_when_it_is_refused_or_ends()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[0]);
        var space = await server.CreateNamespaceAsync();
        // The first token is wrong, the second is good for a moment, then come good ones.
        var plugin = Plugin("""
            echo x >> "$HERE/runs"; printf '%s' "$KUBERNETES_EXEC_INFO" > "$HERE/info"; printf '%s|' "$@" > "$HERE/arguments"
            case $(wc -l < "$HERE/runs") in
              1) echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"wrong"}}' ;;
              2) echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"lab-admin","expirationTimestamp":"2020-01-01T00:00:00Z"}}' ;;
              *) echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"lab-admin","expirationTimestamp":"2999-01-01T00:00:00Z"}}' ;;
            esac
            """);
        var file = Config(server, space, "args: [\"--for\", \"a b\"], provideClusterInfo: true, ", plugin);

        // kubectl takes the same file.
        Assert.Contains("default", new Kubectl(file).Run("get", "ns"), StringComparison.Ordinal);
        File.Delete(_scratch["runs"]);

        using var client = new KubernetesClient(ClusterConfig.Load(file), Quick.Options);
        await client.ListAsync(Quick.ConfigMaps, space, Quick.Limit);
        Assert.Equal(2, Runs());
        await client.ListAsync(Quick.ConfigMaps, space, Quick.Limit);
        Assert.Equal(3, Runs());
        await client.ListAsync(Quick.ConfigMaps, space, Quick.Limit);
        Assert.Equal(3, Runs());

        Assert.Equal("--for|a b|", await File.ReadAllTextAsync(_scratch["arguments"]));
        var info = JsonNode.Parse(await File.ReadAllTextAsync(_scratch["info"]))!;
        Assert.Equal("ExecCredential", (string)info["kind"]!);
        Assert.False((bool)info["spec"]!["interactive"]!);
        Assert.Equal(server.Url, (string)info["spec"]!["cluster"]!["server"]!);
    }

    [Theory]
    [InlineData("echo 'please log in' >&2; echo >&2; exit 3", "ended with exit code 3: please log in")]
    [InlineData("exit 1", "ended with exit code 1: without a word")]
    [InlineData("echo my-token", "what it prints is no JSON")]
    [InlineData("echo '{\"token\":\"my-token\"}'", "must print an ExecCredential of client.authentication.k8s.io/v1")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\"}'", "no status")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{}}'", "neither a token nor a certificate")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"x\"}}'", "without its key")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"my-token\",\"expirationTimestamp\":\"soon\"}}'", "is no time")]
    [InlineData("cat; yes", "prints more than 1 MiB")]
    public async Task A_plugin_that_fails_is_told_with_its_own_words_and_never_its_output(string script, string words)
    {
        var fault = await Assert.ThrowsAsync<KubernetesException>(async () => await Source(Plugin(script)).GetAsync(false, default));
        Assert.Equal(KubernetesFault.Denied, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("my-token", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Fact]
    public async Task A_plugin_that_is_missing_is_told_with_the_hint_to_install_it()
    {
        var fault = await Assert.ThrowsAsync<KubernetesException>(async () => await Source("no-such-plugin", "installHint: \"get it at example.org\", ").GetAsync(false, default));
        Assert.Contains("no-such-plugin can't be started: there is no such program; get it at example.org", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_hangs_is_ended()
    {
        var command = new ExecCommand("user a", Plugin("sleep 60 & wait"), [], [], null) { Limit = TimeSpan.FromSeconds(1) };
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => command.RunAsync(default));
        Assert.Contains("did not end within 1 s", fault.Message, StringComparison.Ordinal);

        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => (command with { Limit = TimeSpan.FromMinutes(1) }).RunAsync(stop.Token));
    }

    [Fact]
    public async Task A_client_certificate_from_a_plugin_is_shown_and_one_that_has_expired_is_refused()
    {
        var (good, expired) = (ClientCertificate.Make(days: 1), ClientCertificate.Make(days: -1));
        await using var server = await ClientCertificate.ServeAsync(_scratch);
        foreach (var (made, works) in (((string Certificate, string Key), bool)[])[(good, true), (expired, false)])
        {
            var answer = new JsonObject
            {
                ["apiVersion"] = "client.authentication.k8s.io/v1",
                ["kind"] = "ExecCredential",
                ["status"] = new JsonObject { ["clientCertificateData"] = made.Certificate, ["clientKeyData"] = made.Key },
            };
            _scratch.File("answer", answer.ToJsonString());
            var file = ConfigText(server.Url, _scratch["ca.pem"], "default", $"exec: {{ apiVersion: client.authentication.k8s.io/v1, command: \"{Plugin("cat \"$HERE/answer\"")}\" }}");
            using var client = new KubernetesClient(ClusterConfig.Load(file), Quick.Options);
            var fault = await Record.ExceptionAsync(() => client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit));
            if (works)
            {
                Assert.Null(fault);
                Assert.Equal("CN=alice", server.Seen);
            }
            else
            {
                Assert.Contains("has expired on", Assert.IsType<KubernetesException>(fault).Message, StringComparison.Ordinal);
            }
        }

        // The same from the file itself.
        File.WriteAllText(_scratch["cert.pem"], good.Certificate);
        File.WriteAllText(_scratch["key.pem"], good.Key);
        using var other = new KubernetesClient(
            ClusterConfig.Load(ConfigText(server.Url, _scratch["ca.pem"], "default", "client-certificate: cert.pem, client-key: key.pem")), Quick.Options);
        await other.ListAsync(Quick.ConfigMaps, "a", Quick.Limit);
    }

    [Fact]
    public async Task A_server_whose_certificate_has_expired_is_told_as_such()
    {
        var (certificate, key) = ClientCertificate.Make(days: -1, "127.0.0.1");
        await File.WriteAllTextAsync(_scratch["server.pem"], certificate);
        await File.WriteAllTextAsync(_scratch["server.key"], key);
        await using var server = new ClientCertificate.WantingServer(new Certificates(_scratch["server.pem"], _scratch["server.pem"], _scratch["server.key"]));
        await server.StartAsync();
        using var client = new KubernetesClient(ClusterConfig.Load(ConfigText(server.Url, _scratch["server.pem"], "default", "token: t")), Quick.Options);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit));
        Assert.Contains("its certificate is not trusted", fault.Message, StringComparison.Ordinal);
        Assert.Contains("expired", fault.Message, StringComparison.Ordinal);
    }

    private int Runs() => File.ReadLines(_scratch["runs"]).Count();

    private ITokenSource Source(string command, string more = "") =>
        ClusterConfig.Load(ConfigText("https://127.0.0.1:1", null, "default", $"exec: {{ apiVersion: client.authentication.k8s.io/v1, {more}command: \"{command}\" }}")).Token!;

    private string Config(KubeApiServer server, string space, string more, string command) => ConfigText(
        server.Url, server.CaFile, space, $"exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, {more}command: \"{command}\", env: [ {{ name: HERE, value: \"{_scratch.Folder}\" }} ] }}");

    private string ConfigText(string url, string? caFile, string space, string user) => _scratch.File("config", $$"""
        apiVersion: v1
        kind: Config
        current-context: lab
        contexts: [ { name: lab, context: { cluster: lab, user: lab, namespace: {{space}} } } ]
        clusters: [ { name: lab, cluster: { server: "{{url}}"{{(caFile is null ? "" : $", certificate-authority: \"{caFile}\"")}} } } ]
        users: [ { name: lab, user: { {{user}} } } ]

        """);

    private string Plugin(string script)
    {
        var path = _scratch.File("plugin", $"#!/bin/sh\nHERE=\"{_scratch.Folder}\"\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
