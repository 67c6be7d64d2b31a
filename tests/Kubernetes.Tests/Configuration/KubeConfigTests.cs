using System.Text;
using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Kubernetes.Tests.Client;
using Lab;
using Lab.ApiServers;

namespace Kubernetes.Tests.Configuration;

public sealed class KubeConfigTests : IDisposable
{
    private const string Good = """
        apiVersion: v1
        kind: Config
        current-context: one
        contexts:
        - { name: one, context: { cluster: near, user: alice, namespace: team-a } }
        - { name: two, context: { cluster: far, user: bob } }
        clusters:
        - { name: near, cluster: { server: "https://near.example:6443" } }
        - { name: far, cluster: { server: "https://gateway.example/k8s/clusters/c-1", insecure-skip-tls-verify: true, proxy-url: "http://u:p@proxy.example:3128", tls-server-name: inner } }
        users:
        - { name: alice, user: { token: secret-a } }
        - { name: bob, user: { tokenFile: tokens/bob, as: carol, as-uid: "7", as-groups: [g1, g2], as-user-extra: { reason: [test] } } }

        """;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Contexts_clusters_and_users_are_resolved()
    {
        var file = _scratch.File("config", Good);
        _scratch.File("tokens/bob", "secret-b\n");

        var one = KubeConfigFile.Load([file], null);
        Assert.Equal(new Uri("https://near.example:6443/"), one.Server);
        Assert.Equal("team-a", one.Namespace);
        Assert.Equal("secret-a", await one.Token!.GetAsync(false, default));
        Assert.False(one.Insecure);

        var two = KubeConfigFile.Load([file], "two");
        Assert.Equal(new Uri("https://gateway.example/k8s/clusters/c-1/"), two.Server);
        Assert.Equal("default", two.Namespace);
        Assert.Equal("secret-b", await two.Token!.GetAsync(false, default));
        Assert.True(two.Insecure);
        Assert.Equal("inner", two.TlsServerName);
        Assert.Equal("proxy.example", two.Proxy!.Host);
        Assert.Equal(("carol", "7"), (two.ActAs, two.ActAsUid));
        Assert.Equal(["g1", "g2"], two.ActAsGroups);
        Assert.Equal(["test"], two.ActAsExtra["reason"]);
    }

