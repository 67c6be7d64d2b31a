using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tests.Tekton;

/// <summary>The product's own Tasks and Pipeline, with a hand in place of the steps' work.</summary>
public sealed class GoldenPipelineTests
{
    private const string Run = """
        apiVersion: tekton.dev/v1
        kind: PipelineRun
        metadata: { name: build }
        spec:
          pipelineRef: { name: build-golden-image }
          params: [{ name: source-name, value: debian12 }, { name: data-source, value: debian12-corp }, IMAGE]
          workspaces: [{ name: customization, configMap: { name: corp } }]
          timeouts: { pipeline: 9h0m0s, tasks: 8h30m0s, finally: 30m0s }
        """;

    [SkippableTheory]
    [InlineData(false, "true", "{ name: image, value: \"registry/image:1\" }", "check clone customize discard plan publish push", "")]
    [InlineData(true, "true", "{ name: force, value: \"false\" }", "check clone customize discard plan publish", "push")]
    [InlineData(true, "false", "{ name: image, value: \"registry/image:1\" }", "plan", "check clone customize discard publish push")]
    public async Task The_golden_pipeline_runs_what_its_plan_says(bool ours, string needed, string image, string ran, string skipped)
    {
        await using var bench = ours ? await TektonBench.StartLocalAsync() : await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (pod, container) =>
        {
            // Each step leaves each of its results, as the real ones do.
            var results = container.Args!.Where(argument => argument.StartsWith("--result-", StringComparison.Ordinal)).Select(argument => argument[(argument.LastIndexOf('/') + 1)..]);
            return new StepEnd(0, [.. results.Select(name => (name, name == "needed" ? needed : name == "error" ? "" : $"{name} of {container.Name}"))]);
        };
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "tasks"), "*.yaml", SearchOption.AllDirectories)
            .Where(file => Path.GetFileNameWithoutExtension(file) == Path.GetFileName(Path.GetDirectoryName(file)!)).Append(Path.Combine(Repository.Root, "pipelines/build-golden-image/build-golden-image.yaml")))
        {
            bench.Create(await File.ReadAllTextAsync(file));
        }

        bench.Create(Run.Replace("IMAGE", image));
        var run = await bench.DoneAsync("build");
        Assert.StartsWith($"True/{(skipped.Length > 0 ? "Completed" : "Succeeded")}/Tasks Completed:", TektonBench.Show(run.Succeeded));
        Assert.Equal(ran, string.Join(' ', run.Status!.ChildReferences!.Select(child => child.PipelineTaskName!).Order(StringComparer.Ordinal)));
        Assert.Equal(skipped, string.Join(' ', (run.Status.SkippedTasks ?? []).Select(one => one.Name).Order(StringComparer.Ordinal)));
        Assert.Equal(needed, (string?)run.Status.Results!.Single(one => one.Name == "needed").Value);
        Assert.Equal(ran.Contains("push"), run.Status.Results!.Exists(one => one.Name == "IMAGE_DIGEST"));
        Assert.Equal(ran.Contains("publish"), run.Status.Results!.Exists(one => one.Name == "volume-name"));
        if (ran.Contains("customize"))
        {
            var pod = await bench.Client.GetAsync(Kinds.Pods, bench.Space, "build-customize-pod", TektonBench.Limit());
            Assert.Equal("build-work", pod.Spec.Volumes!.Single(volume => volume.PersistentVolumeClaim is not null).PersistentVolumeClaim!.ClaimName);
            Assert.Equal("corp", pod.Spec.Volumes!.Single(volume => volume.ConfigMap is not null).ConfigMap!.Name);
            Assert.Contains("--content=/workspace/customization", pod.Spec.Containers.Single().Args!);
            var clone = await bench.Client.GetAsync(Kinds.Pods, bench.Space, "build-clone-pod", TektonBench.Limit());
            Assert.Contains($"--owner-uid={run.Metadata.Uid}", clone.Spec.Containers.Single().Args!);
        }
    }

    [SkippableFact]
    public async Task Real_steps_run_on_the_real_node_and_hand_on_their_results()
    {
        using var scratch = new Scratch();
        File.SetUnixFileMode(scratch.File("steps/shell/shell", "#!/bin/sh\nexec /bin/sh -c \"$1\"\n"), (UnixFileMode)0x1ed);
        await using var bench = await TektonBench.StartLocalAsync(scratch["steps"]);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: Task
            metadata: { name: shell }
            spec:
              params: [{ name: script, type: string }]
              results: [{ name: said }, { name: second }]
              workspaces: [{ name: config, optional: true, readOnly: true }]
              steps:
              - { name: say, image: "golden-image-tasks/steps:main", command: [/app/steps/shell/shell], args: ["printf %s \"$(params.script)\" > $(results.said.path); echo said"] }
              - { name: again, image: "golden-image-tasks/steps:main", command: [/app/steps/shell/shell], args: ["cat $(results.said.path) $(workspaces.config.path)/word > $(results.second.path); test -s $(workspaces.config.path)/word"] }
            """);
        bench.Create("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: words }\ndata: { word: ' world' }\n");
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: real }
            spec:
              workspaces: [{ name: words, configMap: { name: words } }]
              pipelineSpec:
                workspaces: [{ name: words }]
                results: [{ name: heard, value: "$(tasks.second.results.said)|$(tasks.first.results.second)" }]
                tasks:
                - { name: first, taskRef: { name: shell }, params: [{ name: script, value: hello }], workspaces: [{ name: config, workspace: words }] }
                - { name: second, taskRef: { name: shell }, params: [{ name: script, value: "$(tasks.first.results.said) again" }], workspaces: [{ name: config, workspace: words }] }
            """);
        var run = await bench.DoneAsync("real");
        Assert.True(run.Succeeded!.IsTrue, $"{TektonBench.Show(run.Succeeded)}\n{bench.Log}");
        Assert.Equal("hello again|hello world", (string?)run.Status!.Results!.Single().Value);

        // A step without its file fails, and its result is there.
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: TaskRun
            metadata: { name: alone }
            spec: { taskRef: { name: shell }, params: [{ name: script, value: x }] }
            """);
        var alone = await bench.TaskDoneAsync("alone");
        Assert.Equal("False/Failed/\"step-again\" exited with code 1", TektonBench.Show(alone.Succeeded));
        Assert.Equal("x", (string?)alone.Status!.Results!.Single(one => one.Name == "said").Value);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: TaskRun
            metadata: { name: long }
            spec: { taskSpec: { steps: [{ name: s, image: "golden-image-tasks/steps:main", command: [/app/steps/shell/shell], args: ["sleep 300"] }] } }
            """);
        await bench.RunsAsync("long");
        await bench.MergeAsync(TektonKinds.TaskRuns, "long", """{ "spec": { "status": "TaskRunCancelled" } }""");
        Assert.Equal("TaskRunCancelled", (await bench.TaskDoneAsync("long")).Succeeded!.Reason);
        await bench.Client.WaitAsync(Kinds.Pods, bench.Space, "long-pod", pod => pod is null, TektonBench.Limit());
    }
}
