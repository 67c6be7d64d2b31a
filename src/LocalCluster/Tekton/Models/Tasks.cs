using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kubernetes.Models;

namespace LocalCluster.Tekton.Models;

/// <summary>A Task (tekton.dev/v1). The spec is read when a run needs it: one that makes no sense fails that run, not the watch.</summary>
internal sealed class TektonTask : KubernetesObject
{
    public JsonElement? Spec { get; set; }
}

internal sealed class TaskSpec : OpenObject
{
    public string? DisplayName { get; set; }
    public string? Description { get; set; }
    public List<ParamSpec>? Params { get; set; }
    public List<ResultSpec>? Results { get; set; }
    public List<WorkspaceSpec>? Workspaces { get; set; }
    public List<JsonObject>? Steps { get; set; }
    public JsonObject? StepTemplate { get; set; }
    public List<JsonObject>? Volumes { get; set; }
}

/// <summary>A declared parameter.</summary>
internal sealed class ParamSpec : OpenObject
{
    public string Name { get; set; } = "";
    public string? Type { get; set; }
    public string? Description { get; set; }
    public JsonNode? Default { get; set; }

    /// <summary>As the webhook infers it from the default.</summary>
    [JsonIgnore]
    public string ActualType => Type ?? (Default is JsonArray ? "array" : "string");
}

/// <summary>A parameter's value: a text or a list of texts.</summary>
internal sealed class Param : OpenObject
{
    public string Name { get; set; } = "";
    public JsonNode? Value { get; set; }
}

/// <summary>A declared result; a Pipeline's has a value.</summary>
internal sealed class ResultSpec : OpenObject
{
    public string Name { get; set; } = "";
    public string? Type { get; set; }
    public string? Description { get; set; }
    public JsonNode? Value { get; set; }
}

/// <summary>A declared workspace.</summary>
internal sealed class WorkspaceSpec : OpenObject
{
    public string Name { get; set; } = "";
    public string? Description { get; set; }
    public string? MountPath { get; set; }
    public bool? ReadOnly { get; set; }
    public bool? Optional { get; set; }
}

/// <summary>What a workspace is in a run: one of the four.</summary>
internal sealed class WorkspaceBinding : OpenObject
{
    public string Name { get; set; } = "";
    public string? SubPath { get; set; }
    public JsonObject? ConfigMap { get; set; }
    public JsonObject? Secret { get; set; }
    public JsonObject? PersistentVolumeClaim { get; set; }
    public JsonObject? EmptyDir { get; set; }
}

/// <summary>A Task by name.</summary>
internal sealed class NamedRef : OpenObject
{
    public string? Name { get; set; }
    public string? Kind { get; set; }
    public string? ApiVersion { get; set; }
}

/// <summary>One run of a Task.</summary>
internal sealed class TaskRun : KubernetesObject
{
    public TaskRunSpec Spec { get; set; } = new();
    public TaskRunStatus? Status { get; set; }

    [JsonIgnore]
    public Condition? Succeeded => Condition.Of(Status?.Conditions, "Succeeded");

    [JsonIgnore]
    public bool IsDone => Succeeded?.Status is "True" or "False";
}

internal sealed class TaskRunSpec : OpenObject
{
    public List<Param>? Params { get; set; }
    public NamedRef? TaskRef { get; set; }
    public JsonElement? TaskSpec { get; set; }
    public string? ServiceAccountName { get; set; }
    public JsonObject? PodTemplate { get; set; }
    public JsonObject? ComputeResources { get; set; }
    public List<WorkspaceBinding>? Workspaces { get; set; }
    public string? Timeout { get; set; }
    public int? Retries { get; set; }

    /// <summary><c>TaskRunCancelled</c>, or nothing.</summary>
    public string? Status { get; set; }
    public string? StatusMessage { get; set; }
}

/// <summary>What all runs tell.</summary>
internal abstract class RunStatus : OpenObject
{
    public List<Condition>? Conditions { get; set; }
    public DateTimeOffset? StartTime { get; set; }
    public DateTimeOffset? CompletionTime { get; set; }
    public List<ResultValue>? Results { get; set; }
}

internal sealed class TaskRunStatus : RunStatus
{
    /// <summary>Always there, as the schema wants it: "" while there is none.</summary>
    public string PodName { get; set; } = "";
    public List<StepState>? Steps { get; set; }

    /// <summary>The attempts that failed before.</summary>
    public List<JsonElement>? RetriesStatus { get; set; }
    public JsonElement? TaskSpec { get; set; }
}

internal sealed class StepState : OpenObject
{
    public string Name { get; set; } = "";
    public string Container { get; set; } = "";

    [JsonPropertyName("imageID")]
    public string? ImageId { get; set; }
    public ContainerWaiting? Waiting { get; set; }
    public ContainerRunning? Running { get; set; }
    public ContainerTerminated? Terminated { get; set; }

    /// <summary><c>Completed</c>, <c>Error</c>, <c>Continued</c>.</summary>
    public string? TerminationReason { get; set; }
}

internal sealed class ResultValue : OpenObject
{
    public string Name { get; set; } = "";
    public string? Type { get; set; }
    public JsonNode? Value { get; set; }
}
