using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>Runs PipelineRuns: a TaskRun for each task whose turn it is (Tekton docs, "PipelineRuns").</summary>
internal sealed class PipelineRunController : Controller
{
    internal const string RunLabel = "tekton.dev/pipelineRun";
    internal const string PipelineLabel = "tekton.dev/pipeline";
    internal const string TaskLabel = "tekton.dev/pipelineTask";
    private const string CancelledMessage = "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.";
    private readonly TektonWorld _world;

    internal PipelineRunController(TektonWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.PipelineRuns.Changed += (_, after) =>
        {
            if (after is not null)
            {
                Enqueue(ObjectKey.Of(after));
            }
        };
        world.TaskRuns.Changed += (before, after) =>
        {
            if (TektonWorld.OwnerOf(after ?? before, "PipelineRun") is { } run)
            {
                Enqueue(run);
            }
        };
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_world.PipelineRuns.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null, IsDone: false } known)
        {
            return Outcome.Done;
        }

        var run = TektonKinds.Copy(known, TektonKinds.PipelineRuns.Json);
        var status = run.Status ??= new PipelineRunStatus();
        TimeSpan? again = null;
        try
        {
            PipelineRules.CheckRun(run);
            if (status.StartTime is null && run.Spec.Status == "PipelineRunPending")
            {
                _world.Tell(status, "Unknown", "PipelineRunPending", $"PipelineRun \"{run.Metadata.Name}\" is pending");
            }
            else
            {
                status.StartTime ??= Time.GetUtcNow();
                again = await AdvanceAsync(run, status, cancellation);
            }
        }
        catch (RunFailure failure)
        {
            _world.Tell(status, "False", failure.Reason, failure.Message);
        }

        await _world.SaveAsync(TektonKinds.PipelineRuns, known, run, known.Succeeded, run.Succeeded, cancellation);
        return again is { } pause && !run.IsDone ? Outcome.After(pause) : Outcome.Done;
    }

    private static string NameOf(PipelineRun run, PipelineTask task) => TaskPod.ChildName(run.Metadata.Name!, $"-{task.Name}");

    /// <summary>Goes on with a run; gives when the next of its timeouts is over.</summary>
    private async Task<TimeSpan?> AdvanceAsync(PipelineRun run, PipelineRunStatus status, CancellationToken cancellation)
    {
        var name = run.Metadata.Name!;
        var pipeline = run.Spec.PipelineRef?.Name ?? name;
        var isNew = status.PipelineSpec is null;
        status.PipelineSpec ??= run.Spec.PipelineRef is null
            ? run.Spec.PipelineSpec ?? throw new RunFailure(PipelineRules.Invalid, $"PipelineRun {name} names no Pipeline: set pipelineRef.name or pipelineSpec")
            : (await _world.Client.FindAsync(TektonKinds.Pipelines, run.Metadata.Namespace, pipeline, cancellation))?.Spec
                ?? throw new RunFailure("CouldntGetPipeline", $"Error retrieving pipeline for pipelinerun {run}: pipelines.tekton.dev \"{pipeline}\" not found");
        var spec = RunFailure.Read(status.PipelineSpec.Value, TektonJson.Default.PipelineSpec, PipelineRules.Invalid, $"Pipeline {run.Metadata.Namespace}/{pipeline}");
        var graph = new PipelineGraph(spec, $"{run}");
        var values = isNew ? PipelineRules.Check(run, spec, graph, pipeline) : PipelineRules.Values(run, spec, pipeline);
        if (isNew)
        {
            await CheckTasksAsync(run, spec, graph, values, pipeline, cancellation);
            var labels = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [PipelineLabel] = pipeline } } };
            run.Metadata = (await _world.Client.PatchAsync(TektonKinds.PipelineRuns, run.Metadata.Namespace, name, Patch.Merge(labels), cancellation)).Metadata;
        }

        var now = Time.GetUtcNow();
        var (limits, elapsed) = Clocks(run, status, now);
        // Of the server itself: a TaskRun made a moment ago that a cache lacks would count as one that never starts.
        var children = await _world.Client.ListAsync(TektonKinds.TaskRuns, run.Metadata.Namespace, cancellation, $"{RunLabel}={name}");
        var runs = children.Items.Where(child => TektonWorld.IsOwnedBy(child, run) && child.Metadata.Label(TaskLabel) is not null)
            .GroupBy(child => child.Metadata.Label(TaskLabel)!, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        var finals = graph.Finally.Select(task => task.Name).ToHashSet(StringComparer.Ordinal);
        if (run.Spec.Status == "Cancelled" || elapsed.Pipeline)
        {
            var why = run.Spec.Status == "Cancelled" ? CancelledMessage : PipelineState.TimedOutMessage;
            await CancelAsync(runs.Values, why, cancellation);
            ShowChildren(status, graph, runs);
            throw run.Spec.Status == "Cancelled"
                ? new RunFailure("Cancelled", $"PipelineRun \"{name}\" was cancelled")
                : new RunFailure("PipelineRunTimeout", $"PipelineRun \"{name}\" failed to finish within \"{Durations.Print(limits.Pipeline!.Value)}\"");
        }

        if (run.Spec.Status == "CancelledRunFinally" || elapsed.Tasks || elapsed.Finally)
        {
            await CancelAsync(
                runs.Where(child => finals.Contains(child.Key) ? elapsed.Finally : elapsed.Tasks || run.Spec.Status == "CancelledRunFinally").Select(child => child.Value),
                run.Spec.Status == "CancelledRunFinally" ? CancelledMessage : PipelineState.TimedOutMessage, cancellation);
        }

        var state = new PipelineState(graph, runs, values, run.Spec.Status, elapsed);
        foreach (var task in state.Ready)
        {
            runs[task.Name] = await StartAsync(run, task, limits, pipeline, finals.Contains(task.Name), cancellation);
        }

        state = new PipelineState(graph, runs, values, run.Spec.Status, elapsed);
        if (state.TasksDone && finals.Overlaps(runs.Keys))
        {
            status.FinallyStartTime ??= now;
        }

        status.SkippedTasks = state.Skipped is { Count: > 0 } skipped ? [.. skipped] : null;
        ShowChildren(status, graph, runs);
        var (told, reason, message) = state.Condition(name);
        if (told != "Unknown")
        {
            status.Results = state.Results(spec, $"{run}");
        }

        _world.Tell(status, told, reason, message);
        var ends = new[]
        {
            status.StartTime + limits.Pipeline, status.StartTime + limits.Tasks, status.FinallyStartTime + limits.Finally,
        }.Where(end => end > now).Select(end => end!.Value - now).ToList();
        return ends.Count == 0 ? null : ends.Min();
    }

    /// <summary>The timeouts (null is none), and which are over (pkg/apis/pipeline/v1, PipelineTimeout, TasksTimeout, FinallyTimeout).</summary>
    private static ((TimeSpan? Pipeline, TimeSpan? Tasks, TimeSpan? Finally) Limits, Elapsed Elapsed) Clocks(PipelineRun run, PipelineRunStatus status, DateTimeOffset now)
    {
        var given = run.Spec.Timeouts;
        var pipeline = Durations.Of(given?.Pipeline, Durations.Default, PipelineRules.Invalid, "timeouts.pipeline")!.Value;
        var tasks = Durations.Of(given?.Tasks, null, PipelineRules.Invalid, "timeouts.tasks");
        var final = Durations.Of(given?.Finally, null, PipelineRules.Invalid, "timeouts.finally");
        if (given?.Pipeline is { Length: > 0 } && pipeline > TimeSpan.Zero)
        {
            if (tasks > pipeline || final > pipeline)
            {
                throw new RunFailure(PipelineRules.Invalid, $"timeouts: tasks and finally must not be longer than pipeline ({given.Pipeline})");
            }

            (tasks, final) = (tasks ?? (final > TimeSpan.Zero ? pipeline - final : null), final ?? (tasks > TimeSpan.Zero ? pipeline - tasks : null));
        }

        var limits = (Pipeline: NullIfZero(pipeline), Tasks: NullIfZero(tasks), Finally: NullIfZero(final));
        return (limits, new Elapsed(now >= status.StartTime + limits.Pipeline, now >= status.StartTime + limits.Tasks, now >= status.FinallyStartTime + limits.Finally));

        static TimeSpan? NullIfZero(TimeSpan? time) => time > TimeSpan.Zero ? time : null;
    }

    private static void ShowChildren(PipelineRunStatus status, PipelineGraph graph, Dictionary<string, TaskRun> runs) =>
        status.ChildReferences = [.. graph.All.Where(task => runs.ContainsKey(task.Name)).Select(task => new ChildReference
        {
            ApiVersion = TektonKinds.TaskRuns.ApiVersion,
            Kind = TektonKinds.TaskRuns.Kind,
            Name = runs[task.Name].Metadata.Name,
            DisplayName = task.DisplayName,
            PipelineTaskName = task.Name,
            WhenExpressions = task.When,
        })];

    private async Task CheckTasksAsync(PipelineRun run, PipelineSpec spec, PipelineGraph graph, Variables values, string pipeline, CancellationToken cancellation)
    {
        foreach (var task in graph.All)
        {
            var element = task.TaskSpec is { } own ? JsonSerializer.SerializeToElement(own, TektonJson.Default.JsonNode) : (JsonElement?)null;
            if (task.TaskRef?.Name is { } written && values.Apply(written) is var named && !named.Contains("$(", StringComparison.Ordinal))
            {
                element = (await _world.Client.FindAsync(TektonKinds.Tasks, run.Metadata.Namespace, named, cancellation))?.Spec
                    ?? throw new RunFailure("CouldntGetTask", $"Pipeline {run.Metadata.Namespace}/{pipeline} can't be Run; it contains Tasks that don't exist: Couldn't retrieve Task \"{named}\": tasks.tekton.dev \"{named}\" not found");
            }

            if (element is { } found)
            {
                PipelineRules.CheckTask(task, RunFailure.Read(found, TektonJson.Default.TaskSpec, PipelineRules.Invalid, $"the Task of pipeline task {task.Name}"), spec);
            }
        }
    }

    private async Task CancelAsync(IEnumerable<TaskRun> runs, string message, CancellationToken cancellation)
    {
        foreach (var child in runs.Where(child => !child.IsDone && child.Spec.Status is null))
        {
            var change = new JsonObject { ["spec"] = new JsonObject { ["status"] = TaskRunController.Cancelled, ["statusMessage"] = message } };
            await _world.Client.PatchAsync(TektonKinds.TaskRuns, child.Metadata.Namespace, child.Metadata.Name!, Patch.Merge(change), cancellation);
        }
    }

    /// <summary>Makes a task's TaskRun, or finds the one that was made before an end came.</summary>
    private async Task<TaskRun> StartAsync(
        PipelineRun run, PipelineTask task, (TimeSpan? Pipeline, TimeSpan? Tasks, TimeSpan? Finally) limits, string pipeline, bool final, CancellationToken cancellation)
    {
        var special = run.Spec.TaskRunSpecs?.Find(one => one.PipelineTaskName == task.Name);
        var template = run.Spec.TaskRunTemplate;
        var labels = new Dictionary<string, string>(run.Metadata.Labels ?? [])
        {
            [RunLabel] = run.Metadata.Name!,
            [PipelineLabel] = pipeline,
            [TaskLabel] = task.Name,
            ["tekton.dev/memberOf"] = final ? "finally" : "tasks",
        };
        if (task.TaskRef?.Name is { } named)
        {
            labels[TaskPod.TaskLabel] = named;
        }

        var annotations = new Dictionary<string, string>(run.Metadata.Annotations ?? []);
        annotations.Remove("kubectl.kubernetes.io/last-applied-configuration");
        var made = new TaskRun
        {
            Metadata =
            {
                Name = NameOf(run, task), Namespace = run.Metadata.Namespace, Labels = labels, Annotations = annotations,
                OwnerReferences = [TektonWorld.OwnedBy(run, TektonKinds.PipelineRuns)],
            },
            Spec = new TaskRunSpec
            {
                Params = task.Params,
                TaskRef = task.TaskRef is null ? null : new NamedRef { Name = task.TaskRef.Name, Kind = "Task" },
                TaskSpec = task.TaskSpec is null ? null : JsonSerializer.SerializeToElement(task.TaskSpec, TektonJson.Default.JsonNode),
                ServiceAccountName = special?.ServiceAccountName ?? template?.ServiceAccountName ?? "default",
                PodTemplate = Merge(template?.PodTemplate, special?.PodTemplate),
                ComputeResources = special?.ComputeResources?.DeepClone().AsObject(),
                Timeout = special?.Timeout ?? task.Timeout ?? Durations.Print((final ? limits.Finally : limits.Tasks) ?? limits.Pipeline ?? TimeSpan.Zero),
                Retries = task.Retries,
                Workspaces = task.Workspaces is null ? null : [.. task.Workspaces.Select(workspace => Bind(run, workspace)).OfType<WorkspaceBinding>()],
            },
        };
        try
        {
            return await _world.Client.CreateAsync(TektonKinds.TaskRuns, made, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            var found = await _world.Client.GetAsync(TektonKinds.TaskRuns, run.Metadata.Namespace, made.Metadata.Name!, cancellation);
            return TektonWorld.IsOwnedBy(found, run)
                ? found
                : throw new KubernetesException(KubernetesFault.Conflict, $"TaskRun {found}", "it belongs to something else", "delete it");
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Usage or KubernetesFault.Denied)
        {
            throw new RunFailure("CreateRunFailed", $"error creating TaskRun {made} of PipelineRun {run}: {fault.Message}");
        }
    }

    /// <summary>What a task's workspace is in this run; null for an optional one that the run leaves out.</summary>
    private static WorkspaceBinding? Bind(PipelineRun run, PipelineTaskWorkspace workspace)
    {
        var source = workspace.Workspace is { Length: > 0 } other ? other : workspace.Name;
        if (run.Spec.Workspaces?.Find(one => one.Name == source) is not { } found)
        {
            return null;
        }

        var parts = new[] { found.SubPath, workspace.SubPath }.Where(part => part is { Length: > 0 }).ToList();
        return new WorkspaceBinding
        {
            Name = workspace.Name,
            SubPath = parts.Count == 0 ? null : string.Join('/', parts),
            ConfigMap = found.ConfigMap,
            Secret = found.Secret,
            PersistentVolumeClaim = found.PersistentVolumeClaim,
            EmptyDir = found.EmptyDir,
            Unknown = found.Unknown,
        };
    }

    private static JsonObject? Merge(JsonObject? template, JsonObject? special)
    {
        if (template is null || special is null)
        {
            return (special ?? template)?.DeepClone().AsObject();
        }

        var merged = template.DeepClone().AsObject();
        foreach (var (field, value) in special)
        {
            merged[field] = value?.DeepClone();
        }

        return merged;
    }
}
