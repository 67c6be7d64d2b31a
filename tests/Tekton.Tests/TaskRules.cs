using System.Text.Json.Nodes;

namespace Tekton.Tests;

/// <summary>What Tekton refuses in a Task, offline, and what this catalog asks beyond that.</summary>
internal static class TaskRules
{
    private static readonly string[] Contexts = ["context.taskRun.name", "context.taskRun.namespace", "context.taskRun.uid", "context.task.name"];

    /// <summary>Fields of a step in which Tekton replaces nothing (its docs/variables.md).</summary>
    private static readonly string[] Literal = ["computeResources", "securityContext", "timeout", "volumeDevices", "name"];

    public static IReadOnlyList<string> Check(YamlFile file)
    {
        var task = file.Content;
        return
        [
            .. CommonRules.Check(file, "Task"), .. Steps(task), .. Mounts(task), .. References(task), .. Arrays(task),
            .. task.List("spec/steps").SelectMany(Hardening), .. Volumes(task), .. Budget(task),
        ];
    }

    // 2 and 12.
    private static IEnumerable<string> Steps(JsonObject task)
    {
        var steps = task.List("spec/steps");
        if (steps.Count == 0)
        {
            yield return "2: it has no step";
        }

        foreach (var name in steps.Select(step => step.Text("name")).Where(name => !CommonRules.IsLabel(name)).Concat(task.Names("spec/steps").Twice()))
        {
            yield return $"2: step name '{name}' is no DNS label, or stands twice";
        }

        foreach (var step in steps)
        {
            if (step.ContainsKey("ref") || step.ContainsKey("params") || step.Text("image").Length == 0)
            {
                yield return "2: a step has an image of its own, no ref and no params";
            }

            if (step.ContainsKey("script"))
            {
                yield return "12: a script is a way for a param to become a program";
            }

            if (step.Texts("command") is not [var command] || command != $"/app/steps/{task.Text("metadata/name")}/{task.Text("metadata/name")}")
            {
                yield return "12: the command is not the Task's step; without one Tekton asks the registry for the image's";
            }

            if (step.Text("image") is not ("golden-image-tasks/steps:main" or "golden-image-tasks/guest-steps:main"))
            {
                yield return $"12: image '{step.Text("image")}' is none of ours; releases write registry and digest";
            }
        }
    }

    // 3.
    private static IEnumerable<string> Mounts(JsonObject task)
    {
        foreach (var name in task.Names("spec/volumes").Twice().Concat(task.Names("spec/workspaces").Twice()))
        {
            yield return $"3: volume or workspace {name} stands twice";
        }

        foreach (var step in task.List("spec/steps"))
        {
            var paths = step.List("volumeMounts").Select(mount => mount.Text("mountPath"))
                .Concat(task.List("spec/workspaces").Select(workspace => workspace.Text("mountPath") is { Length: > 0 } path ? path : $"/workspace/{workspace.Text("name")}"));
            foreach (var path in paths.Twice())
            {
                yield return $"3: two things are mounted at {path}";
            }

            foreach (var mount in step.List("volumeMounts"))
            {
                var (name, path) = (mount.Text("name"), mount.Text("mountPath"));
                if (!path.StartsWith('/') || path == "/tekton" || path.StartsWith("/tekton/", StringComparison.Ordinal))
                {
                    yield return $"3: {path} is Tekton's, or no path";
                }

                if (name.StartsWith("tekton-internal-", StringComparison.Ordinal) || !task.Names("spec/volumes").Contains(name))
                {
                    yield return $"3: volume {name} is not declared";
                }
            }
        }
    }

