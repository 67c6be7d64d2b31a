using GoldenImages;
using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;
using Steps.Tests.Cluster;

namespace Steps.Tests.PublishDataSource;

[Trait("Suite", "Long")]
public class RightsTests
{
    private const string WrongChecksum =
        """{"phase":"Failed","progress":"N/A","conditions":[{"type":"Bound","status":"False","reason":"Pending"},{"type":"Ready","status":"False"},{"type":"Running","status":"False","reason":"ChecksumError","message":"checksum mismatch"}]}""";

    [SkippableFact]
    public Task Publish_datasource_needs_each_permission_of_its_file_and_no_other() =>
        ProveAsync("tasks/publish-datasource/rbac-two-namespaces.yaml", isOneNamespace: false);

    [SkippableFact]
    public Task Publish_datasource_in_one_namespace_needs_each_permission_of_its_file_and_no_other() =>
        ProveAsync("tasks/publish-datasource/rbac.yaml", isOneNamespace: true);

    private static async Task ProveAsync(string file, bool isOneNamespace)
    {
        var kind = ApiServerAssets.Kinds[^1];
        var server = await ApiServerFixture.GetAsync(kind);
        var proved = await LeastRights.ProveAsync(
            server, "publish-datasource", file,
            () => SceneAsync(cdi => (cdi.CopiesLabels, cdi.BindsLate) = (false, true), old: 2),
            () => SceneAsync(_ => { }, begun: true, cutWatches: true),
            () => SceneAsync(cdi => cdi.Failure = WrongChecksum, code: 5));
        Figures.Say($"{file}: {proved} permissions, each needed");

        async Task<RightsScene> SceneAsync(Action<PlayedCdi> play, int old = 0, bool begun = false, bool cutWatches = false, int code = 0)
        {
            var scene = await Scene.NewAsync(kind, isOneNamespace: isOneNamespace);
            for (var run = 1; run <= old; run++)
            {
                await scene.WorkAsync($"run-{run}-work");
                await scene.PublishAsync(scene.Request($"run-{run}-work") with { Force = true });
            }

            var work = await scene.WorkAsync("run-work");
            if (begun)
            {
                await BeginAsync(scene, work);
            }

            play(scene.Cdi);
            return new RightsScene
            {
                Home = scene.Private,
                Namespaces = new Dictionary<string, string>
                {
                    [RbacFile.Home] = scene.Private,
                    ["golden-images"] = scene.Private,
                    ["openshift-virtualization-os-images"] = scene.Shared,
                },
                Options = ["--volume-name=run-work", $"--data-source={Scene.Name}", $"--target-namespace={scene.Shared}", "--keep=1", "--force=true"],
                Code = code,
                Before = cutWatches ? RightsScene.FirstWatchesAreGone() : _ => Task.FromResult(Verdict.Pass),
                Players = [scene],
            };
        }
    }

    /// <summary>What a run leaves that is killed right after its first change.</summary>
    private static async Task BeginAsync(Scene scene, System.Text.Json.Nodes.JsonNode work)
    {
        var uid = (string)work["metadata"]!["uid"]!;
        var name = VersionName.Of(Scene.Name, (DateTimeOffset)work["metadata"]!["creationTimestamp"]!, uid);
        await scene.Api.CreateAsync(scene.Cdi.DataVolumes, $$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume",
             "metadata":{"name":"{{name}}","labels":{"goldenimage.io/data-source":"{{Scene.Name}}"},
               "annotations":{"goldenimage.io/state":"publishing","goldenimage.io/working-volume":"{{uid}}"} },
             "spec":{"source":{"pvc":{"namespace":"{{scene.Private}}","name":"run-work"} },"storage":{} } }
            """);
    }
}