    [Theory]
    [InlineData("a:b")]
    [InlineData("b:a")]
    [InlineData("b:missing:a")]
    public void Several_files_are_merged_as_kubectl_merges_them(string order)
    {
        _scratch.File("a", Good);
        _scratch.File("b", Good.Replace("team-a", "team-b", StringComparison.Ordinal).Replace("current-context: one", "current-context: \"\"", StringComparison.Ordinal)
            .Replace("near.example", "elsewhere.example", StringComparison.Ordinal) + "- { name: dave, user: { token: d } }\n");
        var files = order.Split(':').Select(name => _scratch[name]).ToArray();
        var judged = Tool.Try("env", $"KUBECONFIG={string.Join(':', files)}", "kubectl", "config", "view", "--minify", "--flatten", "--raw", "-o", "json");
        Assert.True(judged.ExitCode == 0, judged.Error);
        var judge = JsonNode.Parse(judged.Output)!;

        var ours = KubeConfigFile.Load(files, null);
        Assert.Equal((string)judge["clusters"]![0]!["cluster"]!["server"]! + "/", ours.Server.AbsoluteUri);
        Assert.Equal((string)judge["contexts"]![0]!["context"]!["namespace"]!, ours.Namespace);
        Assert.EndsWith((string)judge["current-context"]!, ours.Origin, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no current-context")]
    [InlineData("7", "no current-context")]
    [InlineData("{", "no kubeconfig")]
    [InlineData("a: *b", "no kubeconfig: line 1: nothing is called &b")]
    [InlineData("a: 1\na: 2", "\"a\" twice in one map")]
    [InlineData("{a: 1}: 2", "a key that is no text")]
    [InlineData("\0", "no current-context")]
    [InlineData("x: [", "no kubeconfig")]
    [InlineData("current-context: x", "no context \"x\"")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "the cluster \"y\", which is not there")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y, user: z}}]\nclusters: [{name: y, cluster: {server: \"https://h\"}}]", "the user \"z\", who is not there")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {server: h}}]", "no server address")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {server: \"https://h\", proxy-url: \"ftp://p\"}}]", "proxy-url that is none")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {server: \"https://h\", certificate-authority-data: \"!\"}}]", "certificate-authority")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {server: \"https://h\", certificate-authority-data: aGVsbG8=}}]", "no certificate in it")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {server: \"https://h\", certificate-authority: missing.pem}}]", "certificate-authority")]
    public void A_file_that_makes_no_sense_is_refused_in_one_line(string text, string words)
    {
        var fault = Assert.Throws<KubernetesException>(() => KubeConfigFile.Load([_scratch.File("config", text)], null));
        Assert.Equal(KubernetesFault.Usage, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Theory]
    [InlineData("{ username: u, password: secret }", "takes no more since 1.19")]
    [InlineData("{ auth-provider: { name: gcp } }", "removed in 1.26")]
    [InlineData("{ client-certificate-data: eA== }", "without its client-key")]
    [InlineData("{ client-certificate-data: eA==, client-key-data: eA== }", "don't fit")]
    [InlineData("{ token: secret, exec: { apiVersion: client.authentication.k8s.io/v1, command: x } }", "both a plugin (exec) and other credentials")]
    [InlineData("{ exec: { apiVersion: client.authentication.k8s.io/v1alpha1, command: x } }", "v1 and v1beta1 are understood")]
    [InlineData("{ exec: { apiVersion: client.authentication.k8s.io/v1 } }", "no command")]
    [InlineData("{ exec: { apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always } }", "needs somebody to talk to")]
    [InlineData("{ as-groups: [a] }", "as nobody")]
    public void Credentials_that_no_server_takes_are_refused(string user, string words)
    {
        var file = _scratch.File("config", Good.Replace("{ token: secret-a }", user, StringComparison.Ordinal));
        var fault = Assert.Throws<KubernetesException>(() => KubeConfigFile.Load([file], null));
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message.Replace(file, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_mean_harm_end_soon()
    {
        // Nested without end, anchors that multiply, and more than a kubeconfig ever is.
        var bomb = new StringBuilder("a0: &a0 [x]\n");
        for (var level = 1; level < 60; level++)
        {
            bomb.Append($"a{level}: &a{level} [{string.Join(',', Enumerable.Repeat($"*a{level - 1}", 9))}]\n");
        }

        Refused(new string('[', 1_000_000), "deeper than");
        Refused(string.Concat(Enumerable.Repeat("{a: ", 100_000)), "deeper than");
        Refused(string.Concat(Enumerable.Repeat("- ", 100_000)), "deeper than");
        Refused(bomb.ToString(), "no current-context");
        Refused("a: [" + string.Concat(Enumerable.Repeat("x,", 300_000)) + "]", "more than 200000 values");
        Refused(new string('#', 5 << 20), "larger than 4 MiB");
        Refused("a: " + new string('x', 100 << 20), "larger than 4 MiB");

        void Refused(string text, string words)
        {
            var fault = Assert.Throws<KubernetesException>(() => KubeConfigFile.Load([_scratch.File("config", text)], null));
            Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Impersonation_is_what_the_server_sees(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var space = await server.CreateNamespaceAsync();
        var file = _scratch.File("config", (await File.ReadAllTextAsync(server.Kubeconfig(space))).Replace("token: lab-admin", "token: lab-admin, as: carol, as-groups: [painters]", StringComparison.Ordinal));
        using var client = new KubernetesClient(ClusterConfig.Load(file), Quick.Options);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, space, Quick.Limit));
        Assert.Equal(KubernetesFault.Denied, fault.Kind);
        Assert.Contains("User \"carol\" cannot list resource \"configmaps\"", fault.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_server_is_trusted_by_its_authority_and_by_nothing_else()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[0]);
        var good = KubeConfigFile.Load([server.Kubeconfig()], null);
        Certificates.Write(_scratch.Folder, "another");
        var other = KubeConfigFile.Load([server.Kubeconfig()], null) with { Authorities = PemFiles.Certificates("", await File.ReadAllTextAsync(_scratch["ca.pem"])) };

        Assert.Null(await TryAsync(good));
        Assert.Null(await TryAsync(other with { Insecure = true }));
        Assert.Contains("its certificate is not trusted", (await TryAsync(other))!.Message, StringComparison.Ordinal);
        Assert.Contains("its certificate is not trusted", (await TryAsync(good with { Authorities = null }))!.Message, StringComparison.Ordinal);
        Assert.Contains("another name", (await TryAsync(good with { TlsServerName = "elsewhere.example" }))!.Message, StringComparison.Ordinal);
        Assert.Null(await TryAsync(good with { TlsServerName = "localhost" }));

        static async Task<KubernetesException?> TryAsync(ClusterAccess access)
        {
            using var client = new KubernetesClient(access, Quick.Options);
            return await Record.ExceptionAsync(() => client.ListAsync(Kinds.Namespaces, null, Quick.Limit)) as KubernetesException;
        }
    }

    [SkippableFact]
    public async Task In_a_pod_token_and_authority_are_taken_as_they_are_renewed()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[0]);
        var space = await server.CreateNamespaceAsync();
        var wrong = Directory.CreateDirectory(_scratch["wrong"]).FullName;
        Certificates.Write(wrong, "another");
        File.Copy(Path.Combine(wrong, "ca.pem"), _scratch["ca.crt"]);
        _scratch.File("token", "expired");
        _scratch.File("namespace", space);

        var access = ClusterConfig.InCluster("127.0.0.1", $"{new Uri(server.Url).Port}", _scratch.Folder);
        Assert.Equal(space, access.Namespace);
        using var client = new KubernetesClient(access, Quick.Options);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, space, Quick.Limit));
        Assert.Contains("not trusted", fault.Message, StringComparison.Ordinal);

        File.Copy(server.CaFile, _scratch["ca.crt"], overwrite: true);
        fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, space, Quick.Limit));
        Assert.Contains("does not know who asks", fault.Message, StringComparison.Ordinal);

        // The token that was read a moment ago is refused: the file is read again at once, not after a minute.
        _scratch.File("token", server.AdminToken + "\n");
        await client.ListAsync(Quick.ConfigMaps, space, Quick.Limit);
    }

    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;
}
