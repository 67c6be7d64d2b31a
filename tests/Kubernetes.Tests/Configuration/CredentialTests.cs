using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Tests.Client;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Kubernetes.Tests.Configuration;

/// <summary>How often a plugin is asked, for how long, and what is shown of what it gives.</summary>
public sealed class CredentialTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Many_that_are_refused_at_once_ask_the_plugin_once()
    {
        Answer(new JsonObject { ["token"] = "t" });
        var source = (ICredentialSource)Access("https://127.0.0.1:1").Token!;
        var first = await source.CredentialAsync(null, default);
        Assert.Same(first, await source.CredentialAsync(null, default));
        var fresh = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => source.CredentialAsync(first, default).AsTask())));
        Assert.Equal(2, Runs());
        Assert.NotSame(first, fresh[0]);
        Assert.Single(fresh.Distinct());

        await source.CredentialAsync(fresh[0], default);
        Assert.Equal(3, Runs());
    }

    [Fact]
    public async Task A_certificate_that_is_given_again_goes_on_with_the_connections_it_has()
    {
        await using var server = await ClientCertificate.ServeAsync(_scratch);
        var handlers = 0;
        using var client = new KubernetesClient(Access(server.Url, _scratch["ca.pem"]), Quick.Options with
        {
            Handler = handler =>
            {
                handlers++;
                return handler;
            },
        });
        foreach (var (made, expected) in (((string Certificate, string Key), int)[])[(ClientCertificate.Make(days: 1), 1), (ClientCertificate.Make(days: 1), 2)])
        {
            // Of no use any more at once: each request asks the plugin.
            Answer(new JsonObject { ["clientCertificateData"] = made.Certificate, ["clientKeyData"] = made.Key, ["expirationTimestamp"] = "2020-01-01T00:00:00Z" });
            for (var request = 0; request < 3; request++)
            {
                await client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit);
            }

            Assert.Equal(expected, handlers);
        }

        Assert.Equal(6, Runs());
    }

    [Fact]
    public async Task The_time_that_a_plugin_takes_is_not_that_of_the_request()
    {
        using var server = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = context.Request.Headers.Authorization == "Bearer old" ? 401 : 200;
            await context.Response.WriteAsync("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[]}""");
            return true;
        });
        var log = new ConcurrentQueue<string>();
        foreach (var token in (string[])["old", "new"])
        {
            // Slow, and the second time with the token that is good.
            Answer(new JsonObject { ["token"] = token }, "sleep 1.5; sed -i s/old/new/ \"$HERE/answer\"");
            File.Delete(_scratch["runs"]);
            using var client = new KubernetesClient(Access($"http://{server.Host}"), Quick.Options with { RequestTimeout = TimeSpan.FromSeconds(1), Log = log.Enqueue });
            await client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit);
            Assert.Equal(token == "old" ? 2 : 1, Runs());
        }

        Assert.Empty(log);
    }

    [Fact]
    public async Task Certificates_after_that_of_the_client_are_shown_too()
    {
        await using var server = await ClientCertificate.ServeAsync(_scratch);
        var (certificate, key) = ClientCertificate.MakeChain();
        await File.WriteAllTextAsync(_scratch["cert.pem"], certificate);
        await File.WriteAllTextAsync(_scratch["key.pem"], key);
        using var client = new KubernetesClient(Access(server.Url, _scratch["ca.pem"], "client-certificate: cert.pem, client-key: key.pem"), Quick.Options);
        await client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit);
        Assert.Equal("CN=alice", server.Seen);
        Assert.Contains("CN=middle", server.Shown);
    }

    private int Runs() => File.ReadLines(_scratch["runs"]).Count();

    /// <summary>What the plugin gives, and what it does after that.</summary>
    private void Answer(JsonObject status, string then = ":")
    {
        _scratch.File("answer", new JsonObject { ["apiVersion"] = "client.authentication.k8s.io/v1", ["kind"] = "ExecCredential", ["status"] = status }.ToJsonString());
        var path = _scratch.File("plugin", $"#!/bin/sh\nHERE=\"{_scratch.Folder}\"\necho x >> \"$HERE/runs\"; cat \"$HERE/answer\"\n{then}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private ClusterAccess Access(string url, string? caFile = null, string? user = null) => ClusterConfig.Load(_scratch.File("config", $$"""
        apiVersion: v1
        kind: Config
        current-context: lab
        contexts: [ { name: lab, context: { cluster: lab, user: lab } } ]
        clusters: [ { name: lab, cluster: { server: "{{url}}"{{(caFile is null ? "" : $", certificate-authority: \"{caFile}\"")}} } } ]
        users: [ { name: lab, user: { {{user ?? $"exec: {{ apiVersion: client.authentication.k8s.io/v1, command: \"{_scratch["plugin"]}\" }}"}} } } ]

        """));
}
