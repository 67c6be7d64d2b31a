using System.Text.Json;
using System.Text.Json.Nodes;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>The tasks of a Pipeline in an order in which each comes after those that it waits for; what <c>finally</c> has comes last.</summary>
internal sealed class PipelineGraph
{
    private const string Invalid = "PipelineValidationFailed";

    /// <exception cref="RunFailure">The tasks make no graph.</exception>
    internal PipelineGraph(PipelineSpec spec, string run)
    {
        const string invalidGraph = "PipelineInvalidGraph";
        var tasks = spec.Tasks ?? [];
        var all = tasks.Concat(spec.Finally ?? []).ToList();
        if (all.GroupBy(task => task.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new RunFailure(invalidGraph, $"PipelineRun {run}'s Pipeline DAG is invalid: duplicate pipeline task \"{twice.Key}\"");
        }

        var names = tasks.Select(task => task.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var task in all)
        {
            Names[task.Name] = [.. Variables.NamesIn(JsonSerializer.SerializeToNode(task, TektonJson.Default.PipelineTask)).Distinct(StringComparer.Ordinal)];
            var results = Names[task.Name].Select(name => Variables.ResultOf(name)?.Task).OfType<string>();
            if (spec.Finally?.Contains(task) == true)
            {
                if (task.RunAfter is { Count: > 0 })
                {
                    throw new RunFailure(Invalid, $"finally task {task.Name}: no runAfter allowed under spec.finally");
                }

                if (results.FirstOrDefault(one => !names.Contains(one)) is { } strange)
                {
                    throw new RunFailure("InvalidTaskResultReference", $"invalid result reference in pipeline task \"{task.Name}\": unable to find task \"{strange}\" used by result reference");
                }

                continue;
            }

            Parents[task.Name] = [.. results.Concat(task.RunAfter ?? []).Distinct(StringComparer.Ordinal)];
            if (Parents[task.Name].FirstOrDefault(parent => !names.Contains(parent)) is { } missing)
            {
                throw new RunFailure(invalidGraph, $"PipelineRun {run}'s Pipeline DAG is invalid: task {task.Name} depends on {missing} but {missing} wasn't present in Pipeline");
            }
        }

        var left = new List<PipelineTask>(tasks);
        while (left.Count > 0)
        {
            var next = left.Where(task => Parents[task.Name].All(parent => Tasks.Any(before => before.Name == parent))).ToList();
            if (next.Count == 0)
            {
                throw new RunFailure(invalidGraph, $"PipelineRun {run}'s Pipeline DAG is invalid: cycle detected; {string.Join(", ", left.Select(task => $"task \"{task.Name}\" depends on \"{Parents[task.Name][0]}\""))}");
            }

            Tasks.AddRange(next);
            left.RemoveAll(next.Contains);
        }

        Finally = spec.Finally ?? [];
    }

    internal List<PipelineTask> Tasks { get; } = [];

    internal List<PipelineTask> Finally { get; }

    internal IEnumerable<PipelineTask> All => Tasks.Concat(Finally);

    /// <summary>Whom a task waits for.</summary>
    internal Dictionary<string, List<string>> Parents { get; } = new(StringComparer.Ordinal);

    /// <summary>The variables that a task names.</summary>
    internal Dictionary<string, List<string>> Names { get; } = new(StringComparer.Ordinal);
}
