using System.Text.Json;
using Kubernetes;
using Kubernetes.Models;
using Lab.ApiServers;
using LocalCluster.Pods;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tests.Tekton;

public sealed class TaskRunTests
{
    private const string Run = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: { name: run }\nspec:\n";

    [SkippableFact]
    public async Task A_pod_has_what_the_task_and_the_run_say_with_every_value_in_place()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Create("""
            apiVersion: tekton.dev/v1
            kind: Task
            metadata: { name: full }
            spec:
              params:
              - { name: disk, type: string }
              - { name: list, type: array, default: [a, "b c"] }
              - { name: dotted.name, type: string, default: dot }
              results: [{ name: out }]
              workspaces: [{ name: config, readOnly: true, mountPath: /etc/config }, { name: scratch }, { name: none, optional: true }]
              stepTemplate:
                env: [{ name: HOME, value: /tmp/home }, { name: LEVEL, value: low }]
                securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false }
              volumes: [{ name: disk, persistentVolumeClaim: { claimName: $(params.disk) } }]
              steps:
              - name: one
                image: golden-image-tasks/steps:$(params["dotted.name"])
                command: [/app/steps/one/one]
                args: ["--x=$(params.disk)", "$(params.list[*])", "$(params.list[1])", "$(results.out.path)", "$(workspaces.none.path)|$(workspaces.none.bound)|$(workspaces.config.path)|$(workspaces.scratch.bound)", "$(context.taskRun.name) $(context.taskRun.namespace) $(context.task.name)", "$(date)"]
                env: [{ name: LEVEL, value: "$(params.disk)" }, { name: ME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]
                workingDir: $(workspaces.scratch.path)
                computeResources: { requests: { memory: 64Mi, cpu: 1 } }
                volumeMounts: [{ name: disk, mountPath: /disk }]
              - { name: two, image: golden-image-tasks/steps:main, command: [two], volumeDevices: [{ name: disk, devicePath: /dev/disk }] }
            """);
        bench.Create($$"""
            {{Run}}
              taskRef: { name: full }
              serviceAccountName: builder
              params: [{ name: disk, value: "$(params.list[0])-work" }]
              podTemplate: { securityContext: { fsGroup: 107 } }
              workspaces:
              - { name: config, configMap: { name: settings, items: [{ key: a, path: b/c }] } }
              - { name: scratch, emptyDir: {}, subPath: part }
            """);
        await bench.TaskDoneAsync("run");
        var pod = await bench.Client.GetAsync(Kinds.Pods, bench.Space, "run-pod", TektonBench.Limit());
        var (one, two) = (pod.Spec.Containers[0], pod.Spec.Containers[1]);
        Assert.Equal(("step-one", "step-two", "golden-image-tasks/steps:dot"), (one.Name, two.Name, one.Image));
        // A value is pasted, and not looked through for more.
        Assert.Equal(
            ["--x=$(params.list[0])-work", "a", "b c", "b c", "/tekton/results/out", "|false|/etc/config|true", $"run {bench.Space} full", "$(date)"], one.Args!);
        Assert.Equal("/workspace/scratch", one.WorkingDir);
        Assert.Equal(["HOME=/tmp/home", "LEVEL=$(params.list[0])-work", "ME="], one.Env!.Select(env => $"{env.Name}={env.Value}"));
        Assert.Equal(["HOME=/tmp/home", "LEVEL=low"], two.Env!.Select(env => $"{env.Name}={env.Value}"));
        Assert.All(pod.Spec.Containers, container => Assert.True(container.Unknown!["securityContext"].GetProperty("runAsNonRoot").GetBoolean()));
        Assert.Equal("1", one.Resources!.Requests!["cpu"]);
        Assert.Equal("/dev/disk", two.VolumeDevices!.Single().DevicePath);
        Assert.Equal(["/tekton/results", "/etc/config", "/workspace/scratch", "/disk"], one.VolumeMounts!.Select(mount => mount.MountPath).Where(path => !path.StartsWith("/var/run")));
        Assert.True(one.VolumeMounts!.Single(mount => mount.MountPath == "/etc/config").ReadOnly);
        Assert.Equal("part", one.VolumeMounts!.Single(mount => mount.MountPath == "/workspace/scratch").SubPath);
        Assert.Equal("$(params.list[0])-work", pod.Spec.Volumes!.Single(volume => volume.Name == "disk").PersistentVolumeClaim!.ClaimName);
        Assert.Equal("b/c", pod.Spec.Volumes!.Single(volume => volume.ConfigMap is not null).ConfigMap!.Items!.Single().Path);
        Assert.Equal(("builder", "Never", PodRunner.NodeName, "true"), (pod.Spec.ServiceAccountName, pod.Spec.RestartPolicy, pod.Spec.NodeName, pod.Metadata.Annotation(PodRunner.Sequential)));
        Assert.Equal(107, pod.Spec.Unknown!["securityContext"].GetProperty("fsGroup").GetInt32());
        Assert.Equal("TaskRun", pod.Metadata.OwnerReferences!.Single(owner => owner.Controller == true).Kind);
        Assert.Equal(["run-pod/step-one", "run-pod/step-two"], bench.Began);
    }

    [SkippableTheory]
    [InlineData("taskRef: { name: nothing }", "TaskRunResolutionFailed", "tasks.tekton.dev \"nothing\" not found")]
    [InlineData("taskSpec: { params: [{ name: p }, { name: q, default: x }, { name: r }], steps: [{ image: i, command: [c] }] }", "TaskRunValidationFailed", "missing values for these params which have no default values: [p r]")]
    [InlineData("{ params: [{ name: p, value: [x] }], taskSpec: { params: [{ name: p }], steps: [{ image: i, command: [c] }] } }", "TaskRunValidationFailed", "param types don't match the user-specified type: [p]")]
    [InlineData("taskSpec: { workspaces: [{ name: w }], steps: [{ image: i, command: [c] }] }", "TaskRunValidationFailed", "declared workspace \"w\" is required but has not been bound")]
    [InlineData("{ workspaces: [{ name: w, emptyDir: {} }], taskSpec: { steps: [{ image: i, command: [c] }] } }", "TaskRunValidationFailed", "workspace binding \"w\" does not match any declared workspace")]
    [InlineData("{ workspaces: [{ name: w, projected: {} }], taskSpec: { workspaces: [{ name: w }], steps: [{ image: i, command: [c] }] } }", "TaskRunValidationFailed", "must be one of configMap")]
    [InlineData("taskSpec: { steps: [{ image: i, command: [c], args: [$(params.zz)] }] }", "TaskRunValidationFailed", "non-existent variable in \"$(params.zz)\"")]
    [InlineData("taskSpec: { steps: [{ name: s, image: i, script: echo }] }", "TaskRunValidationFailed", "step s: the local cluster does not support the field \"script\"")]
    [InlineData("taskSpec: { steps: [] }", "TaskValidationFailed", "has no steps")]
    [InlineData("taskSpec: { steps: [{ name: s, image: i, command: [c], volumeMounts: [{ name: nowhere, mountPath: /x }] }] }", "PodCreationFailed", "nowhere")]
    [InlineData("{ timeout: never, taskSpec: { steps: [{ image: i, command: [c] }] } }", "TaskRunValidationFailed", "\"never\" is no duration")]
    public async Task A_run_that_can_never_work_fails_at_once_with_one_line(string spec, string reason, string said)
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Create($"apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{ name: run }}\nspec: {(spec.StartsWith('{') ? spec : $"{{ {spec} }}")}\n");
        var run = await bench.TaskDoneAsync("run");
        Assert.Equal(("False", reason), (run.Succeeded!.Status, run.Succeeded.Reason));
        Assert.Contains(said, run.Succeeded.Message);
        Assert.DoesNotContain('\n', run.Succeeded.Message!);
        Assert.Empty((await bench.Client.ListAsync(Kinds.Pods, bench.Space, TektonBench.Limit())).Items);
    }

    [SkippableFact]
    public async Task A_failed_attempt_is_repeated_with_a_new_pod_until_the_retries_are_used_up()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (pod, _) => new StepEnd(pod.Metadata.Name!.EndsWith("retry2") ? 3 : 2);
        bench.Create($"{Run}  {{ retries: 2, taskSpec: {{ steps: [{{ name: s, image: i, command: [c] }}, {{ name: t, image: i, command: [c] }}] }} }}");
        var run = await bench.TaskDoneAsync("run");
        Assert.Equal("False/Failed/\"step-s\" exited with code 3", TektonBench.Show(run.Succeeded));
        Assert.Equal("run-pod-retry2", run.Status!.PodName);
        Assert.Equal(["run-pod", "run-pod-retry1"], run.Status.RetriesStatus!.Select(one => one.GetProperty("podName").GetString()!));
        Assert.Equal(["run-pod/step-s", "run-pod-retry1/step-s", "run-pod-retry2/step-s"], bench.Began);
    }

    [SkippableFact]
    public async Task Cancellation_and_time_end_a_run_and_its_pod()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (_, _) => null;
        bench.Create("apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: { name: late }\nspec: { timeout: 1s, taskSpec: { steps: [{ name: s, image: i, command: [c] }] } }\n");
        bench.Create($"{Run}  {{ retries: 3, taskSpec: {{ steps: [{{ name: s, image: i, command: [c] }}] }} }}");
        await bench.RunsAsync("run");
        await bench.MergeAsync(TektonKinds.TaskRuns, "run", """{ "spec": { "status": "TaskRunCancelled" } }""");
        Assert.Equal("False/TaskRunCancelled/TaskRun \"run\" was cancelled.", TektonBench.Show((await bench.TaskDoneAsync("run")).Succeeded));
        Assert.Equal("False/TaskRunTimeout/TaskRun \"late\" failed to finish within \"1s\"", TektonBench.Show((await bench.TaskDoneAsync("late")).Succeeded));
        foreach (var name in (string[])["run-pod", "late-pod"])
        {
            await bench.Client.WaitAsync(Kinds.Pods, bench.Space, name, pod => pod is null, TektonBench.Limit());
        }
    }

    [SkippableFact]
    public async Task A_pod_that_is_lost_fails_its_run()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (_, _) => null;
        foreach (var name in (string[])["deleted", "evicted"])
        {
            bench.Create($"apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{ name: {name} }}\nspec: {{ taskSpec: {{ steps: [{{ name: s, image: i, command: [c] }}] }} }}\n");
            await bench.RunsAsync(name);
        }

        await bench.Client.DeleteAsync(Kinds.Pods, bench.Space, "deleted-pod", TektonBench.Limit(), graceSeconds: 0);
        await bench.Client.ChangeAsync(
            Kinds.Pods, bench.Space, "evicted-pod",
            pod =>
            {
                pod.Status = new PodStatus { Phase = "Failed", Reason = "NodeLost", Message = "the node was stopped" };
                return true;
            },
            TektonBench.Limit(), "status");
        Assert.Equal("False/Failed/pod \"deleted-pod\" was deleted before its steps had ended", TektonBench.Show((await bench.TaskDoneAsync("deleted")).Succeeded));
        Assert.Equal("False/Failed/NodeLost: the node was stopped", TektonBench.Show((await bench.TaskDoneAsync("evicted")).Succeeded));
    }

    [SkippableFact]
    public async Task Results_are_those_that_are_declared_of_their_types_and_those_of_a_failed_step_too()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerKind.Kube120);
        bench.Step = (pod, container) => (pod.Metadata.Name, container.Name) switch
        {
            ("good-pod", "step-a") => new StepEnd(0, ("text", "[1]"), ("list", "[\"x\",\"y\"]"), ("twice", "a"), ("other", "x")),
            ("good-pod", _) => new StepEnd(7, ("twice", "b"), ("empty", "")),
            _ => new StepEnd(0, ("list", "no list")),
        };
        foreach (var name in (string[])["good", "bad"])
        {
            bench.Create($$"""
                apiVersion: tekton.dev/v1
                kind: TaskRun
                metadata: { name: {{name}} }
                spec: { taskSpec: { results: [{ name: text }, { name: list, type: array }, { name: twice }, { name: empty }, { name: unset }],
                        steps: [{ name: a, image: i, command: [c] }, { name: b, image: i, command: [c] }] } }
                """);
        }

        var good = await bench.TaskDoneAsync("good");
        Assert.Equal("False/Failed/\"step-b\" exited with code 7", TektonBench.Show(good.Succeeded));
        Assert.Equal(
            ["empty=\"\"", "list=[\"x\",\"y\"]", "text=\"[1]\"", "twice=\"b\""], good.Status!.Results!.Select(one => $"{one.Name}={one.Value!.ToJsonString()}").Order(StringComparer.Ordinal));
        var bad = await bench.TaskDoneAsync("bad");
        Assert.Equal(("False", "TaskRunValidationFailed"), (bad.Succeeded!.Status, bad.Succeeded.Reason));
    }
}
