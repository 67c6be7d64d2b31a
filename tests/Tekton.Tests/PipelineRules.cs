using System.Text.Json.Nodes;

namespace Tekton.Tests;

/// <summary>What Tekton refuses in a Pipeline, offline, and what this catalog asks beyond that.</summary>
internal static class PipelineRules
{
    private static readonly HashSet<string> Contexts =
        ["context.pipelineRun.name", "context.pipelineRun.namespace", "context.pipelineRun.uid", "context.pipeline.name", "context.pipelineTask.retries"];

    public static IReadOnlyList<string> Check(YamlFile file)
    {
        var pipeline = file.Content;
        var tasks = pipeline.List("spec/tasks").Select(task => (Task: task, Finally: false)).Concat(pipeline.List("spec/finally").Select(task => (Task: task, Finally: true))).ToList();
        return
        [
            .. CommonRules.Check(file, "Pipeline"), .. Shape(pipeline), .. tasks.SelectMany(one => References(pipeline, one.Task, one.Finally)),
            .. Results(pipeline), .. Cycles(pipeline), .. tasks.SelectMany(one => Flow(one.Task, one.Finally)), .. tasks.SelectMany(one => AgainstTask(pipeline, one.Task)), .. Unused(pipeline),
        ];
    }

    // 7.
    private static IEnumerable<string> Shape(JsonObject pipeline)
    {
        var names = pipeline.Names("spec/tasks").Concat(pipeline.Names("spec/finally")).ToList();
        foreach (var name in names.Twice().Concat(names.Where(name => !CommonRules.IsLabel(name))))
        {
            yield return $"7: task name '{name}' stands twice, or is no DNS label";
        }

        foreach (var task in pipeline.List("spec/tasks").Concat(pipeline.List("spec/finally")))
        {
            if (task.ContainsKey("taskRef") == task.ContainsKey("taskSpec"))
            {
                yield return $"7: {task.Text("name")} has not exactly one of taskRef and taskSpec";
            }
        }
    }

    // 5 and 7.
    private static IEnumerable<string> References(JsonObject pipeline, JsonObject task, bool isFinally)
    {
        foreach (var (path, text) in task.Strings())
        {
            foreach (var reference in CommonRules.References(text))
            {
                if (Mistake(pipeline, reference, isFinally) is { } mistake)
                {
                    yield return $"{mistake} ({task.Text("name")}{path})";
                }
            }
        }
    }

    private static string? Mistake(JsonObject pipeline, string reference, bool isFinally) => reference.Split('.') switch
    {
        ["params", var name] => pipeline.Names("spec/params").Contains(name) ? null : $"5: $({reference}) is not declared",
        ["workspaces", var name, "bound"] => pipeline.Names("spec/workspaces").Contains(name) ? null : $"5: $({reference}) is not declared",
        ["context", ..] => Contexts.Contains(reference) ? null : $"5: $({reference}) is not known",
        ["tasks", "status"] or ["tasks", _, "status" or "reason"] when !isFinally => $"8: $({reference}) is known in finally only",
        ["tasks", "status"] => null,
        ["tasks", var name, "status" or "reason"] => pipeline.Names("spec/tasks").Contains(name) ? null : $"5: $({reference}) leads nowhere",
        ["tasks", var name, "results", var result] => HasResult(pipeline, "tasks", name, result) ? null : $"10: $({reference}) leads nowhere",
        ["finally", ..] => $"8: $({reference}) is a result of finally",
        _ => $"7: $({reference}) begins with no prefix that a Pipeline has",
    };

    private static bool HasResult(JsonObject pipeline, string list, string task, string result) =>
        pipeline.List($"spec/{list}").FirstOrDefault(one => one.Text("name") == task) is { } producer
        && Catalog.Tasks.GetValueOrDefault(producer.Text("taskRef/name"))?.Content.Names("spec/results").Contains(result) == true;

    private static IEnumerable<string> Results(JsonObject pipeline)
    {
        foreach (var result in pipeline.List("spec/results"))
        {
            var references = CommonRules.References(result.Text("value")).ToList();
            if (references is not [var reference] || reference.Split('.') is not [("tasks" or "finally") and var list, var task, "results", var name] || !HasResult(pipeline, list, task, name))
            {
                yield return $"10: result {result.Text("name")} leads nowhere";
            }
        }
    }

    // 7: what waits for whom; without a cycle there is always a task that waits for none that is left.
    private static IEnumerable<string> Cycles(JsonObject pipeline)
    {
        var waits = pipeline.List("spec/tasks").GroupBy(task => task.Text("name")).ToDictionary(group => group.Key, group => group.SelectMany(Before).ToHashSet());
        foreach (var (name, before) in waits)
        {
            foreach (var unknown in before.Where(other => !waits.ContainsKey(other)))
            {
                yield return $"7: {name} runs after {unknown}, which is no task";
            }
        }

        while (waits.Where(one => !one.Value.Any(waits.ContainsKey)).Select(one => one.Key).ToList() is { Count: > 0 } free)
        {
            free.ForEach(name => waits.Remove(name));
        }

        if (waits.Count > 0)
        {
            yield return $"7: {string.Join(", ", waits.Keys)} wait for each other";
        }
    }

