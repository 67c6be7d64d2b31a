using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Models;
using Lab.ApiServers;
using LocalCluster.Tekton;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tests.Tekton;

public sealed class PipelineRunTests
{
    /// <summary>A Task that passes a text on.</summary>
    internal const string Echo = """
        apiVersion: tekton.dev/v1
        kind: Task
        metadata: { name: echo }
        spec:
          params: [{ name: text, type: string, default: nothing }]
          results: [{ name: said }]
          steps:
          - name: say
            image: golden-image-tasks/steps:main
            command: [/app/steps/echo/echo]
            args: ["--text=$(params.text)", "--said=$(results.said.path)"]
        """;

    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_pipeline_of_two_tasks_runs_through_and_hands_on_results(ApiServerKind kind)
    {
        await using var bench = await TektonBench.StartAsync(kind);
        await RelayAsync(bench);
    }

    [SkippableFact]
    public async Task A_pipeline_of_two_tasks_runs_through_on_our_own_API_server()
    {
        await using var bench = await TektonBench.StartLocalAsync();
        await RelayAsync(bench);
    }

    private static async Task RelayAsync(TektonBench bench)
    {
        bench.Step = (_, container) => new StepEnd(0, ("said", container.Args![0]["--text=".Length..] + "!"), ("undeclared", "x"));
        bench.Create(Echo);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: Pipeline
            metadata: { name: relay }
            spec:
              params: [{ name: word, type: string }]
              results: [{ name: all, value: "$(tasks.second.results.said) from $(finally.last.results.said)" }]
              tasks:
              - name: second
                taskRef: { name: echo }
                params: [{ name: text, value: "$(tasks.first.results.said) and $(context.pipelineRun.name)" }]
              - name: first
                taskRef: { name: echo }
                params: [{ name: text, value: "$(params.word)" }]
              - name: unwanted
                taskRef: { name: echo }
                when: [{ input: "$(tasks.first.results.said)", operator: in, values: ["hello"] }]
              finally:
              - name: last
                taskRef: { name: echo }
                params: [{ name: text, value: "$(tasks.first.status)/$(tasks.unwanted.status)/$(tasks.status)" }]
            """);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: one, labels: { team: red } }
            spec:
              pipelineRef: { name: relay }
              params: [{ name: word, value: hello }]
              taskRunTemplate: { serviceAccountName: builder }
              taskRunSpecs: [{ pipelineTaskName: second, serviceAccountName: other }]
            """);
        var run = await bench.DoneAsync("one");
        Assert.Equal("True/Completed/Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 1", TektonBench.Show(run.Succeeded));
        Assert.Equal(("relay", "red"), (run.Metadata.Label("tekton.dev/pipeline"), run.Metadata.Label("team")));
        Assert.Equal("hello! and one! from Succeeded/None/Completed!", (string?)run.Status!.Results!.Single().Value);
        Assert.Equal(("unwanted", "When Expressions evaluated to false"), (run.Status.SkippedTasks!.Single().Name, run.Status.SkippedTasks!.Single().Reason));
        Assert.Equal("hello!", run.Status.SkippedTasks!.Single().WhenExpressions!.Single().Input);
        Assert.Equal(["first", "last", "second"], run.Status.ChildReferences!.Select(child => child.PipelineTaskName!).Order(StringComparer.Ordinal));
        Assert.True(run.Status.StartTime <= run.Status.FinallyStartTime && run.Status.FinallyStartTime <= run.Status.CompletionTime);

        var second = await bench.TaskDoneAsync("one-second");
        Assert.Equal("True/Succeeded/All Steps have completed executing", TektonBench.Show(second.Succeeded));
        Assert.Equal(("other", "one-second-pod"), (second.Spec.ServiceAccountName, second.Status!.PodName));
        Assert.Equal(["said"], second.Status.Results!.Select(result => result.Name));
        var step = Assert.Single(second.Status.Steps!);
        Assert.Equal(("say", "step-say", 0), (step.Name, step.Container, step.Terminated!.ExitCode));
        Assert.Equal(run.Metadata.Uid, second.Metadata.OwnerReferences!.Single(owner => owner.Controller == true).Uid);

