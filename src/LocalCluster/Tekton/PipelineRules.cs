using System.Text.Json;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>What must hold before a PipelineRun starts (tektoncd/pipeline, pkg/reconciler/pipelinerun, in its order and words).</summary>
internal static class PipelineRules
{
    internal const string Invalid = "PipelineValidationFailed";
    private static readonly string[] Unset = ["PipelineRunPending", "Cancelled", "CancelledRunFinally", "StoppedRunFinally"];

    internal static void CheckRun(PipelineRun run)
    {
        RunFailure.Refuse(run.Spec, Invalid, "spec");
        if (run.Spec.PipelineRef is { } named)
        {
            RunFailure.Refuse(named, Invalid, "pipelineRef");
        }

        if (run.Spec.Status is { Length: > 0 } wish && !Unset.Contains(wish))
        {
            throw new RunFailure(Invalid, $"status: \"{wish}\" is none of a PipelineRun; use one of {string.Join(", ", Unset)}");
        }
    }

    /// <summary>Checks a Pipeline, its run, and gives the values of params and contexts.</summary>
    internal static Variables Check(PipelineRun run, PipelineSpec spec, PipelineGraph graph, string pipeline)
    {
        RunFailure.Refuse(spec, Invalid, $"pipeline {pipeline}");
        if (graph.Tasks.Count == 0)
        {
            throw new RunFailure(Invalid, $"Pipeline {run.Metadata.Namespace}/{pipeline} can't be Run; it has no tasks");
        }

        var values = Values(run, spec, pipeline);
        foreach (var workspace in spec.Workspaces ?? [])
        {
            if (workspace.Optional != true && run.Spec.Workspaces?.Exists(one => one.Name == workspace.Name) != true)
            {
                throw new RunFailure(
                    "InvalidWorkspaceBindings",
                    $"PipelineRun {run} doesn't bind Pipeline {run.Metadata.Namespace}/{pipeline}'s Workspaces correctly: pipeline requires workspace with name \"{workspace.Name}\" be provided by pipelinerun");
            }
        }

        foreach (var special in run.Spec.TaskRunSpecs ?? [])
        {
            RunFailure.Refuse(special, Invalid, $"taskRunSpecs of {special.PipelineTaskName}");
            if (graph.All.All(task => task.Name != special.PipelineTaskName))
            {
                throw new RunFailure("InvalidTaskRunSpecs", $"PipelineRun {run} doesn't define taskRunSpecs correctly: pipelineRun's taskrunSpecs defined wrong taskName: \"{special.PipelineTaskName}\", does not exist in Pipeline");
            }
        }

        foreach (var task in graph.All)
        {
            CheckTask(task, spec, graph, values, pipeline);
        }

        return values;
    }

    /// <summary>Checks what a task of the Pipeline gives the Task that it runs.</summary>
    internal static void CheckTask(PipelineTask task, TaskSpec found, PipelineSpec spec)
    {
        var name = task.TaskRef?.Name ?? task.Name;
        TaskPod.SetParams(new Variables(), found.Params, task.Params?.Select(param => new Param
        {
            // A list that stands for itself has its type when its values are known.
            Name = param.Name,
            Value = Variables.NamesIn(param.Value).Any(variable => variable.EndsWith("[*]", StringComparison.Ordinal)) ? new System.Text.Json.Nodes.JsonArray() : param.Value?.DeepClone(),
        }).ToList(), Invalid, $"invalid input params for task {name}: ");
        foreach (var workspace in found.Workspaces ?? [])
        {
            var binding = task.Workspaces?.Find(one => one.Name == workspace.Name);
            var source = binding?.Workspace is { Length: > 0 } other ? other : binding?.Name;
            if (workspace.Optional != true && spec.Workspaces?.Find(one => one.Name == source)?.Optional == true)
            {
                throw new RunFailure("RequiredWorkspaceMarkedOptional", $"pipeline workspace \"{source}\" is marked optional but pipeline task \"{task.Name}\" requires it be provided");
            }
        }
    }

    /// <summary>The values of params and contexts.</summary>
    internal static Variables Values(PipelineRun run, PipelineSpec spec, string pipeline)
    {
        var values = new Variables();
        TaskPod.SetParams(
            values, spec.Params, run.Spec.Params, "ParameterMissing", $"PipelineRun {run} parameters don't fit Pipeline {run.Metadata.Namespace}/{pipeline}: ", "ParameterTypeMismatch");
        values.Set("context.pipelineRun.name", run.Metadata.Name);
        values.Set("context.pipelineRun.namespace", run.Metadata.Namespace);
        values.Set("context.pipelineRun.uid", run.Metadata.Uid);
        values.Set("context.pipeline.name", pipeline);
        foreach (var workspace in spec.Workspaces ?? [])
        {
            values.Set($"workspaces.{workspace.Name}.bound", run.Spec.Workspaces?.Exists(one => one.Name == workspace.Name) == true ? "true" : "false");
        }

        return values;
    }

    private static void CheckTask(PipelineTask task, PipelineSpec spec, PipelineGraph graph, Variables values, string pipeline)
    {
        var what = $"pipeline {pipeline}, task {task.Name}";
        RunFailure.Refuse(task, Invalid, what);
        if ((task.TaskRef is null) == (task.TaskSpec is null))
        {
            throw new RunFailure(Invalid, $"{what}: expected exactly one, got {(task.TaskRef is null ? "neither" : "both")}: taskRef, taskSpec");
        }

        if (task.TaskRef is { } named)
        {
            RunFailure.Refuse(named, Invalid, $"{what}, taskRef");
            if (named.Kind is not (null or "" or "Task"))
            {
                throw new RunFailure(Invalid, $"{what}: the local cluster runs no {named.Kind}, only Tasks");
            }
        }

        foreach (var when in task.When ?? [])
        {
            RunFailure.Refuse(when, Invalid, $"{what}, when");
            if (when.Operator is not ("in" or "notin") || when.Values is not { Count: > 0 })
            {
                throw new RunFailure(Invalid, $"{what}: a when expression has an input, the operator in or notin, and values");
            }
        }

        foreach (var workspace in task.Workspaces ?? [])
        {
            var source = workspace.Workspace is { Length: > 0 } other ? other : workspace.Name;
            if (spec.Workspaces?.Exists(one => one.Name == source) != true)
            {
                throw new RunFailure(Invalid, $"{what} expects workspace with name \"{source}\" but none exists in pipeline spec");
            }
        }

        _ = Durations.Of(task.Timeout, null, Invalid, $"{what}, timeout");

        // What is not known at all; results and states become known while the run goes on.
        var final = graph.Finally.Contains(task);
        var known = values.Without([]);
        var node = JsonSerializer.SerializeToNode(task, TektonJson.Default.PipelineTask)!.AsObject();
        node.Remove("taskSpec");
        known.Apply(node);
        var strange = known.Missing.FirstOrDefault(name => name.StartsWith("params.", StringComparison.Ordinal) || name.StartsWith("context.", StringComparison.Ordinal)
            || (name.StartsWith("tasks.", StringComparison.Ordinal) && Variables.ResultOf(name) is null && !(final && IsState(name, graph))));
        if (strange is not null)
        {
            throw new RunFailure(Invalid, $"{what}: non-existent variable in \"$({strange})\"");
        }
    }

    private static bool IsState(string name, PipelineGraph graph) =>
        name == "tasks.status" || graph.Tasks.Exists(task => name == $"tasks.{task.Name}.status" || name == $"tasks.{task.Name}.reason");
}