    // 5: every reference leads to something, stands where it is replaced, and everything declared is used.
    private static IEnumerable<string> References(JsonObject task)
    {
        var known = new HashSet<string>(Contexts);
        known.UnionWith(task.Names("spec/params").SelectMany(name => (string[])[$"params.{name}", $"params.{name}[*]"]));
        known.UnionWith(task.Names("spec/results").Select(name => $"results.{name}.path"));
        known.UnionWith(task.Names("spec/workspaces").SelectMany(name => (string[])[$"workspaces.{name}.path", $"workspaces.{name}.bound", $"workspaces.{name}.claim", $"workspaces.{name}.volume"]));
        var used = new HashSet<string>();
        foreach (var (path, text) in task["spec"].Strings())
        {
            foreach (var reference in CommonRules.References(text))
            {
                used.Add(reference.Replace("[*]", "", StringComparison.Ordinal));
                if (!known.Contains(reference))
                {
                    yield return $"5: $({reference}) leads nowhere ({path})";
                }

                var keys = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
                if (!(keys[0] is "volumes" || (keys[0] is "steps" or "stepTemplate" && !Literal.Contains(keys[2]))))
                {
                    yield return $"5: nothing is replaced in {path}";
                }
            }
        }

        foreach (var unused in task.Names("spec/params").Select(name => $"params.{name}").Concat(task.Names("spec/results").Select(name => $"results.{name}.path")).Where(name => !used.Contains(name)))
        {
            yield return $"5: {unused} is declared and not used";
        }
    }

    // 6.
    private static IEnumerable<string> Arrays(JsonObject task)
    {
        foreach (var array in task.List("spec/params").Where(param => param.Text("type") == "array").Select(param => param.Text("name")))
        {
            foreach (var (path, text) in task["spec"].Strings().Where(one => one.Text.Contains($"$(params.{array}", StringComparison.Ordinal)))
            {
                if (text != $"$(params.{array}[*])" || !(path.Contains("/args/", StringComparison.Ordinal) || path.Contains("/command/", StringComparison.Ordinal)))
                {
                    yield return $"6: array {array} must be a whole argument, $(params.{array}[*]) ({path})";
                }
            }
        }

        foreach (var (path, _) in task["spec"].Strings().Where(one => CommonRules.References(one.Text).Any(reference => reference.StartsWith("steps.", StringComparison.Ordinal)) && !one.Path.Contains("/args/", StringComparison.Ordinal)))
        {
            yield return $"6: a step's result is taken in {path}";
        }
    }

    // 12: what Pod Security's profile "restricted" asks (PodSecurity.cs), and a file system that nobody can write into.
    private static IEnumerable<string> Hardening(JsonObject step)
    {
        if ((bool?)step.At("securityContext/readOnlyRootFilesystem") != true)
        {
            yield return "12: the root file system can be written";
        }

        var env = step.List("env").ToDictionary(variable => variable.Text("name"), variable => variable.Text("value"));
        if (env.GetValueOrDefault("HOME") != "/tmp" || env.GetValueOrDefault("TMPDIR") != "/tmp" || step.List("volumeMounts").All(mount => mount.Text("mountPath") != "/tmp"))
        {
            yield return "12: HOME and TMPDIR are not in a volume at /tmp: a user without a home has / as one";
        }

        if (step.Text("image").Contains("guest-steps", StringComparison.Ordinal) && (step.Text("computeResources/limits/memory").Length == 0 || step.Text("computeResources/requests/memory").Length == 0))
        {
            yield return "12: a guest step asks for no memory";
        }
    }

    // 12 and 13.
    private static IEnumerable<string> Volumes(JsonObject task)
    {
        foreach (var finding in PodSecurity.Mistakes(PodOf(task)))
        {
            yield return $"12: {finding}";
        }

        if (task.List("spec/workspaces").Count(workspace => (bool?)workspace["readOnly"] != true) > 1)
        {
            yield return "13: two workspaces that may be claims: Tekton's affinity assistant refuses them";
        }
    }

    // 13: names and a digest each must leave room in a termination message (4096 bytes, 2048 are the steps' own limit).
    private static IEnumerable<string> Budget(JsonObject task)
    {
        const int overhead = 35, value = 71;
        var cost = task.Names("spec/results").Sum(name => name.Length + overhead + value);
        if (cost > 2048)
        {
            yield return $"13: results of {cost} bytes, 2048 are allowed";
        }
    }

    /// <summary>The pod that Tekton makes of a Task, as far as the Task decides it.</summary>
    public static JsonObject PodOf(JsonObject task) => new()
    {
        ["containers"] = new JsonArray([.. task.List("spec/steps").Select(step => new JsonObject { ["name"] = step["name"]?.DeepClone(), ["securityContext"] = step["securityContext"]?.DeepClone() })]),
        ["volumes"] = task.At("spec/volumes")?.DeepClone(),
    };
}
