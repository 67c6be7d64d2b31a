using Lab.ApiProxy;
using Lab.ApiServers;
using Steps.Tests.Cluster;

namespace Steps.Tests.PublishDataSource;

public class ProcessTests
{
    [SkippableFact]
    public async Task An_undisturbed_first_publication_takes_eleven_requests_and_gives_its_results()
    {
        using var scene = await Scene.NewAsync(Kind);
        await scene.WorkAsync("run-1-work");
        using var proxy = await ApiProxyServer.StartAsync(scene.Server);

        var (step, code) = await ClusterStep.RunAsync(
            "publish-datasource", proxy.Kubeconfig(scene.Private), "--volume-name=run-1-work", $"--data-source={Scene.Name}", $"--target-namespace={scene.Shared}", "--keep=2");

        using (step)
        {
            Assert.True(code == 0, step.Log);
            Assert.Equal($"data-source={Scene.Name}\nvolume-name={await scene.CurrentAsync()}", step.Results);
            Assert.True(proxy.Requests.Count <= 11, string.Join('\n', proxy.Requests));
        }
    }

    [SkippableFact]
    public async Task Mistakes_end_with_2_what_is_missing_with_3_and_a_dry_run_asks_nobody()
    {
        using var scene = await Scene.NewAsync(Kind);
        await Ends(scene, 2, "--volume-name: it is required, unless --rollback is given", $"--data-source={Scene.Name}");
        await Ends(scene, 2, "--data-source", "--volume-name=a", "--data-source=No_Name");
        await Ends(scene, 2, "--default-instancetype", "--volume-name=a", $"--data-source={Scene.Name}", "--default-instancetype=a b");
        await Ends(scene, 2, "--build-inputs", "--volume-name=a", $"--data-source={Scene.Name}", "--build-inputs=x");
        await Ends(scene, 2, "--keep", "--volume-name=a", $"--data-source={Scene.Name}", "--keep=0");
        await Ends(scene, 3, $"PersistentVolumeClaim {scene.Private}/a: it is not there", "--volume-name=a", $"--data-source={Scene.Name}");
        await Ends(scene, 3, $"DataSource {scene.Private}/{Scene.Name}: it is not there", "--rollback=previous", $"--data-source={Scene.Name}");

        using var proxy = await ApiProxyServer.StartAsync(scene.Server);
        var (dry, code) = await ClusterStep.RunAsync("publish-datasource", proxy.Kubeconfig(scene.Private), "--volume-name=a", $"--data-source={Scene.Name}", "--dry-run");
        using (dry)
        {
            Assert.True(code == 0, dry.Log);
            Assert.Contains($"copy PersistentVolumeClaim {scene.Private}/a", dry.Log, StringComparison.Ordinal);
            Assert.Empty(proxy.Requests);
        }
    }

    [SkippableFact]
    public async Task The_deadline_ends_with_7_and_tells_where_the_copy_stands_and_the_next_run_completes_it()
    {
        using var scene = await Scene.NewAsync(Kind);
        await scene.WorkAsync("run-1-work");
        scene.Cdi.Failure = """{"phase":"CloneInProgress","progress":"37.50%","conditions":[{"type":"Bound","status":"False","reason":"Pending"},{"type":"Running","status":"True","reason":"Pod is running"}]}""";
        string[] options = ["--volume-name=run-1-work", $"--data-source={Scene.Name}", $"--target-namespace={scene.Shared}"];

        var (step, code) = await ClusterStep.RunAsync("publish-datasource", scene.Server.Kubeconfig(scene.Private), [.. options, "--timeout=5s"]);
        using (step)
        {
            Assert.True(code == 7, step.Log);
            Assert.Contains("CloneInProgress", step.Log, StringComparison.Ordinal);
            Assert.Contains("37", step.Log, StringComparison.Ordinal);
        }

        scene.Cdi.Failure = null;
        await scene.Cdi.FillAsync((await scene.VersionsAsync()).Keys.Single());
        var (again, ended) = await ClusterStep.RunAsync("publish-datasource", scene.Server.Kubeconfig(scene.Private), options);
        using (again)
        {
            Assert.True(ended == 0, again.Log);
        }
    }

    private static ApiServerKind Kind => ApiServerAssets.Kinds[^1];

    private static async Task Ends(Scene scene, int expected, string error, params string[] options)
    {
        var (step, code) = await ClusterStep.RunAsync("publish-datasource", scene.Server.Kubeconfig(scene.Private), options);
        using (step)
        {
            Assert.True(code == expected, $"exit {code}: {step.Log}");
            Assert.Contains(error, step.Error, StringComparison.Ordinal);
        }
    }
}
