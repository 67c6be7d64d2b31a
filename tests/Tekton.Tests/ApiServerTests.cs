using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Tekton.Tests;

/// <summary>Every file on a real API server with Tekton's own definitions: accepted by strict validation, and read back with no field lost.</summary>
public sealed class ApiServerTests
{
    private static readonly Dictionary<string, string> Plurals = new() { ["Task"] = "tasks", ["Pipeline"] = "pipelines", ["TaskRun"] = "taskruns", ["PipelineRun"] = "pipelineruns" };

    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Every_file_is_accepted_and_comes_back_whole(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind, "tekton");
        var space = await server.CreateNamespaceAsync();
        foreach (var path in Catalog.TaskFiles.Concat(Catalog.PipelineFiles).Concat(Catalog.SampleFiles))
        {
            var sent = YamlFile.Read(path).Content;
            sent["metadata"]!["namespace"] = space;
            var (status, created) = await CreateAsync(server, space, sent);
            Assert.True(status == HttpStatusCode.Created, $"{path}: {status} {created}");
            var read = await server.Http.ReadAsync($"{Collection(space, sent)}/{created.Text("metadata/name")}");
            Assert.Equal("", string.Join('\n', Lost(sent, read, path)));
        }
    }

    [SkippableFact]
    public async Task A_field_that_nobody_knows_is_refused_by_name()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Extensions136), "only a server of today validates fields");
        var server = await ApiServerFixture.GetAsync(ApiServerKind.Extensions136, "tekton");
        var space = await server.CreateNamespaceAsync();
        var sent = YamlFile.Read(Catalog.TaskFiles[0]).Content;
        sent["spec"]!["steps"]![0]!["imagePolicy"] = "Always";
        var (status, answer) = await CreateAsync(server, space, sent);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("spec.steps[0].imagePolicy", answer.Text("message"), StringComparison.Ordinal);
    }

    private static string Collection(string space, JsonObject content) => $"/apis/tekton.dev/v1/namespaces/{space}/{Plurals[content.Text("kind")]}";

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> CreateAsync(KubeApiServer server, string space, JsonObject content)
    {
        using var body = new StringContent(content.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await server.Http.PostAsync($"{Collection(space, content)}?fieldValidation=Strict", body);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    // What the server adds (uid, defaults) is its own.
    private static IEnumerable<string> Lost(JsonNode? sent, JsonNode? read, string path) => (sent, read) switch
    {
        (JsonObject ours, JsonObject theirs) => ours.SelectMany(pair => theirs.ContainsKey(pair.Key) ? Lost(pair.Value, theirs[pair.Key], $"{path}/{pair.Key}") : [$"{path}/{pair.Key} is lost"]),
        (JsonArray ours, JsonArray theirs) when ours.Count == theirs.Count => ours.Zip(theirs).SelectMany((pair, index) => Lost(pair.First, pair.Second, $"{path}/{index}")),
        _ => JsonNode.DeepEquals(sent, read) ? [] : [$"{path}: {sent} came back as {read}"],
    };
}
