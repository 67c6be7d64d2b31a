using System.Text.Json;
using System.Text.Json.Nodes;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>How far the clocks of a PipelineRun are.</summary>
internal readonly record struct Elapsed(bool Pipeline, bool Tasks, bool Finally);

/// <summary>
/// Where a PipelineRun stands: what may start, what is skipped and why (Tekton docs, "Pipelines", "Guard Task execution using when
/// expressions" and "Adding Finally to the Pipeline"; tektoncd/pipeline, pkg/reconciler/pipelinerun/resources). Made of what the API has, so
/// it is the same after a restart.
/// </summary>
internal sealed class PipelineState
{
    internal const string TimedOutMessage = "TaskRun cancelled as the PipelineRun it belongs to has timed out.";
    private const string WhenFalse = "When Expressions evaluated to false";
    private const string Missing = "Results were missing";
    private readonly PipelineGraph _graph;
    private readonly IReadOnlyDictionary<string, TaskRun> _runs;
    private readonly Variables _variables;
    private readonly Dictionary<string, string> _skipped = new(StringComparer.Ordinal);
    private readonly List<PipelineTask> _ready = [];
    private readonly string? _wish;

    /// <param name="graph">The tasks.</param>
    /// <param name="runs">Their TaskRuns, by the tasks' names.</param>
    /// <param name="variables">The values of params and contexts; takes the results too.</param>
    /// <param name="wish">The PipelineRun's <c>spec.status</c>.</param>
    /// <param name="elapsed">Which timeouts are over.</param>
    /// <exception cref="RunFailure">A task needs a result that its producer has not left.</exception>
    internal PipelineState(PipelineGraph graph, IReadOnlyDictionary<string, TaskRun> runs, Variables variables, string? wish, Elapsed elapsed)
    {
        (_graph, _runs, _variables, _wish) = (graph, runs, variables, wish);
        foreach (var task in graph.Tasks)
        {
            SetResults(task.Name);
        }

        var stopping = graph.Tasks.Any(task => runs.GetValueOrDefault(task.Name)?.Succeeded?.Status == "False");
        foreach (var task in graph.Tasks.Where(task => !runs.ContainsKey(task.Name)))
        {
            var parents = graph.Parents[task.Name];
            var parentsDone = parents.TrueForAll(IsDone);
            var reason = stopping ? "PipelineRun was stopping"
                : wish == "CancelledRunFinally" ? "PipelineRun was gracefully cancelled"
                : wish == "StoppedRunFinally" ? "PipelineRun was gracefully stopped"
                : parents.Exists(parent => _skipped.GetValueOrDefault(parent) is { } why && why != WhenFalse) ? "Parent Tasks were skipped"
                : (parentsDone ? Guarded(task, final: false) : null)
                ?? (elapsed.Pipeline ? "PipelineRun timeout has been reached" : elapsed.Tasks ? "PipelineRun Tasks timeout has been reached" : null);
            Take(task, reason, parentsDone);
        }

        TasksDone = graph.Tasks.TrueForAll(task => IsDone(task.Name));
        _variables.Set("tasks.status", !TasksDone ? "None" : stopping ? "Failed" : _skipped.Count > 0 ? "Completed" : "Succeeded");
        foreach (var task in graph.Finally.Where(task => TasksDone && !runs.ContainsKey(task.Name)))
        {
            Take(task, Guarded(task, final: true) ?? (elapsed.Pipeline ? "PipelineRun timeout has been reached" : elapsed.Finally ? "PipelineRun Finally timeout has been reached" : null), ready: true);
        }
    }

    /// <summary>Whether what comes before <c>finally</c> has ended.</summary>
    internal bool TasksDone { get; }

    /// <summary>What may start now, with its values in place.</summary>
    internal IReadOnlyList<PipelineTask> Ready => _ready;

    internal IReadOnlyList<SkippedTask> Skipped => [.. _graph.All.Where(task => _skipped.ContainsKey(task.Name)).Select(task => new SkippedTask
    {
        Name = task.Name,
        Reason = _skipped[task.Name],
        WhenExpressions = _skipped[task.Name] == WhenFalse ? Resolve(task).When : null,
    })];

    /// <summary>The PipelineRun's condition.</summary>
    internal (string Status, string Reason, string Message) Condition(string name)
    {
        var runs = _graph.All.Select(task => _runs.GetValueOrDefault(task.Name)).OfType<TaskRun>().ToList();
        var cancelled = runs.Count(IsCancelled);
        var failed = runs.Count(run => run.Succeeded?.Status == "False") - cancelled;
        var completed = runs.Count(run => run.IsDone);
        var incomplete = _graph.All.Count(task => !IsDone(task.Name));
        var counts = $"Tasks Completed: {completed} (Failed: {failed}, Cancelled {cancelled})";
        if (incomplete > 0)
        {
            var reason = _wish == "CancelledRunFinally" ? "CancelledRunningFinally" : _wish == "StoppedRunFinally" ? "StoppedRunningFinally"
                : cancelled > 0 || (failed > 0 && _graph.Finally.TrueForAll(task => IsDone(task.Name))) ? "PipelineRunStopping" : "Running";
            return ("Unknown", reason, $"{counts}, Incomplete: {incomplete}, Skipped: {_skipped.Count}");
        }

        var late = _skipped.Values.Any(reason => reason.EndsWith("timeout has been reached", StringComparison.Ordinal));
        return failed > 0 || late ? ("False", "Failed", $"{counts}, Skipped: {_skipped.Count}")
            : _wish is "CancelledRunFinally" or "StoppedRunFinally" ? ("False", "Cancelled", $"PipelineRun \"{name}\" was cancelled")
            : cancelled > 0 ? ("False", "Cancelled", $"{counts}, Skipped: {_skipped.Count}")
            : ("True", _skipped.Count > 0 ? "Completed" : "Succeeded", $"{counts}, Skipped: {_skipped.Count}");
    }