    private static IEnumerable<string> Before(JsonObject task) => task.Texts("runAfter")
        .Concat(task.Strings().SelectMany(one => CommonRules.References(one.Text)).Select(reference => reference.Split('.')).Where(parts => parts is ["tasks", _, "results", _]).Select(parts => parts[1]));

    // 8, 9 and 13.
    private static IEnumerable<string> Flow(JsonObject task, bool isFinally)
    {
        var name = task.Text("name");
        if (isFinally && task.ContainsKey("runAfter"))
        {
            yield return $"8: {name} is of finally, where all run at once";
        }

        var retries = (long?)task["retries"] ?? 0;
        if (retries > 0 && task.Text("onError") == "continue")
        {
            yield return $"8: {name} goes on after an error, so it can't have retries";
        }

        if (retries > 0 && Catalog.Tasks.GetValueOrDefault(task.Text("taskRef/name"))?.Text.Contains("guest-steps", StringComparison.Ordinal) == true)
        {
            yield return $"8: {name} edits a guest: what was interrupted can't be repeated";
        }

        foreach (var when in task.List("when"))
        {
            if (when.ContainsKey("cel") || when.Text("operator") is not ("in" or "notin") || when.Texts("values").Count == 0)
            {
                yield return $"9: {name} has a when without operator (in, notin) and values, or with cel";
            }
        }

        var own = task.List("params").FirstOrDefault(param => param.Text("name") == "timeout").Text("value");
        if (CommonRules.Duration(task.Text("timeout")) is not { } limit)
        {
            yield return $"13: {name} has no timeout: Tekton's default is an hour";
        }
        else if (CommonRules.Duration(own) is not { } deadline || deadline >= limit)
        {
            yield return $"13: the step's own deadline of {name} is not shorter than Tekton's, which kills without a word";
        }
    }

    // 10 and 10b.
    private static IEnumerable<string> AgainstTask(JsonObject pipeline, JsonObject task)
    {
        var name = task.Text("name");
        if (!Catalog.Tasks.TryGetValue(task.Text("taskRef/name"), out var file))
        {
            return [$"10: {name} names a Task that is not here"];
        }

        return Given(name, file.Content, task).Concat(Bound(name, pipeline, file.Content, task));
    }

    /// <summary>Whether what is given fits what is declared: for a task of a Pipeline, and for a run.</summary>
    public static IEnumerable<string> Given(string who, JsonObject declared, JsonObject given)
    {
        foreach (var twice in given.Names("params").Twice())
        {
            yield return $"10: {who} gives param {twice} twice";
        }

        foreach (var extra in given.Names("params").Except(declared.Names("spec/params")))
        {
            yield return $"10b: {who} gives param {extra}, which nobody takes; Tekton says nothing of it";
        }

        foreach (var param in declared.List("spec/params"))
        {
            var value = given.List("params").FirstOrDefault(one => one.Text("name") == param.Text("name"));
            if (value is null && !param.ContainsKey("default"))
            {
                yield return $"10: {who} gives no {param.Text("name")}";
            }
            else if (value is not null && (value["value"] is JsonArray) != (param.Text("type") == "array"))
            {
                yield return $"10: {who} gives {param.Text("name")} in another type";
            }
        }

        foreach (var extra in given.Names("workspaces").Except(declared.Names("spec/workspaces")))
        {
            yield return $"10: {who} binds workspace {extra}, which is not declared";
        }

        foreach (var missing in declared.List("spec/workspaces").Where(one => (bool?)one["optional"] != true).Select(one => one.Text("name")).Except(given.Names("workspaces")))
        {
            yield return $"10: {who} binds no workspace {missing}";
        }
    }

    private static IEnumerable<string> Bound(string who, JsonObject pipeline, JsonObject declared, JsonObject task)
    {
        foreach (var binding in task.List("workspaces"))
        {
            var outer = pipeline.List("spec/workspaces").FirstOrDefault(one => one.Text("name") == binding.Text("workspace"));
            var inner = declared.List("spec/workspaces").FirstOrDefault(one => one.Text("name") == binding.Text("name"));
            if (outer is null)
            {
                yield return $"10: {who} takes workspace {binding.Text("workspace")}, which the Pipeline has not";
            }
            else if ((bool?)outer["optional"] == true && (bool?)inner?["optional"] != true)
            {
                yield return $"10: {who} needs workspace {binding.Text("name")}, which may stay unbound";
            }
        }
    }

    private static IEnumerable<string> Unused(JsonObject pipeline)
    {
        var used = pipeline["spec"].Strings().SelectMany(one => CommonRules.References(one.Text)).ToHashSet();
        var workspaces = pipeline.List("spec/tasks").Concat(pipeline.List("spec/finally")).SelectMany(task => task.List("workspaces")).Select(one => one.Text("workspace")).ToHashSet();
        foreach (var unused in pipeline.Names("spec/params").Where(name => !used.Contains($"params.{name}")).Concat(pipeline.Names("spec/workspaces").Where(name => !workspaces.Contains(name))))
        {
            yield return $"5: {unused} is declared and not used";
        }
    }
}
