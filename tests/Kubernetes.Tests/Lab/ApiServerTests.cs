using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Kubernetes.Tests.LabServers;

public sealed class ApiServerTests
{
    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_server_answers_kubectl_and_serves_the_definitions_of_cdi_and_snapshots(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var kubectl = new Kubectl(server.Kubeconfig());

        Assert.Contains("default", kubectl.Run("get", "ns"), StringComparison.Ordinal);
        var established = kubectl.Run(
            "get", "crd", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type==\"Established\")].status}{\"\\n\"}{end}");
        Assert.Contains("datavolumes.cdi.kubevirt.io True", established, StringComparison.Ordinal);
        Assert.Contains("datasources.cdi.kubevirt.io True", established, StringComparison.Ordinal);
        Assert.Contains("volumesnapshots.snapshot.storage.k8s.io True", established, StringComparison.Ordinal);
        Assert.DoesNotContain("False", established, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_service_account_may_do_what_its_role_says_and_nothing_else(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var home = await server.CreateNamespaceAsync("rbac");
        var other = await server.CreateNamespaceAsync("rbac");
        new Kubectl(server.Kubeconfig(home)).Apply("""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: { name: reader }
            rules:
            - { apiGroups: [cdi.kubevirt.io], resources: [datavolumes], verbs: [list] }
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: { name: reader }
            roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
            subjects:
            - { kind: ServiceAccount, name: clone-source }
            """);

        var step = new Kubectl(server.KubeconfigFor(home, "clone-source"));
        // By address: an old kubectl otherwise looks into each group first, which the server of custom resources lets nobody.
        step.Run("get", "--raw", $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{home}/datavolumes");
        var denied = step.Try("get", "--raw", $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{other}/datavolumes");
        Assert.Contains($"User \"system:serviceaccount:{home}:clone-source\" cannot list resource \"datavolumes\"", denied.Error, StringComparison.Ordinal);
        Assert.Contains("cannot", step.Try("get", "--raw", $"/api/v1/namespaces/{home}/persistentvolumeclaims").Error, StringComparison.Ordinal);
        Assert.Contains("cannot", new Kubectl(server.KubeconfigFor(home, "alice")).Try("get", "--raw", $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{home}/datavolumes").Error, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_restart_keeps_address_and_objects_and_breaks_connections(ApiServerKind kind)
    {
        using var server = await ApiServerFixture.StartOwnAsync(kind);
        var url = server.Url;
        var kubectl = new Kubectl(server.Kubeconfig());
        kubectl.Run("create", "configmap", "kept", "--from-literal=a=b");

        foreach (var kill in (bool[])[false, true])
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var watch = server.Http.WatchAsync("/api/v1/namespaces/default/configmaps", limit.Token).GetAsyncEnumerator(limit.Token);
            Assert.True(await watch.MoveNextAsync());
            await server.RestartAsync(kill);

            Assert.False(await MoreComes(watch), "a watch outlived its server");
            Assert.Equal(url, server.Url);
            Assert.Equal("b", kubectl.Run("get", "configmap", "kept", "-o", "jsonpath={.data.a}"));
        }
    }

    [SkippableFact]
    public async Task The_audit_log_tells_who_asked_for_what()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[0]);
        var home = await server.CreateNamespaceAsync("audit");
        new Kubectl(server.KubeconfigFor(home, "bob")).Try("get", "secrets");

        Assert.Contains(
            File.ReadLines(server.AuditLog!).Select(line => JsonNode.Parse(line)!),
            entry => (string?)entry["user"]!["username"] == $"system:serviceaccount:{home}:bob" && (string?)entry["objectRef"]?["resource"] == "secrets");
    }

    /// <summary>Reads on until the stream ends, properly or not; false when it did.</summary>
    private static async Task<bool> MoreComes(IAsyncEnumerator<JsonNode> watch)
    {
        try
        {
            while (await watch.MoveNextAsync())
            {
            }

            return false;
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }
}
