using System.Text;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Models;
using Xunit;

namespace LocalCluster.Tests.Api;

public sealed class ObjectTests
{
    private const string Space = "/api/v1/namespaces/default";

    private static async Task<(int Code, JsonNode Body)> SendAsync(HttpClient http, string method, string path, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var answer = await http.SendAsync(request);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    private static string ConfigMap(string name, string more = "") => $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"{{{more}}} },"data":{"a":"1"} }""";

    [Fact]
    public async Task Kubectl_makes_shows_changes_and_deletes()
    {
        await using var api = await LocalApi.StartAsync();
        api.Kubectl.Run("create", "namespace", "team-a");
        Assert.Contains("team-a", api.Kubectl.Run("get", "namespaces"));
        var yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one, namespace: team-a, labels: { app: x } }\ndata: { a: '1', b: '2' }\n";
        Assert.Contains("created", api.Kubectl.Apply(yaml));
        Assert.Contains("unchanged", api.Kubectl.Apply(yaml));
        Assert.Contains("configured", api.Kubectl.Apply(yaml.Replace("b: '2'", "c: '3'")));
        Assert.Equal("""{"a":"1","c":"3"}""", api.Kubectl.Run("get", "cm", "one", "-n", "team-a", "-o", "jsonpath={.data}"));
        api.Kubectl.Run("label", "cm", "one", "-n", "team-a", "more=y");
        Assert.Equal("configmap/one", api.Kubectl.Run("get", "cm", "-n", "team-a", "-l", "app in (x,z),more,!none", "-o", "name").Trim());
        Assert.Empty(api.Kubectl.Run("get", "cm", "-n", "team-a", "-l", "app notin (x)", "-o", "name"));
        Assert.Empty(api.Kubectl.Run("get", "cm", "-n", "team-a", "--field-selector=metadata.name!=one", "-o", "name"));
        Assert.Contains("deleted", api.Kubectl.Run("delete", "cm", "one", "-n", "team-a"));
        Assert.Contains("configmaps \"one\" not found", api.Kubectl.Try("get", "cm", "one", "-n", "team-a").Error);
        Assert.Contains("admin", api.Kubectl.Run("auth", "whoami"));
    }

