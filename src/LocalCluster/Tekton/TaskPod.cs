using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Models;
using LocalCluster.Pods;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>Makes the Pod of a TaskRun (Tekton docs, "TaskRuns" and "Tasks").</summary>
internal static class TaskPod
{
    internal const string TaskRunLabel = "tekton.dev/taskRun";
    internal const string TaskLabel = "tekton.dev/task";
    internal const string ContainerPrefix = "step-";

    /// <summary>Annotation: the containers, by comma, whose failure does not keep the next ones from running.</summary>
    internal const string ContinueAnnotation = "local-cluster.goldenimage.io/continue-on-error";

    private const string Invalid = "TaskRunValidationFailed";
    private const string ResultsVolume = "tekton-internal-results";
    private static readonly string[] Substituted = ["image", "command", "args", "env", "envFrom", "workingDir", "volumeMounts", "imagePullPolicy"];
    private static readonly string[] Copied = ["securityContext", "volumeDevices"];
    private static readonly string[] Ours = ["name", "displayName", "onError", "computeResources"];

    /// <summary>The name of a child: Tekton's, or one cut and told apart by a hash where that would be longer than a label may be.</summary>
    internal static string ChildName(string parent, string suffix)
    {
        const int longest = 63;
        if (parent.Length + suffix.Length <= longest)
        {
            return parent + suffix;
        }

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(parent + suffix)))[..32];
        var tail = suffix.Length < longest - hash.Length ? hash + suffix : hash;
        return parent[..Math.Min(parent.Length, longest - tail.Length)].TrimEnd('-', '.') + tail;
    }

    /// <summary>The Pod's name, by attempt.</summary>
    internal static string NameOf(TaskRun run) =>
        ChildName(run.Metadata.Name!, run.Status?.RetriesStatus?.Count is > 0 and var retries ? $"-pod-retry{retries}" : "-pod");

    /// <summary>The names of a Task's steps, as in its Pod.</summary>
    internal static IEnumerable<(string Name, JsonObject Step)> Steps(TaskSpec task) =>
        (task.Steps ?? []).Select((step, index) => (Text(step["name"]) is { Length: > 0 } name ? name : $"unnamed-{index}", step));

    internal static bool ContinuesAfter(JsonObject step) => Text(step["onError"]) == "continue";

    /// <exception cref="RunFailure">The run does not fit its Task.</exception>
    internal static Pod Make(TaskRun run, TaskSpec task)
    {
        var name = run.Spec.TaskRef?.Name ?? run.Metadata.Name!;
        Check(run, task, name);
        var variables = new Variables();
        SetParams(variables, task.Params, run.Spec.Params, Invalid, $"invalid input params for task {name}: ");
        foreach (var result in task.Results ?? [])
        {
            variables.Set($"results.{result.Name}.path", $"{PodRunner.ResultsFolder}/{result.Name}");
        }

        variables.Set("context.taskRun.name", run.Metadata.Name);
        variables.Set("context.taskRun.namespace", run.Metadata.Namespace);
        variables.Set("context.taskRun.uid", run.Metadata.Uid);
        variables.Set("context.task.name", name);
        var volumes = new JsonArray(new JsonObject { ["name"] = ResultsVolume, ["emptyDir"] = new JsonObject() });
        var mounts = new JsonArray(new JsonObject { ["name"] = ResultsVolume, ["mountPath"] = PodRunner.ResultsFolder });
        AddWorkspaces(run, task, variables, volumes, mounts);
        foreach (var volume in task.Volumes ?? [])
        {
            volumes.Add(variables.Apply(volume));
        }

        var spec = new JsonObject();
        foreach (var (field, value) in run.Spec.PodTemplate ?? [])
        {
            if (field == "volumes" && value is JsonArray more)
            {
                volumes = [.. volumes.Concat(more).Select(volume => volume?.DeepClone())];
            }
            else if (field != "env")
            {
                spec[field] = value?.DeepClone();
            }
        }

        var containers = new JsonArray();
        foreach (var (step, written) in Steps(task))
        {
            containers.Add((JsonNode)Container(step, Merge(task.StepTemplate, written), variables, mounts, run.Spec.PodTemplate?["env"] as JsonArray, run.Spec.ComputeResources, containers.Count == 0));
        }

        if (variables.Missing.FirstOrDefault(one => one.StartsWith("params.", StringComparison.Ordinal) || one.StartsWith("workspaces.", StringComparison.Ordinal)
            || one.StartsWith("context.", StringComparison.Ordinal) || one.StartsWith("results.", StringComparison.Ordinal)) is { } missing)
        {
            throw new RunFailure(Invalid, $"task {name}: non-existent variable in \"$({missing})\"");
        }

        spec["volumes"] = volumes;
        spec["containers"] = containers;
        spec["restartPolicy"] = "Never";
        spec["nodeName"] = PodRunner.NodeName;
        spec["serviceAccountName"] = run.Spec.ServiceAccountName is { Length: > 0 } account ? account : "default";
        return new Pod { Metadata = Metadata(run, task), Spec = RunFailure.Read(JsonSerializer.SerializeToElement(spec, TektonJson.Default.JsonObject), KubernetesJson.Default.PodSpec, Invalid, $"the pod of task {name}") };
    }

    /// <summary>What declared params are in a run, with their defaults.</summary>
    internal static void SetParams(Variables variables, List<ParamSpec>? declared, List<Param>? given, string missingReason, string prefix, string? typeReason = null)
    {
        foreach (var param in declared ?? [])
        {
            RunFailure.Refuse(param, missingReason, $"param {param.Name}");
            if (param.Default is not null)
            {
                variables.Set($"params.{param.Name}", Variables.Normal(param.Default));
            }
        }

        var missing = (declared ?? []).Where(param => param.Default is null && given?.Any(one => one.Name == param.Name) != true).Select(param => param.Name).ToList();
        if (missing.Count > 0)
        {
            throw new RunFailure(missingReason, $"{prefix}missing values for these params which have no default values: [{string.Join(' ', missing)}]");
        }

        var mistyped = (declared ?? []).Where(param => param.ActualType is not ("string" or "array")
            || given?.LastOrDefault(one => one.Name == param.Name) is { } one && (one.Value is JsonArray ? "array" : one.Value is JsonObject ? "object" : "string") != param.ActualType);
        if (mistyped.Select(param => param.Name).ToList() is { Count: > 0 } wrong)
        {
            throw new RunFailure(typeReason ?? missingReason, $"{prefix}param types don't match the user-specified type: [{string.Join(' ', wrong)}]");
        }

        foreach (var param in given ?? [])
        {
            variables.Set($"params.{param.Name}", Variables.Normal(param.Value));
        }
    }

    private static void Check(TaskRun run, TaskSpec task, string name)
    {
        RunFailure.Refuse(task, Invalid, $"task {name}");
        if (task.Steps is not { Count: > 0 })
        {
            throw new RunFailure("TaskValidationFailed", $"task {name} has no steps");
        }

        if (Steps(task).GroupBy(step => step.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new RunFailure("TaskValidationFailed", $"task {name} has two steps \"{twice.Key}\"");
        }

        foreach (var (step, fields) in Steps(task))
        {
            if (fields.Select(field => field.Key).FirstOrDefault(field => !Substituted.Contains(field) && !Copied.Contains(field) && !Ours.Contains(field)) is { } unknown)
            {
                throw new RunFailure(Invalid, $"task {name}, step {step}: the local cluster does not support the field \"{unknown}\"");
            }
        }

        var bindings = run.Spec.Workspaces ?? [];
        var declared = task.Workspaces ?? [];
        if (declared.FirstOrDefault(one => one.Optional != true && bindings.All(binding => binding.Name != one.Name)) is { } unbound)
        {
            throw new RunFailure(Invalid, $"declared workspace \"{unbound.Name}\" is required but has not been bound");
        }

        if (bindings.FirstOrDefault(binding => declared.All(one => one.Name != binding.Name)) is { } stray)
        {
            throw new RunFailure(Invalid, $"workspace binding \"{stray.Name}\" does not match any declared workspace");
        }

        if (bindings.Select(binding => Text(binding.PersistentVolumeClaim?["claimName"])).OfType<string>().Distinct(StringComparer.Ordinal).Count() > 1)
        {
            throw new RunFailure(Invalid, "more than one PersistentVolumeClaim is bound");
        }
    }

    private static void AddWorkspaces(TaskRun run, TaskSpec task, Variables variables, JsonArray volumes, JsonArray mounts)
    {
        foreach (var workspace in task.Workspaces ?? [])
        {
            var path = workspace.MountPath is { Length: > 0 } own ? variables.Apply(own) : $"/workspace/{workspace.Name}";
            var binding = run.Spec.Workspaces?.FirstOrDefault(one => one.Name == workspace.Name);
            var volume = binding is null ? "" : $"ws-{volumes.Count}";
            variables.Set($"workspaces.{workspace.Name}.path", binding is null ? "" : path);
            variables.Set($"workspaces.{workspace.Name}.bound", binding is null ? "false" : "true");
            variables.Set($"workspaces.{workspace.Name}.volume", volume);
            variables.Set($"workspaces.{workspace.Name}.claim", Text(binding?.PersistentVolumeClaim?["claimName"]) ?? "");
            if (binding is null)
            {
                continue;
            }

            (string Kind, JsonObject? Source)[] sources =
            [
                ("configMap", binding.ConfigMap), ("secret", binding.Secret), ("persistentVolumeClaim", binding.PersistentVolumeClaim), ("emptyDir", binding.EmptyDir),
            ];
            if (sources.Count(source => source.Source is not null) != 1 || binding.Unknown is { Count: > 0 })
            {
                throw new RunFailure(Invalid, $"workspace \"{binding.Name}\" must be one of configMap, secret, persistentVolumeClaim and emptyDir; the local cluster supports no other");
            }

            var (kind, chosen) = sources.First(source => source.Source is not null);
            volumes.Add((JsonNode)new JsonObject { ["name"] = volume, [kind] = chosen!.DeepClone() });
            var mount = new JsonObject { ["name"] = volume, ["mountPath"] = path };
            if (workspace.ReadOnly == true)
            {
                mount["readOnly"] = true;
            }

            if (binding.SubPath is { Length: > 0 } part)
            {
                mount["subPath"] = part;
            }

            mounts.Add((JsonNode)mount);
        }
    }

    private static JsonObject Container(string name, JsonObject step, Variables variables, JsonArray mounts, JsonArray? env, JsonObject? resources, bool first)
    {
        var made = new JsonObject { ["name"] = ContainerPrefix + name };
        foreach (var (field, value) in step)
        {
            if (Substituted.Contains(field))
            {
                made[field] = variables.Apply(value);
            }
            else if (Copied.Contains(field))
            {
                made[field] = value?.DeepClone();
            }
        }

        made["volumeMounts"] = new JsonArray([.. mounts.Concat(made["volumeMounts"] as JsonArray ?? []).Select(mount => mount?.DeepClone())]);
        if (env is not null)
        {
            made["env"] = Named(env, made["env"] as JsonArray, "name");
        }

        if ((resources ?? step["computeResources"]) is JsonObject wanted)
        {
            // A run's requests are for all its steps together, which the node adds up; limits hold for each (Tekton docs, "Compute Resources").
            made["resources"] = new JsonObject(wanted.Where(part => first || resources is null || part.Key != "requests").Select(part => KeyValuePair.Create(
                part.Key,
                part.Value is JsonObject amounts ? (JsonNode?)new JsonObject(amounts.Select(amount => KeyValuePair.Create(amount.Key, (JsonNode?)Variables.Normal(amount.Value)))) : part.Value?.DeepClone())));
        }

        return made;
    }

    /// <summary>A step over the template: fields replace, variables and mounts are merged.</summary>
    private static JsonObject Merge(JsonObject? template, JsonObject step)
    {
        var merged = template?.DeepClone().AsObject() ?? [];
        foreach (var (field, value) in step)
        {
            merged[field] = field switch
            {
                "env" => Named(merged[field] as JsonArray, value as JsonArray, "name"),
                "volumeMounts" => Named(merged[field] as JsonArray, value as JsonArray, "mountPath"),
                _ => value?.DeepClone(),
            };
        }

        return merged;
    }

    /// <summary>Items by a field; the later ones win.</summary>
    private static JsonArray Named(JsonArray? first, JsonArray? then, string key) => new([.. (first ?? [])
        .Where(item => then?.Any(other => Text((other as JsonObject)?[key]) == Text((item as JsonObject)?[key])) != true).Concat(then ?? []).Select(item => item?.DeepClone())]);

    private static ObjectMeta Metadata(TaskRun run, TaskSpec task)
    {
        var labels = new Dictionary<string, string>(run.Metadata.Labels ?? []) { [TaskRunLabel] = run.Metadata.Name!, ["app.kubernetes.io/managed-by"] = "tekton-pipelines" };
        if (run.Spec.TaskRef?.Name is { } named)
        {
            labels[TaskLabel] = named;
        }

        var annotations = new Dictionary<string, string>(run.Metadata.Annotations ?? []) { [PodRunner.Sequential] = "true" };
        annotations.Remove("kubectl.kubernetes.io/last-applied-configuration");
        if (Steps(task).Where(step => ContinuesAfter(step.Step)).Select(step => ContainerPrefix + step.Name).ToList() is { Count: > 0 } continued)
        {
            annotations[ContinueAnnotation] = string.Join(',', continued);
        }

        return new ObjectMeta
        {
            Name = NameOf(run),
            Namespace = run.Metadata.Namespace,
            Labels = labels,
            Annotations = annotations,
            OwnerReferences = [TektonWorld.OwnedBy(run, TektonKinds.TaskRuns)],
        };
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
