using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>Runs TaskRuns: a Pod for each attempt, and what became of it (Tekton docs, "TaskRuns", "Monitoring execution status").</summary>
internal sealed class TaskRunController : Controller
{
    internal const string Cancelled = "TaskRunCancelled";
    private const string Invalid = "TaskRunValidationFailed";
    private readonly TektonWorld _world;

    internal TaskRunController(TektonWorld world)
        : base(world.Client.Time, world.Options.FirstPause, world.Options.LongestPause, world.Options.Log)
    {
        _world = world;
        world.TaskRuns.Changed += (_, after) =>
        {
            if (after is not null)
            {
                Enqueue(ObjectKey.Of(after));
            }
        };
        world.Pods.Changed += (before, after) =>
        {
            if (TektonWorld.OwnerOf(after ?? before, "TaskRun") is { } run)
            {
                Enqueue(run);
            }
        };
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_world.TaskRuns.Find(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null, IsDone: false } known)
        {
            return Outcome.Done;
        }

        var run = TektonKinds.Copy(known, TektonKinds.TaskRuns.Json);
        var status = run.Status ??= new TaskRunStatus();
        if (status.StartTime is null)
        {
            status.StartTime = Time.GetUtcNow();
            if (run.Succeeded is null)
            {
                _world.Tell(status, "Unknown", "Started", "");
            }
        }

        TimeSpan? again = null;
        try
        {
            again = await AdvanceAsync(run, status, cancellation);
        }
        catch (RunFailure failure)
        {
            _world.Tell(status, "False", failure.Reason, failure.Message);
            if (status.PodName.Length == 0)
            {
                // What did not fit may not fit the status' schema either.
                status.TaskSpec = null;
            }
        }

        if (run.Succeeded is { Status: "False", Reason: not Cancelled } failed && failed.Reason is not (Invalid or "TaskValidationFailed" or "TaskRunResolutionFailed")
            && (status.RetriesStatus?.Count ?? 0) < run.Spec.Retries)
        {
            Archive(run, failed.Message!);
        }

        try
        {
            await _world.SaveAsync(TektonKinds.TaskRuns, known, run, known.Succeeded, run.Succeeded, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Usage)
        {
            // A spec inside the run is held to no schema; the status that shows it is.
            await RemoveAsync(await PodOfAsync(run, cancellation), cancellation);
            run.Status = new TaskRunStatus { StartTime = status.StartTime };
            _world.Tell(run.Status, "False", "TaskValidationFailed", fault.Message);
            await _world.SaveAsync(TektonKinds.TaskRuns, known, run, known.Succeeded, run.Succeeded, cancellation);
        }

        return again is { } pause && !run.IsDone ? Outcome.After(pause) : Outcome.Done;
    }

    /// <summary>A failed attempt becomes history, and the run is as new.</summary>
    private void Archive(TaskRun run, string message)
    {
        var attempt = TektonKinds.Copy(run, TektonKinds.TaskRuns.Json).Status!;
        var earlier = attempt.RetriesStatus ?? [];
        (attempt.RetriesStatus, attempt.TaskSpec) = (null, null);
        var history = JsonSerializer.SerializeToElement(attempt, TektonJson.Default.TaskRunStatus);
        run.Status = new TaskRunStatus { RetriesStatus = [.. earlier, history], TaskSpec = run.Status!.TaskSpec };
        _world.Tell(run.Status, "Unknown", "ToBeRetried", message);
    }

