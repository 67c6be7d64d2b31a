using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Models;
using Lab;
using Xunit;

namespace LocalCluster.Tests.Api;

public sealed class RightsTests
{
    private const string Rights = """
        apiVersion: v1
        kind: ServiceAccount
        metadata: { name: robot, namespace: default }
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: { name: robot, namespace: default }
        rules:
        - { apiGroups: [""], resources: [configmaps], verbs: [get, list], resourceNames: [mine] }
        - { apiGroups: [cdi.kubevirt.io], resources: [datavolumes], verbs: ["*"] }
        - { apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: [create, update, patch, get] }
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: { name: robot, namespace: default }
        roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: robot }
        subjects: [{ kind: ServiceAccount, name: robot, namespace: default }]
        """;

    private const string Robot = "system:serviceaccount:default:robot";

    [Fact]
    public async Task A_ServiceAccount_may_what_its_roles_say_and_nothing_else()
    {
        await using var api = await LocalApi.StartAsync();
        api.Kubectl.Apply(Rights);
        api.Kubectl.Run("create", "configmap", "mine");
        var token = (await api.Client.CreateTokenAsync("default", "robot", TimeSpan.FromHours(1), LocalApi.Limit())).Token;
        using var http = api.HttpAs(token);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/api/v1/namespaces/default/configmaps/mine")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dmine")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/api/v1/namespaces/default/configmaps")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/apis")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/metrics")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes/none")).StatusCode);
        using var answer = await http.GetAsync("/apis/cdi.kubevirt.io/v1beta1/namespaces/kube-system/datavolumes/x");
        Assert.Equal(
            $"datavolumes.cdi.kubevirt.io \"x\" is forbidden: User \"{Robot}\" cannot get resource \"datavolumes\" in API group \"cdi.kubevirt.io\" in the namespace \"kube-system\"",
            (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["message"]);
        using var all = await http.GetAsync("/apis/cdi.kubevirt.io/v1beta1/datavolumes");
        Assert.EndsWith("at the cluster scope", (string?)JsonNode.Parse(await all.Content.ReadAsStringAsync())!["message"]);
    }

    [Fact]
    public async Task Kubectl_speaks_for_others_and_asks_what_they_may()
    {
        await using var api = await LocalApi.StartAsync();
        api.Kubectl.Apply(Rights);
        Assert.Equal("yes", api.Kubectl.Run("auth", "can-i", "create", "datavolumes.cdi.kubevirt.io", $"--as={Robot}").Trim());
        Assert.Equal("no", api.Kubectl.Try("auth", "can-i", "create", "configmaps", $"--as={Robot}").Output.Trim());
        Assert.Equal("no", api.Kubectl.Try("auth", "can-i", "create", "datavolumes.cdi.kubevirt.io", "-n", "kube-system", $"--as={Robot}").Output.Trim());
        Assert.Contains("datavolumes.cdi.kubevirt.io", api.Kubectl.Run("auth", "can-i", "--list", $"--as={Robot}"));
        Assert.Contains(Robot, api.Kubectl.Run("auth", "whoami", $"--as={Robot}"));
        Assert.Contains("is forbidden", api.Kubectl.Try("get", "secrets", $"--as={Robot}").Error);
        Assert.Equal("yes", api.Kubectl.Run("auth", "can-i", "get", "secrets", "--as=alice", "--as-group=system:masters").Trim());

        var review = await api.Client.CreateAsync(
            Kinds.SubjectAccessReviews,
            new SubjectAccessReview { Spec = { User = Robot, ResourceAttributes = new() { Namespace = "default", Verb = "delete", Group = "cdi.kubevirt.io", Resource = "datavolumes" } } },
            LocalApi.Limit());
        Assert.True(review.Status!.Allowed);
        var token = (await api.Client.CreateTokenAsync("default", "robot", TimeSpan.FromHours(1), LocalApi.Limit())).Token;
        using var http = api.HttpAs(token);
        http.DefaultRequestHeaders.Add("Impersonate-User", "admin");
        http.DefaultRequestHeaders.Add("Impersonate-Group", "system:masters");
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/api/v1/namespaces")).StatusCode);
    }

    [Fact]
    public async Task Nobody_grants_what_he_has_not()
    {
        await using var api = await LocalApi.StartAsync();
        api.Kubectl.Apply(Rights);
        Assert.Contains("created", api.Kubectl.Run("create", "role", "less", "--verb=get", "--resource=datavolumes.cdi.kubevirt.io", $"--as={Robot}"));
        Assert.Contains(
            "attempting to grant RBAC permissions not currently held", api.Kubectl.Try("create", "role", "more", "--verb=get", "--resource=secrets", $"--as={Robot}").Error);
        api.Kubectl.Run("create", "clusterrole", "everything", "--verb=*", "--resource=*.*");
        Assert.Contains("not currently held", api.Kubectl.Try("create", "rolebinding", "up", "--clusterrole=everything", "--user=me", $"--as={Robot}").Error);
        Assert.Contains("created", api.Kubectl.Run("create", "rolebinding", "same", "--role=robot", "--user=me", $"--as={Robot}"));
        Assert.Contains("cannot change roleRef", api.Kubectl.Try(
            "patch", "rolebinding", "same", "--type=merge", "-p", """{"roleRef":{"name":"less"}}""").Error);
    }

    [Fact]
    public async Task A_token_falls_with_its_ServiceAccount_and_no_other_is_believed()
    {
        await using var api = await LocalApi.StartAsync();
        api.Kubectl.Apply(Rights);
        var token = api.Kubectl.Run("create", "token", "robot").Trim();
        using (var http = api.HttpAs(token))
        {
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/apis")).StatusCode);
            await api.RestartAsync();
            using var again = api.HttpAs(token);
            Assert.Equal(HttpStatusCode.OK, (await again.GetAsync("/apis")).StatusCode);
            api.Kubectl.Run("delete", "serviceaccount", "robot");
            api.Kubectl.Run("create", "serviceaccount", "robot");
            Assert.Equal(HttpStatusCode.Unauthorized, (await again.GetAsync("/apis")).StatusCode);
        }

        var parts = token.Split('.');
        var none = Convert.ToBase64String("""{"alg":"none","typ":"JWT"}"""u8).TrimEnd('=');
        foreach (var bad in new[] { "x", "", "a.b.c", $"{none}.{parts[1]}.", $"{parts[0]}.{parts[1]}.", $"{parts[0]}.{parts[1][..^2]}.{parts[2]}" })
        {
            using var http = api.HttpAs(bad);
            Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/api/v1/namespaces")).StatusCode);
        }

        using var nobody = new HttpClient(Certificates.TrustOnly(api.Server.CaFile)) { BaseAddress = new Uri(api.Server.Url) };
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync("/version")).StatusCode);
        using var brief = await api.Http.PostAsync(
            "/api/v1/namespaces/default/serviceaccounts/default/token", new StringContent("""{"spec":{"expirationSeconds":10}}""", Encoding.UTF8, "application/json"));
        Assert.Equal(422, (int)brief.StatusCode);
    }
}