        var pod = await bench.Client.GetAsync(Kinds.Pods, bench.Space, "one-first-pod", TektonBench.Limit());
        Assert.Equal(second.Metadata.Labels!["tekton.dev/pipelineRun"], pod.Metadata.Label("tekton.dev/pipelineRun"));
        Assert.Equal(
            ("one-first", "echo", "one", "relay", "first", "tekton-pipelines", "red", "tasks"),
            (pod.Metadata.Label("tekton.dev/taskRun"), pod.Metadata.Label("tekton.dev/task"), pod.Metadata.Label("tekton.dev/pipelineRun"), pod.Metadata.Label("tekton.dev/pipeline"),
                pod.Metadata.Label("tekton.dev/pipelineTask"), pod.Metadata.Label("app.kubernetes.io/managed-by"), pod.Metadata.Label("team"), pod.Metadata.Label("tekton.dev/memberOf")));
        Assert.Equal("builder", pod.Spec.ServiceAccountName);
        Assert.Equal(["--text=hello", "--said=/tekton/results/said"], pod.Spec.Containers.Single().Args!);
        Assert.Equal(["one-first-pod/step-say", "one-second-pod/step-say", "one-last-pod/step-say"], bench.Began);
        var events = await bench.EventsAsync("one", "Normal Succeeded");
        Assert.Equal(["Normal Running", "Normal Started", "Normal Succeeded"], events);
    }

    [SkippableFact]
    public async Task A_failing_task_starts_no_other_runs_finally_and_hides_its_results_from_the_pipeline()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (pod, container) => pod.Metadata.Name!.Contains("bad") ? new StepEnd(6, ("said", "half")) : new StepEnd(0, ("said", container.Args![0]));
        bench.Create(Echo);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: breaks }
            spec:
              pipelineSpec:
                results: [{ name: half, value: "$(tasks.bad.results.said)" }]
                tasks:
                - { name: bad, taskRef: { name: echo } }
                - { name: after, taskRef: { name: echo }, runAfter: [bad] }
                - { name: needs, taskRef: { name: echo }, params: [{ name: text, value: "$(tasks.bad.results.said)" }] }
                finally:
                - { name: clean, taskRef: { name: echo }, params: [{ name: text, value: "$(tasks.bad.status) $(tasks.bad.reason) $(tasks.status) $(tasks.bad.results.said)" }] }
                - { name: misses, taskRef: { name: echo }, params: [{ name: text, value: "$(tasks.after.results.said)" }] }
            """);
        var run = await bench.DoneAsync("breaks");
        Assert.Equal("False/Failed/Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 3", TektonBench.Show(run.Succeeded));
        Assert.Null(run.Status!.Results);
        Assert.Equal(
            ["after: PipelineRun was stopping", "needs: PipelineRun was stopping", "misses: Results were missing"], run.Status.SkippedTasks!.Select(one => $"{one.Name}: {one.Reason}"));
        var failed = await bench.TaskDoneAsync("breaks-bad");
        Assert.Equal("False/Failed/\"step-say\" exited with code 6", TektonBench.Show(failed.Succeeded));
        var pod = await bench.Client.GetAsync(Kinds.Pods, bench.Space, "breaks-clean-pod", TektonBench.Limit());
        Assert.Equal("--text=Failed Failed Failed half", pod.Spec.Containers.Single().Args![0]);
        Assert.Contains("Warning Failed", await bench.EventsAsync("breaks", "Warning Failed"));
    }

    [SkippableTheory]
    [InlineData("Cancelled", false, "False/Cancelled/PipelineRun \"held\" was cancelled", "TaskRunCancelled")]
    [InlineData("CancelledRunFinally", true, "False/Cancelled/PipelineRun \"held\" was cancelled", "TaskRunCancelled")]
    [InlineData("StoppedRunFinally", true, "False/Cancelled/PipelineRun \"held\" was cancelled", "Succeeded")]
    public async Task A_run_is_stopped_in_the_three_ways(string wish, bool runsFinally, string told, string firstReason)
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        var free = false;
        bench.Step = (pod, _) => Volatile.Read(ref free) || pod.Metadata.Name!.Contains("last") ? new StepEnd() : null;
        bench.Create(Echo);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: held }
            spec:
              pipelineSpec:
                tasks:
                - { name: first, taskRef: { name: echo } }
                - { name: second, taskRef: { name: echo }, runAfter: [first] }
                finally: [{ name: last, taskRef: { name: echo } }]
            """);
        await bench.RunsAsync("held-first");
        await bench.MergeAsync(TektonKinds.PipelineRuns, "held", $$"""{ "spec": { "status": "{{wish}}" } }""");
        if (wish == "StoppedRunFinally")
        {
            await bench.UntilAsync(TektonKinds.PipelineRuns, "held", run => run.Succeeded?.Reason == "StoppedRunningFinally", run => run.Succeeded);
            Volatile.Write(ref free, true);
        }

        Assert.Equal(told, TektonBench.Show((await bench.DoneAsync("held")).Succeeded));
        Assert.Equal(firstReason, (await bench.TaskDoneAsync("held-first")).Succeeded!.Reason);
        Assert.Equal(runsFinally ? ["held-first", "held-last"] : ["held-first"], (await bench.TaskRunsAsync()).Select(run => run.Metadata.Name!).Order(StringComparer.Ordinal));
        if (wish != "StoppedRunFinally")
        {
            Assert.Null(await bench.Client.WaitAsync(Kinds.Pods, bench.Space, "held-first-pod", pod => pod is null, TektonBench.Limit()));
        }
    }

    [SkippableTheory]
    [InlineData("pipeline: 2s", "False/PipelineRunTimeout/PipelineRun \"slow\" failed to finish within \"2s\"", false)]
    [InlineData("pipeline: 60s, tasks: 2s", "False/Failed/Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1", true)]
    public async Task Time_that_is_over_ends_a_run(string timeouts, string told, bool runsFinally)
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (pod, _) => pod.Metadata.Name!.Contains("last") ? new StepEnd() : null;
        bench.Create(Echo);
        bench.Create($$"""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: slow }
            spec:
              timeouts: { {{timeouts}} }
              pipelineSpec:
                tasks:
                - { name: first, taskRef: { name: echo } }
                - { name: second, taskRef: { name: echo }, runAfter: [first] }
                finally: [{ name: last, taskRef: { name: echo } }]
            """);
        Assert.Equal(told, TektonBench.Show((await bench.DoneAsync("slow")).Succeeded));
        var first = await bench.TaskDoneAsync("slow-first");
        Assert.Contains(first.Succeeded!.Reason, (string[])["TaskRunTimeout", "TaskRunCancelled"]);
        Assert.Equal(runsFinally, (await bench.TaskRunsAsync()).Exists(run => run.Metadata.Name == "slow-last"));
        await bench.Client.WaitAsync(Kinds.Pods, bench.Space, "slow-first-pod", pod => pod is null, TektonBench.Limit());
    }

    [SkippableTheory]
    [InlineData("pipelineRef: { name: nowhere }", "CouldntGetPipeline", "\"nowhere\" not found")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: nothing } }] }", "CouldntGetTask", "Couldn't retrieve Task \"nothing\"")]
    [InlineData("pipelineSpec: { params: [{ name: p, type: string }], tasks: [{ name: a, taskRef: { name: echo } }] }", "ParameterMissing", "[p]")]
    [InlineData("{ params: [{ name: p, value: [a] }], pipelineSpec: { params: [{ name: p, type: string }], tasks: [{ name: a, taskRef: { name: echo } }] } }", "ParameterTypeMismatch", "[p]")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: strict } }] }", "PipelineValidationFailed", "invalid input params for task strict: missing values for these params which have no default values: [must]")]
    [InlineData("pipelineSpec: { workspaces: [{ name: w }], tasks: [{ name: a, taskRef: { name: echo } }] }", "InvalidWorkspaceBindings", "pipeline requires workspace with name \"w\" be provided by pipelinerun")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo }, workspaces: [{ name: x }] }] }", "PipelineValidationFailed", "expects workspace with name \"x\"")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo }, runAfter: [b] }, { name: b, taskRef: { name: echo }, runAfter: [a] }] }", "PipelineInvalidGraph", "cycle detected")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo }, runAfter: [z] }] }", "PipelineInvalidGraph", "depends on z but z wasn't present in Pipeline")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo }, params: [{ name: text, value: $(params.q) }] }] }", "PipelineValidationFailed", "$(params.q)")]
    [InlineData("pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo }, matrix: { params: [] } }] }", "PipelineValidationFailed", "\"matrix\"")]
    [InlineData("pipelineSpec: { tasks: all }", "PipelineValidationFailed", "makes no sense")]
    [InlineData("{ taskRunSpecs: [{ pipelineTaskName: zz }], pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo } }] } }", "InvalidTaskRunSpecs", "zz")]
    [InlineData("{ timeouts: { pipeline: soon }, pipelineSpec: { tasks: [{ name: a, taskRef: { name: echo } }] } }", "PipelineValidationFailed", "\"soon\" is no duration")]
    public async Task A_run_that_can_never_work_fails_at_once_with_one_line(string spec, string reason, string said)
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Create(Echo);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: Task
            metadata: { name: strict }
            spec: { params: [{ name: must, type: string }], steps: [{ name: x, image: i, command: [c] }] }
            """);
        bench.Create($"apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{ name: wrong }}\nspec: {(spec.StartsWith('{') ? spec : $"{{ {spec} }}")}\n");
        var run = await bench.DoneAsync("wrong");
        Assert.Equal(("False", reason), (run.Succeeded!.Status, run.Succeeded.Reason));
        Assert.Contains(said, run.Succeeded.Message);
        Assert.DoesNotContain('\n', run.Succeeded.Message!);
        Assert.Empty(await bench.TaskRunsAsync());
    }
}