    [Fact]
    public async Task The_kubeconfig_is_for_its_owner_alone()
    {
        await using var api = await LocalApi.StartAsync();
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(Owner, File.GetUnixFileMode(api.Server.Kubeconfig));
        Assert.All(Directory.GetFiles(Path.Combine(api.State, "api")).Where(file => !file.EndsWith("lock")), file => Assert.Equal(Owner, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task What_can_not_be_is_refused_in_the_words_of_the_real_server()
    {
        await using var api = await LocalApi.StartAsync();
        Assert.Equal(201, (await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("one"))).Code);

        var (code, body) = await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("one"));
        Assert.Equal((409, "AlreadyExists", "configmaps \"one\" already exists"), (code, (string?)body["reason"], (string?)body["message"]));
        (code, body) = await SendAsync(api.Http, "PUT", $"{Space}/configmaps/one", ConfigMap("one", """,  "resourceVersion":"1" """));
        Assert.Equal(
            (409, "Conflict", "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again"),
            (code, (string?)body["reason"], (string?)body["message"]));
        (code, body) = await SendAsync(api.Http, "POST", "/api/v1/namespaces/none/configmaps", ConfigMap("one"));
        Assert.Equal((404, "namespaces \"none\" not found"), (code, (string?)body["message"]));
        (code, body) = await SendAsync(api.Http, "POST", $"{Space}/configmaps", """{"metadata":{"name":"two"},"dataa":{}}""");
        Assert.Equal(400, code);
        Assert.Contains("strict decoding error: unknown field \"dataa\"", (string?)body["message"]);
        (code, body) = await SendAsync(api.Http, "POST", $"{Space}/configmaps", """{"metadata":{"name":"two"},"data":{"a":1}}""");
        Assert.Equal((422, "Invalid", "data.a"), (code, (string?)body["reason"], (string?)body["details"]!["causes"]![0]!["field"]));
        (code, body) = await SendAsync(api.Http, "POST", $"{Space}/configmaps", """{"metadata":{"name":"No Name"}}""");
        Assert.Equal((422, "metadata.name"), (code, (string?)body["details"]!["causes"]![0]!["field"]));
        (code, body) = await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/one?fieldManager=x", "{}", "application/apply-patch+yaml");
        Assert.Equal((415, "UnsupportedMediaType"), (code, (string?)body["reason"]));
        (code, body) = await SendAsync(api.Http, "GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
        Assert.Equal((404, "NotFound"), (code, (string?)body["reason"]));
        Assert.Contains("kinds are fixed", (string?)body["message"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("""{"metadata":[]}""")]
    [InlineData("""{"metadata":{"name":{}}}""")]
    [InlineData("""{"metadata":{"name":"x","labels":"y"}}""")]
    [InlineData("""{"metadata":{"name":"x","name":"y"}}""")]
    [InlineData("""{"metadata":{"name":"x","finalizers":{"a":1}}}""")]
    [InlineData("""{"metadata":{"name":"x","ownerReferences":[null,1]}}""")]
    [InlineData("""{"metadata":{"name":"../../x"}}""")]
    [InlineData("""{"apiVersion":7,"kind":[],"metadata":{}}""")]
    [InlineData("""{"metadata":{"name":"\ud800"}}""")]
    public async Task Hostile_objects_are_the_senders_fault(string body)
    {
        await using var api = await LocalApi.StartAsync();
        foreach (var (method, path, type) in new[]
        {
            ("POST", $"{Space}/configmaps", "application/json"), ("POST", $"{Space}/pods", "application/json"), ("POST", "/api/v1/namespaces", "application/json"),
            ("POST", $"{Space}/persistentvolumeclaims", "application/json"), ("PUT", "/api/v1/namespaces/default", "application/json"),
            ("PATCH", "/api/v1/namespaces/default", "application/merge-patch+json"), ("PATCH", "/api/v1/namespaces/default", "application/json-patch+json"),
            ("PATCH", "/api/v1/namespaces/default", "application/strategic-merge-patch+json"), ("POST", $"{Space}/serviceaccounts/default/token", "application/json"),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "application/json"),
            ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", "application/json"),
        })
        {
            Assert.True((await SendAsync(api.Http, method, path, body, type)).Code is not (500 or 0), $"{method} {path}: {string.Join('\n', api.Log)}");
        }

        Assert.Empty(api.Log);
    }

    [Fact]
    public async Task A_body_of_more_than_3_MiB_is_refused_and_so_are_nests()
    {
        await using var api = await LocalApi.StartAsync();
        Assert.Equal(413, (await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("x", $$""","annotations":{"a":"{{new string('a', 4 << 20)}}"}"""))).Code);
        Assert.Equal(400, (await SendAsync(api.Http, "POST", $"{Space}/configmaps", new string('[', 100_000))).Code);
        var bomb = string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"/data","path":"/data/a"}""", 200));
        await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("x"));
        Assert.True((await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/x", $"[{bomb}]", "application/json-patch+json")).Code is 400 or 413 or 422);
    }

    [Fact]
    public async Task Patches_of_all_three_kinds_do_what_they_say()
    {
        await using var api = await LocalApi.StartAsync();
        const string Pod = """
            {"metadata":{"name":"p","finalizers":["x/a"]},"spec":{"nodeName":"n","containers":[{"name":"a","image":"i","env":[{"name":"E","value":"1"}]},{"name":"b","image":"i"}]}}
            """;
        Assert.Equal(201, (await SendAsync(api.Http, "POST", $"{Space}/pods", Pod)).Code);
        var (code, body) = await SendAsync(
            api.Http, "PATCH", $"{Space}/pods/p/status",
            """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]},"spec":{"nodeName":"other"}}""", "application/strategic-merge-patch+json");
        Assert.Equal((200, "n", "Running"), (code, (string?)body["spec"]!["nodeName"], (string?)body["status"]!["phase"]));
        (code, body) = await SendAsync(
            api.Http, "PATCH", $"{Space}/pods/p/status", """{"status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"False"}]}}""", "application/strategic-merge-patch+json");
        Assert.Equal(["Ready", "Other"], body["status"]!["conditions"]!.AsArray().Select(one => (string?)one!["type"]));
        (code, body) = await SendAsync(
            api.Http, "PATCH", $"{Space}/pods/p", """{"metadata":{"finalizers":["x/b"],"$deleteFromPrimitiveList/finalizers":["x/a"]}}""", "application/strategic-merge-patch+json");
        Assert.True(code == 200, body.ToJsonString());
        Assert.Equal("""["x/b"]""", body["metadata"]!["finalizers"]!.ToJsonString());

        await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("c"));
        (_, body) = await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/c", """{"data":{"a":null,"b":"2"}}""", "application/merge-patch+json");
        Assert.Equal("""{"b":"2"}""", body["data"]!.ToJsonString());
        (_, body) = await SendAsync(
            api.Http, "PATCH", $"{Space}/configmaps/c",
            """[{"op":"test","path":"/data/b","value":"2"},{"op":"move","from":"/data/b","path":"/data/c"},{"op":"add","path":"/metadata/labels","value":{}},{"op":"add","path":"/metadata/labels/x~1y","value":"1"}]""", "application/json-patch+json");
        Assert.Equal(("""{"c":"2"}""", "1"), (body["data"]!.ToJsonString(), (string?)body["metadata"]!["labels"]!["x/y"]));
        Assert.Equal(422, (await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/c", """[{"op":"test","path":"/data/b","value":"3"}]""", "application/json-patch+json")).Code);
        var patch = """{"spec":{"source":{"pvc":{"name":"x","namespace":"y"}}}}""";
        Assert.Equal(
            415, (await SendAsync(api.Http, "PATCH", "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datasources/d", patch, "application/strategic-merge-patch+json")).Code);
    }

    [Fact]
    public async Task A_dry_run_leaves_nothing()
    {
        await using var api = await LocalApi.StartAsync();
        Assert.Contains("dry run", api.Kubectl.Run("create", "configmap", "c", "--from-literal=a=1", "--dry-run=server"));
        Assert.Contains("not found", api.Kubectl.Try("get", "cm", "c").Error);
        api.Kubectl.Run("create", "secret", "generic", "s", "--from-literal=a=1", "--dry-run=server");
        api.Kubectl.Run("create", "configmap", "c", "--from-literal=a=1");
        Assert.Contains("dry run", api.Kubectl.Run("delete", "configmap", "c", "--dry-run=server"));
        var (code, _) = await SendAsync(api.Http, "DELETE", $"{Space}/configmaps/c", """{"dryRun":["All"]}""");
        Assert.Equal(200, code);
        Assert.Equal(422, (await SendAsync(api.Http, "DELETE", $"{Space}/configmaps/c", """{"dryRun":["Some"]}""")).Code);
        Assert.Equal(422, (await SendAsync(api.Http, "DELETE", $"{Space}/configmaps/c", """{"propagationPolicy":"Whatever"}""")).Code);
        Assert.Equal("1", api.Kubectl.Run("get", "cm", "c", "-o", "jsonpath={.data.a}"));
    }

    [Fact]
    public async Task Status_and_the_rest_are_written_apart_and_a_generation_counts_the_rest()
    {
        await using var api = await LocalApi.StartAsync();
        var made = await api.Client.CreateAsync(
            Kinds.DataSources, new DataSource { Metadata = { Name = "d", Namespace = "default" }, Spec = { Source = new() { Pvc = new() { Name = "a", Namespace = "default" } } } }, LocalApi.Limit());
        Assert.Equal(1, made.Metadata.Generation);
        made.Metadata.Labels = new() { ["a"] = "b" };
        made = await api.Client.ReplaceAsync(Kinds.DataSources, made, LocalApi.Limit());
        Assert.Equal(1, made.Metadata.Generation);
        var version = made.Metadata.ResourceVersion;
        made = await api.Client.ReplaceAsync(Kinds.DataSources, made, LocalApi.Limit());
        Assert.Equal(version, made.Metadata.ResourceVersion);
        made.Spec.Source.Pvc!.Name = "b";
        made = await api.Client.ReplaceAsync(Kinds.DataSources, made, LocalApi.Limit());
        Assert.Equal(2, made.Metadata.Generation);
    }

    [Fact]
    public async Task Finalizers_and_namespaces_hold_what_is_deleted()
    {
        await using var api = await LocalApi.StartAsync();
        await SendAsync(api.Http, "POST", $"{Space}/configmaps", ConfigMap("c", ""","finalizers":["x/a"]"""));
        var (_, body) = await SendAsync(api.Http, "DELETE", $"{Space}/configmaps/c?propagationPolicy=Foreground");
        Assert.NotNull(body["metadata"]!["deletionTimestamp"]);
        Assert.Equal("""["x/a","foregroundDeletion"]""", body["metadata"]!["finalizers"]!.ToJsonString());
        Assert.Equal(422, (await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/c", """{"metadata":{"finalizers":["x/new"]}}""", "application/merge-patch+json")).Code);
        Assert.Equal(200, (await SendAsync(api.Http, "PATCH", $"{Space}/configmaps/c", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json")).Code);
        Assert.Equal(404, (await SendAsync(api.Http, "GET", $"{Space}/configmaps/c")).Code);

        api.Kubectl.Run("create", "namespace", "gone");
        (_, body) = await SendAsync(api.Http, "DELETE", "/api/v1/namespaces/gone");
        Assert.Equal("Terminating", (string?)body["status"]!["phase"]);
        var (code, refusal) = await SendAsync(api.Http, "POST", "/api/v1/namespaces/gone/configmaps", ConfigMap("c"));
        Assert.Equal((403, "NamespaceTerminating"), (code, (string?)refusal["details"]!["causes"]![0]!["reason"]));
        body["spec"]!["finalizers"] = new JsonArray();
        Assert.Equal(200, (await SendAsync(api.Http, "PUT", "/api/v1/namespaces/gone/finalize", body.ToJsonString())).Code);
        Assert.Equal(404, (await SendAsync(api.Http, "GET", "/api/v1/namespaces/gone")).Code);
        Assert.Equal(403, (await SendAsync(api.Http, "DELETE", "/api/v1/namespaces/default")).Code);
    }

    [Fact]
    public async Task A_pod_on_a_node_is_given_time_to_end()
    {
        await using var api = await LocalApi.StartAsync();
        await SendAsync(api.Http, "POST", $"{Space}/pods", """{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"a","image":"i"}]}}""");
        var (_, body) = await SendAsync(api.Http, "DELETE", $"{Space}/pods/p");
        Assert.Equal(30, (int?)body["metadata"]!["deletionGracePeriodSeconds"]);
        Assert.True(await api.Client.DeleteAsync(Kinds.Pods, "default", "p", LocalApi.Limit(), graceSeconds: 0));
        Assert.Equal(404, (await SendAsync(api.Http, "GET", $"{Space}/pods/p")).Code);
    }
}