    /// <summary>The Pipeline's results: those whose producers have succeeded; a producer that has succeeded without one fails the run.</summary>
    internal List<ResultValue>? Results(PipelineSpec spec, string run)
    {
        // What a failed task has left is there for finally tasks, but is no result of the Pipeline.
        var values = _variables.Without(_graph.Tasks.Where(task => _runs.GetValueOrDefault(task.Name)?.Succeeded?.Status != "True")
            .SelectMany(task => _runs.GetValueOrDefault(task.Name)?.Status?.Results?.Select(result => $"tasks.{task.Name}.results.{result.Name}") ?? []));
        foreach (var task in _graph.Finally)
        {
            foreach (var result in (_runs.GetValueOrDefault(task.Name) is { Succeeded.Status: "True" } done ? done.Status?.Results : null) ?? [])
            {
                values.Set($"finally.{task.Name}.results.{result.Name}", result.Value!.DeepClone());
            }
        }

        List<ResultValue> made = [];
        List<string> broken = [];
        foreach (var result in spec.Results ?? [])
        {
            var before = values.Missing.Count;
            var value = values.Apply(result.Value);
            if (values.Missing.Skip(before).ToList() is not { Count: > 0 } missing)
            {
                made.Add(new ResultValue { Name = result.Name, Value = value });
            }
            else if (missing.Exists(name => (Variables.ResultOf(name) ?? Variables.ResultOf(name, "finally."))?.Task is not { } task || _runs.GetValueOrDefault(task)?.Succeeded?.Status == "True"))
            {
                broken.Add(result.Name);
            }
        }

        return broken.Count > 0 && Condition("").Status == "True"
            ? throw new RunFailure("CouldntGetPipelineResult", $"Failed to get PipelineResult from TaskRun Results for PipelineRun {run}: invalid pipelineresults [{string.Join(' ', broken)}], the referenced results don't exist")
            : made.Count == 0 ? null : made;
    }

    private static bool IsCancelled(TaskRun run) =>
        run.Succeeded is { Status: "False", Reason: TaskRunController.Cancelled } && run.Spec.StatusMessage != TimedOutMessage;

    private void SetResults(string task)
    {
        var run = _runs.GetValueOrDefault(task);
        var condition = run?.Succeeded;
        _variables.Set($"tasks.{task}.status", condition?.Status switch { "True" => "Succeeded", "False" => "Failed", _ => "None" });
        _variables.Set($"tasks.{task}.reason", run?.IsDone == true ? condition!.Reason : "None");
        foreach (var result in (run?.IsDone == true ? run.Status?.Results : null) ?? [])
        {
            _variables.Set($"tasks.{task}.results.{result.Name}", Variables.Normal(result.Value));
        }
    }

    private bool IsDone(string task) => _runs.TryGetValue(task, out var run) ? run.IsDone : _skipped.ContainsKey(task);

    /// <summary>Why a task that may start does not.</summary>
    private string? Guarded(PipelineTask task, bool final)
    {
        foreach (var (producer, result) in _graph.Names[task.Name].Select(name => Variables.ResultOf(name)).OfType<(string Task, string Result)>())
        {
            var run = _runs.GetValueOrDefault(producer);
            if (run is { IsDone: true } && run.Status?.Results?.Exists(one => one.Name == result) == true)
            {
                continue;
            }

            return final || run is null
                ? Missing
                : throw new RunFailure("InvalidTaskResultReference", $"Invalid task result reference in pipeline task \"{task.Name}\": Could not find result with name {result} for task {producer}");
        }

        return Resolve(task).When?.TrueForAll(Holds) == false ? WhenFalse : null;
    }

    /// <summary>Compares byte by byte.</summary>
    private static bool Holds(WhenExpression when) => when.Values?.Contains(when.Input ?? "", StringComparer.Ordinal) == (when.Operator == "in");

    private void Take(PipelineTask task, string? skip, bool ready)
    {
        if (skip is not null)
        {
            _skipped[task.Name] = skip;
        }
        else if (ready)
        {
            _ready.Add(Resolve(task));
        }
    }

    private PipelineTask Resolve(PipelineTask task)
    {
        var node = JsonSerializer.SerializeToNode(task, TektonJson.Default.PipelineTask)!.AsObject();
        var embedded = node["taskSpec"];
        node.Remove("taskSpec");
        var made = _variables.Apply(node)!.AsObject();
        if (embedded is not null)
        {
            // A Pipeline's values hold in a spec inside it too, where that declares no param of that name (Tekton docs, "Propagated Parameters").
            var own = (embedded["params"] as JsonArray)?.Select(param => $"params.{(string?)param?["name"]}") ?? [];
            made["taskSpec"] = _variables.Without(own).Apply(embedded);
        }

        return made.Deserialize(TektonJson.Default.PipelineTask)!;
    }
}
