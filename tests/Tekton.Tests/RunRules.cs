using System.Text.Json.Nodes;

namespace Tekton.Tests;

/// <summary>What a sample must be to be created as it stands (rules 1, 10 and 14).</summary>
internal static class RunRules
{
    public static IReadOnlyList<string> Check(YamlFile file)
    {
        var run = file.Content;
        var kind = run.Text("kind") == "PipelineRun" ? "PipelineRun" : "TaskRun";
        var name = run.Text(kind == "TaskRun" ? "spec/taskRef/name" : "spec/pipelineRef/name");
        var declared = (kind == "TaskRun" ? Catalog.Tasks : Catalog.Pipelines).GetValueOrDefault(name)?.Content;
        if (declared is null || !file.Path.Contains($"/{name}/samples/", StringComparison.Ordinal))
        {
            return [$"10: '{name}' is not what lies beside the sample"];
        }

        return
        [
            .. CommonRules.Identity(file, kind), .. PipelineRules.Given("it", declared, run["spec"]!.AsObject()),
            .. kind == "TaskRun" ? OfTask(run, declared) : OfPipeline(run, declared), .. Workspaces(run), .. Accounts(run),
        ];
    }

    private static IEnumerable<string> OfTask(JsonObject run, JsonObject task)
    {
        var mounts = task.List("spec/volumes").Any(volume => volume.ContainsKey("persistentVolumeClaim"));
        if (mounts && run.At("spec/podTemplate/securityContext/fsGroup") is null)
        {
            yield return "14: it mounts a volume, and has no fsGroup in its podTemplate";
        }

        var own = run.List("spec/params").FirstOrDefault(param => param.Text("name") == "timeout") ?? task.List("spec/params").Single(param => param.Text("name") == "timeout");
        if (CommonRules.Duration(run.Text("spec/timeout")) is not { } limit)
        {
            yield return "14: it has no timeout";
        }
        else if (CommonRules.Duration(own.Text("value") + own.Text("default")) is not { } deadline || deadline >= limit)
        {
            yield return "14: the step's own deadline is not shorter than the timeout";
        }
    }

    private static IEnumerable<string> OfPipeline(JsonObject run, JsonObject pipeline)
    {
        if (run.At("spec/taskRunTemplate/podTemplate/securityContext/fsGroup") is null)
        {
            yield return "14: it has no fsGroup in its podTemplate";
        }

        var (whole, tasks, last) = (Time(run, "pipeline"), Time(run, "tasks"), Time(run, "finally"));
        var needed = pipeline.List("spec/tasks").Sum(task => CommonRules.Duration(task.Text("timeout"))?.TotalMinutes ?? 60);
        if (whole is null || tasks is null || last is null || whole < tasks + last || tasks.Value.TotalMinutes < needed)
        {
            yield return $"14: its timeouts are missing, do not add up, or are shorter than those of the tasks ({needed} min)";
        }

        foreach (var name in run.List("spec/taskRunSpecs").Select(spec => spec.Text("pipelineTaskName")))
        {
            if (!pipeline.Names("spec/tasks").Concat(pipeline.Names("spec/finally")).Contains(name))
            {
                yield return $"14: taskRunSpecs names {name}, which is no task of the Pipeline";
            }
        }
    }

    private static TimeSpan? Time(JsonObject run, string of) => CommonRules.Duration(run.Text($"spec/timeouts/{of}"));

    private static IEnumerable<string> Workspaces(JsonObject run) => run.List("spec/workspaces")
        .Where(binding => binding.Text("configMap/name").Length + binding.Text("secret/secretName").Length == 0)
        .Select(binding => $"14: workspace {binding.Text("name")} is bound to no ConfigMap and no Secret");

    // An account of a sample is one that the Task's rbac.yaml makes; a step that asks no cluster has none.
    private static IEnumerable<string> Accounts(JsonObject run)
    {
        var pairs = run.Text("kind") == "TaskRun"
            ? [(Account: run.Text("spec/serviceAccountName"), Task: run.Text("spec/taskRef/name"))]
            : Catalog.Pipelines[run.Text("spec/pipelineRef/name")].Content is var pipeline
                ? pipeline.List("spec/tasks").Concat(pipeline.List("spec/finally")).Select(task => (
                    Account: run.List("spec/taskRunSpecs").FirstOrDefault(spec => spec.Text("pipelineTaskName") == task.Text("name")).Text("serviceAccountName"),
                    Task: task.Text("taskRef/name"))).ToList()
                : [];
        foreach (var (account, task) in pairs)
        {
            var made = YamlFile.Find($"tasks/{task}", "/rbac.yaml$").SelectMany(file => YamlFile.Read(file).Documents).FirstOrDefault(one => one.Text("kind") == "ServiceAccount").Text("metadata/name");
            if (account != made)
            {
                yield return $"14: {task} runs as '{account}'; its rbac.yaml makes '{made}'";
            }
        }
    }
}
