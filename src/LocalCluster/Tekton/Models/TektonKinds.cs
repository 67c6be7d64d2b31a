using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Kubernetes;
using Kubernetes.Models;

namespace LocalCluster.Tekton.Models;

/// <summary>Tekton's kinds (tekton.dev/v1).</summary>
internal static class TektonKinds
{
    internal const string Group = "tekton.dev";

    internal static ResourceKind<TektonTask> Tasks { get; } = new(Group, "v1", "tasks", "Task", true, TektonJson.Default.TektonTask, TektonJson.Default.ObjectListTektonTask);

    internal static ResourceKind<Pipeline> Pipelines { get; } = new(Group, "v1", "pipelines", "Pipeline", true, TektonJson.Default.Pipeline, TektonJson.Default.ObjectListPipeline);

    internal static ResourceKind<TaskRun> TaskRuns { get; } = new(Group, "v1", "taskruns", "TaskRun", true, TektonJson.Default.TaskRun, TektonJson.Default.ObjectListTaskRun);

    internal static ResourceKind<PipelineRun> PipelineRuns { get; } = new(
        Group, "v1", "pipelineruns", "PipelineRun", true, TektonJson.Default.PipelineRun, TektonJson.Default.ObjectListPipelineRun);

    /// <summary>Another object with the same content, to be changed.</summary>
    internal static T Copy<T>(T value, JsonTypeInfo<T> json) => JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(value, json), json)!;
}

/// <summary>How Tekton's objects are read and written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(ObjectList<TektonTask>))]
[JsonSerializable(typeof(ObjectList<Pipeline>))]
[JsonSerializable(typeof(ObjectList<TaskRun>))]
[JsonSerializable(typeof(ObjectList<PipelineRun>))]
[JsonSerializable(typeof(TaskSpec))]
[JsonSerializable(typeof(PipelineSpec))]
[JsonSerializable(typeof(JsonNode))]
internal sealed partial class TektonJson : JsonSerializerContext;
