using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kubernetes.Models;

namespace LocalCluster.Tekton.Models;

/// <summary>A Pipeline (tekton.dev/v1); its spec is read when a run needs it.</summary>
internal sealed class Pipeline : KubernetesObject
{
    public JsonElement? Spec { get; set; }
}

internal sealed class PipelineSpec : OpenObject
{
    public string? DisplayName { get; set; }
    public string? Description { get; set; }
    public List<ParamSpec>? Params { get; set; }
    public List<WorkspaceSpec>? Workspaces { get; set; }
    public List<PipelineTask>? Tasks { get; set; }
    public List<PipelineTask>? Finally { get; set; }
    public List<ResultSpec>? Results { get; set; }
}

internal sealed class PipelineTask : OpenObject
{
    public string Name { get; set; } = "";
    public string? DisplayName { get; set; }
    public string? Description { get; set; }
    public NamedRef? TaskRef { get; set; }
    public JsonNode? TaskSpec { get; set; }
    public List<WhenExpression>? When { get; set; }
    public List<string>? RunAfter { get; set; }
    public List<Param>? Params { get; set; }
    public List<PipelineTaskWorkspace>? Workspaces { get; set; }
    public string? Timeout { get; set; }
    public int? Retries { get; set; }
}

internal sealed class WhenExpression : OpenObject
{
    public string? Input { get; set; }

    /// <summary><c>in</c> or <c>notin</c>.</summary>
    public string? Operator { get; set; }
    public List<string>? Values { get; set; }
}

/// <summary>Which of the Pipeline's workspaces a Task's is.</summary>
internal sealed class PipelineTaskWorkspace : OpenObject
{
    public string Name { get; set; } = "";
    public string? Workspace { get; set; }
    public string? SubPath { get; set; }
}

/// <summary>One run of a Pipeline.</summary>
internal sealed class PipelineRun : KubernetesObject
{
    public PipelineRunSpec Spec { get; set; } = new();
    public PipelineRunStatus? Status { get; set; }

    [JsonIgnore]
    public Condition? Succeeded => Condition.Of(Status?.Conditions, "Succeeded");

    [JsonIgnore]
    public bool IsDone => Succeeded?.Status is "True" or "False";
}

internal sealed class PipelineRunSpec : OpenObject
{
    public NamedRef? PipelineRef { get; set; }
    public JsonElement? PipelineSpec { get; set; }
    public List<Param>? Params { get; set; }

    /// <summary><c>Cancelled</c>, <c>CancelledRunFinally</c>, <c>StoppedRunFinally</c>, <c>PipelineRunPending</c>, or nothing.</summary>
    public string? Status { get; set; }
    public PipelineTimeouts? Timeouts { get; set; }
    public PipelineTaskRunTemplate? TaskRunTemplate { get; set; }
    public List<PipelineTaskRunSpec>? TaskRunSpecs { get; set; }
    public List<WorkspaceBinding>? Workspaces { get; set; }
}

internal sealed class PipelineTimeouts : OpenObject
{
    public string? Pipeline { get; set; }
    public string? Tasks { get; set; }
    public string? Finally { get; set; }
}

internal sealed class PipelineTaskRunTemplate : OpenObject
{
    public string? ServiceAccountName { get; set; }
    public JsonObject? PodTemplate { get; set; }
}

internal sealed class PipelineTaskRunSpec : OpenObject
{
    public string? PipelineTaskName { get; set; }
    public string? ServiceAccountName { get; set; }
    public JsonObject? PodTemplate { get; set; }
    public JsonObject? ComputeResources { get; set; }
    public string? Timeout { get; set; }
}

internal sealed class PipelineRunStatus : RunStatus
{
    public JsonElement? PipelineSpec { get; set; }
    public List<SkippedTask>? SkippedTasks { get; set; }
    public List<ChildReference>? ChildReferences { get; set; }
    public DateTimeOffset? FinallyStartTime { get; set; }
}

internal sealed class SkippedTask : OpenObject
{
    public string Name { get; set; } = "";
    public string Reason { get; set; } = "";
    public List<WhenExpression>? WhenExpressions { get; set; }
}

internal sealed class ChildReference : OpenObject
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public string? Name { get; set; }
    public string? DisplayName { get; set; }
    public string? PipelineTaskName { get; set; }
    public List<WhenExpression>? WhenExpressions { get; set; }
}
