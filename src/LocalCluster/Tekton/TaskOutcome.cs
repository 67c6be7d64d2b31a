using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Models;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>What a TaskRun's status tells of its Pod (tektoncd/pipeline, pkg/pod/status.go).</summary>
internal static class TaskOutcome
{
    private static readonly string[] ImageTroubles = ["ImagePullBackOff", "ImageInspectError", "ErrImagePull", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName"];

    /// <summary>Shows a Pod; gives why it can never run, where it is so.</summary>
    internal static RunFailure? Show(TektonWorld world, TaskRun run, TaskRunStatus status, TaskSpec task, Pod pod)
    {
        var steps = TaskPod.Steps(task).Select(step => (step.Name, Container: TaskPod.ContainerPrefix + step.Name, Continues: TaskPod.ContinuesAfter(step.Step))).ToList();
        var containers = (pod.Status?.ContainerStatuses ?? []).ToLookup(one => one.Name, StringComparer.Ordinal);
        var states = steps.Select(step => (Step: step, State: containers[step.Container].LastOrDefault())).Where(one => one.State is not null).ToList();
        status.Steps = [.. states.Select(one => Told(one.Step.Name, one.State!, one.Step.Continues))];
        var waiting = states.Select(one => one.State!.State.Waiting).FirstOrDefault(one => one?.Message is { Length: > 0 } || one?.Reason is { Length: > 0 });
        var ended = states.Count == steps.Count && states.TrueForAll(one => one.State!.State.Terminated is not null);
        if (!pod.IsFinished && !ended)
        {
            if (pod.Metadata.DeletionTimestamp is not null)
            {
                return new RunFailure("Failed", $"pod \"{pod.Metadata.Name}\" was deleted before its steps had ended");
            }

            if (pod.Status?.Phase == "Running")
            {
                world.Tell(status, "Unknown", "Running", "Not all Steps in the Task have finished executing");
                return null;
            }

            switch (waiting?.Reason)
            {
                case "CreateContainerConfigError":
                    return new RunFailure(waiting.Reason, $"Failed to create pod due to config error: {waiting.Message}");
                case { } reason when ImageTroubles.Contains(reason):
                    var first = states.First(one => one.State!.State.Waiting == waiting);
                    return new RunFailure("TaskRunImagePullFailed", $"the step \"{first.Step.Name}\" in TaskRun \"{run.Metadata.Name}\" failed to pull the image \"{first.State!.Image}\". The pod errored with the message: \"{waiting.Message}.\"");
                default:
                    world.Tell(status, "Unknown", "Pending", waiting?.Message is { Length: > 0 } why ? $"build step is pending with reason \"{why}\"" : pod.Status?.Message ?? "Pending");
                    return null;
            }
        }

        var broken = Results(status, task, states.Select(one => one.State!.State.Terminated?.Message));
        var failed = states.Where(one => one.State!.State.Terminated is { ExitCode: not 0 } && !one.Step.Continues).ToList();
        if (failed.Count > 0 && pod.Status?.Reason != "Evicted")
        {
            world.Tell(status, "False", "Failed", $"\"{failed[0].Step.Container}\" exited with code {failed[0].State!.State.Terminated!.ExitCode}");
        }
        else if (pod.Status?.Phase == "Failed" && (!ended || pod.Status.Reason is not null || states.TrueForAll(one => one.State!.State.Terminated!.ExitCode == 0)))
        {
            // The pod was lost: the node says why, not a step.
            var why = string.Join(": ", new[] { pod.Status.Reason, pod.Status.Message }.Where(part => part is { Length: > 0 }));
            world.Tell(status, "False", "Failed", why.Length > 0 ? why : "build failed for unspecified reasons.");
        }
        else if (broken is not null)
        {
            world.Tell(status, "False", "TaskRunValidationFailed", $"Provided results don't match declared results; may be invalid JSON or missing result declaration:  {broken}");
        }
        else
        {
            world.Tell(status, "True", "Succeeded", "All Steps have completed executing");
        }

        return null;
    }

    /// <summary>The declared results that the steps left, the last word of each; gives what is wrong with one.</summary>
    private static string? Results(TaskRunStatus status, TaskSpec task, IEnumerable<string?> messages)
    {
        var declared = (task.Results ?? []).ToLookup(result => result.Name, StringComparer.Ordinal);
        var found = new Dictionary<string, ResultValue>(StringComparer.Ordinal);
        string? broken = null;
        foreach (var (name, text) in messages.SelectMany(Entries))
        {
            if (declared[name].FirstOrDefault() is not { } result)
            {
                continue;
            }

            var type = result.Type ?? "string";
            var value = type == "string" ? JsonValue.Create(text) : Parsed(text);
            if (type != "string" && !(value is JsonArray items && type == "array" && items.All(item => item is JsonValue one && one.TryGetValue<string>(out _))))
            {
                broken = $"\"{name}\": task result is expected to be \"{type}\" type but was initialized to a different type \"string\"";
                continue;
            }

            found[name] = new ResultValue { Name = name, Type = type, Value = value };
        }

        status.Results = found.Count == 0 ? null : [.. found.Values];
        return broken;
    }

    /// <summary>A termination message's entries; one that is something else has none.</summary>
    private static IEnumerable<(string Name, string Value)> Entries(string? message)
    {
        foreach (var entry in Parsed(message) as JsonArray ?? [])
        {
            if (entry is JsonObject fields && fields["key"] is JsonValue key && key.TryGetValue<string>(out var name)
                && fields["value"] is JsonValue value && value.TryGetValue<string>(out var text)
                && fields["type"] is JsonValue type && type.TryGetValue<int>(out var kind) && kind == 1)
            {
                yield return (name, text);
            }
        }
    }

    private static JsonNode? Parsed(string? text)
    {
        try
        {
            return string.IsNullOrEmpty(text) ? null : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static StepState Told(string name, ContainerStatus state, bool continues) => new()
    {
        Name = name,
        Container = state.Name,
        ImageId = state.ImageId,
        Waiting = state.State.Waiting,
        Running = state.State.Running,
        Terminated = state.State.Terminated,
        TerminationReason = state.State.Terminated is not { } end ? null : end.ExitCode != 0 && continues ? "Continued" : end.Reason,
    };
}