    /// <summary>Goes on with a run; gives when its time is over.</summary>
    private async Task<TimeSpan?> AdvanceAsync(TaskRun run, TaskRunStatus status, CancellationToken cancellation)
    {
        var name = run.Metadata.Name!;
        var limit = Durations.Of(run.Spec.Timeout, Durations.Default, Invalid, "timeout")!.Value;
        var left = status.StartTime!.Value + limit - Time.GetUtcNow();
        var pod = await PodOfAsync(run, cancellation);
        if (run.Spec.Status is { Length: > 0 } wanted)
        {
            await RemoveAsync(pod, cancellation);
            throw wanted == Cancelled
                ? new RunFailure(Cancelled, $"TaskRun \"{name}\" was cancelled. {run.Spec.StatusMessage}".TrimEnd())
                : new RunFailure(Invalid, $"status: \"{wanted}\" is none of a TaskRun; only {Cancelled} is");
        }

        if (limit > TimeSpan.Zero && left <= TimeSpan.Zero && pod?.IsFinished != true)
        {
            await RemoveAsync(pod, cancellation);
            throw new RunFailure("TaskRunTimeout", $"TaskRun \"{name}\" failed to finish within \"{Durations.Print(limit)}\"");
        }

        var task = await TaskOfAsync(run, cancellation);
        if (pod is null && status.PodName is { Length: > 0 } lost)
        {
            throw new RunFailure("Failed", $"pod \"{lost}\" was deleted before its steps had ended");
        }

        pod ??= await CreateAsync(run, task, cancellation);
        if (pod is not null)
        {
            status.PodName = pod.Metadata.Name!;
            if (TaskOutcome.Show(_world, run, status, task, pod) is { } hopeless)
            {
                await RemoveAsync(pod, cancellation);
                throw hopeless;
            }
        }

        // A pod of that name that belongs to a run of before: it goes away with that.
        var pause = pod is null ? TimeSpan.FromSeconds(1) : (TimeSpan?)null;
        return limit > TimeSpan.Zero && (pause is null || left < pause) ? left : pause;
    }

    /// <summary>What the run runs: kept in its status from the first look on, so that a Task changed meanwhile changes nothing.</summary>
    private async Task<TaskSpec> TaskOfAsync(TaskRun run, CancellationToken cancellation)
    {
        var name = run.Metadata.Name!;
        if (run.Status!.TaskSpec is null)
        {
            foreach (var (part, what) in new (OpenObject?, string)[] { (run.Spec, "spec"), (run.Spec.TaskRef, "taskRef") })
            {
                if (part is not null)
                {
                    RunFailure.Refuse(part, Invalid, what);
                }
            }

            if (run.Spec.TaskRef is { Name: { Length: > 0 } named, Kind: null or "" or "Task" })
            {
                run.Status.TaskSpec = (await _world.Client.FindAsync(TektonKinds.Tasks, run.Metadata.Namespace, named, cancellation))?.Spec
                    ?? throw new RunFailure("TaskRunResolutionFailed", $"error when getting Task for taskrun {run}: tasks.tekton.dev \"{named}\" not found");
            }
            else
            {
                run.Status.TaskSpec = run.Spec.TaskSpec ?? throw new RunFailure(Invalid, $"TaskRun {name} names no Task: set taskRef.name or taskSpec");
            }
        }

        var task = RunFailure.Read(run.Status.TaskSpec.Value, TektonJson.Default.TaskSpec, "TaskValidationFailed", $"the Task of TaskRun {name}");
        foreach (var (step, fields) in TaskPod.Steps(task).ToList())
        {
            fields["name"] = step;
        }

        run.Status.TaskSpec = JsonSerializer.SerializeToElement(task, TektonJson.Default.TaskSpec);
        return task;
    }

    /// <summary>The Pod of this attempt, as the cache knows it, or else the server.</summary>
    private async Task<Pod?> PodOfAsync(TaskRun run, CancellationToken cancellation)
    {
        var pod = _world.Pods.Find(run.Metadata.Namespace, TaskPod.NameOf(run))
            ?? await _world.Client.FindAsync(Kinds.Pods, run.Metadata.Namespace, TaskPod.NameOf(run), cancellation);
        return pod is not null && TektonWorld.IsOwnedBy(pod, run) ? pod : null;
    }

    private async Task<Pod?> CreateAsync(TaskRun run, TaskSpec task, CancellationToken cancellation)
    {
        var made = TaskPod.Make(run, task);
        try
        {
            return await _world.Client.CreateAsync(Kinds.Pods, made, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            var found = await _world.Client.FindAsync(Kinds.Pods, run.Metadata.Namespace, made.Metadata.Name!, cancellation);
            return found is not null && TektonWorld.IsOwnedBy(found, run) ? found : null;
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Usage or KubernetesFault.Denied)
        {
            throw new RunFailure("PodCreationFailed", $"failed to create task run pod \"{made.Metadata.Name}\": {fault.Message}");
        }
    }

    private async Task RemoveAsync(Pod? pod, CancellationToken cancellation)
    {
        if (pod is { IsFinished: false, Metadata.DeletionTimestamp: null })
        {
            await _world.Client.DeleteAsync(Kinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, cancellation, new Preconditions { Uid = pod.Metadata.Uid });
        }
    }
}
