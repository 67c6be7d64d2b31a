using System.Text;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Xunit;

namespace LocalCluster.Tests.Api;

public sealed class PodLogTests
{
    private const string Path = "/api/v1/namespaces/default/pods";

    private static async Task<string> MakeAsync(LocalApi api)
    {
        using var answer = await api.Http.PostAsync(
            Path,
            new StringContent("""{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"step-a","image":"i"},{"name":"step-b","image":"i"}]}}""", Encoding.UTF8, "application/json"));
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["metadata"]!["uid"]!;
    }

    private static Task<Kubernetes.Models.Pod> SetAsync(LocalApi api, string state) => api.Client.PatchAsync(
        Kinds.Pods, "default", "p",
        Patch.Merge((JsonObject)JsonNode.Parse(
            $$$"""{"status":{"phase":"Running","containerStatuses":[{"name":"step-a","image":"i","imageID":"","ready":true,"restartCount":0,"state":{{{state}}} }]} }""")!),
        LocalApi.Limit(), "status");

    [Fact]
    public async Task Kubectl_follows_a_containers_output_to_its_end()
    {
        await using var api = await LocalApi.StartAsync();
        var uid = await MakeAsync(api);
        Assert.Contains("container \"step-a\" in pod \"p\" is waiting to start: PodInitializing", api.Kubectl.Try("logs", "p", "-c", "step-a").Error);
        Assert.Contains("choose one of: [step-a step-b]", await (await api.Http.GetAsync($"{Path}/p/log")).Content.ReadAsStringAsync());
        Assert.Contains("container step-c is not valid for pod p", await (await api.Http.GetAsync($"{Path}/p/log?container=step-c")).Content.ReadAsStringAsync());
        await SetAsync(api, """{"running":{"startedAt":"2026-01-01T00:00:00Z"}}""");
        var folder = System.IO.Path.Combine(api.State, "pods", uid);
        Directory.CreateDirectory(folder);
        await using var log = new StreamWriter(System.IO.Path.Combine(folder, "step-a.log")) { AutoFlush = true };
        await log.WriteAsync("one\ntwo\n");
        using var kubectl = new System.Diagnostics.Process
        {
            StartInfo = new("kubectl", [.. api.Kubectl.Common, "logs", "-f", "p", "-c", "step-a"]) { RedirectStandardOutput = true, UseShellExecute = false },
        };
        kubectl.Start();
        try
        {
            Assert.Equal("one", await kubectl.StandardOutput.ReadLineAsync(LocalApi.Limit()));
            await log.WriteAsync("three\n");
            Assert.Equal("two", await kubectl.StandardOutput.ReadLineAsync(LocalApi.Limit()));
            Assert.Equal("three", await kubectl.StandardOutput.ReadLineAsync(LocalApi.Limit()));
            await log.WriteAsync("last");
            await SetAsync(api, """{"terminated":{"exitCode":0}}""");
            Assert.Equal("last", await kubectl.StandardOutput.ReadToEndAsync(LocalApi.Limit()));
            await kubectl.WaitForExitAsync(LocalApi.Limit());
            Assert.Equal(0, kubectl.ExitCode);
        }
        finally
        {
            kubectl.Kill();
        }

        Assert.Equal("three\nlast", api.Kubectl.Run("logs", "p", "-c", "step-a", "--tail=2"));
        Assert.Equal("one\ntwo\nthree\nlast", api.Kubectl.Run("logs", "p", "-c", "step-a", "--tail=20"));
        Assert.Equal("", api.Kubectl.Run("logs", "p", "-c", "step-a", "--tail=0"));
        Assert.Contains("leave out --timestamps", api.Kubectl.Try("logs", "p", "-c", "step-a", "--timestamps").Error);
        Assert.Contains("leave out --previous", api.Kubectl.Try("logs", "p", "-c", "step-a", "-p").Error);
    }

    [Fact]
    public async Task What_can_not_be_run_in_pods_is_refused_in_a_line()
    {
        await using var api = await LocalApi.StartAsync();
        await MakeAsync(api);
        Assert.Contains("this API server has no exec for pods", api.Kubectl.Try("exec", "p", "-c", "step-a", "--", "true").Error);
    }
}
