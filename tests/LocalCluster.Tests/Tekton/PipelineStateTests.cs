using System.Text.Json;
using Kubernetes.Models;
using LocalCluster.Tekton;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tests.Tekton;

public sealed class PipelineStateTests
{
    /// <summary>The shape of the golden pipeline: a plan that decides, tasks after each other, clean-up at the end.</summary>
    private const string Golden = """
        { "tasks": [
            { "name": "plan", "taskRef": { "name": "t" } },
            { "name": "clone", "taskRef": { "name": "t" }, "when": [{ "input": "$(tasks.plan.results.needed)", "operator": "in", "values": ["true"] }] },
            { "name": "push", "taskRef": { "name": "t" }, "runAfter": ["clone"], "when": [{ "input": "$(tasks.plan.results.image)", "operator": "notin", "values": [""] }] },
            { "name": "publish", "taskRef": { "name": "t" }, "runAfter": ["push"], "when": [{ "input": "$(tasks.plan.results.needed)", "operator": "in", "values": ["true"] }],
              "params": [{ "name": "size", "value": "$(tasks.clone.results.size)" }] } ],
          "finally": [ { "name": "discard", "taskRef": { "name": "t" }, "when": [{ "input": "$(tasks.clone.status)", "operator": "notin", "values": ["None"] }] } ] }
        """;

    [Theory]
    [InlineData("", "plan", "")]
    [InlineData("plan:?", "", "")]
    [InlineData("plan:+needed=true,image=x", "clone", "")]
    [InlineData("plan:+needed=true,image=x clone:+size=1", "push", "")]
    [InlineData("plan:+needed=true,image= clone:+size=1", "publish", "push=When Expressions evaluated to false")]
    [InlineData("plan:+needed=false,image=", "", "clone=When Expressions evaluated to false|push=When Expressions evaluated to false|publish=Results were missing|discard=When Expressions evaluated to false")]
    [InlineData("plan:+needed=true\n,image=", "", "clone=When Expressions evaluated to false|push=When Expressions evaluated to false|publish=Results were missing|discard=When Expressions evaluated to false")]
    [InlineData("plan:-needed=", "", "clone=PipelineRun was stopping|push=PipelineRun was stopping|publish=PipelineRun was stopping|discard=When Expressions evaluated to false")]
    [InlineData("plan:+needed=true,image=x clone:-size=1", "discard", "push=PipelineRun was stopping|publish=PipelineRun was stopping")]
    [InlineData("plan:+needed=true,image=x clone:+size=1 push:+ publish:+", "discard", "")]
    public void What_is_next_and_what_is_skipped_follows_from_what_has_run(string runs, string ready, string skipped)
    {
        var state = State(Golden, runs);
        Assert.Equal(ready, string.Join(' ', state.Ready.Select(task => task.Name)));
        Assert.Equal(skipped, string.Join('|', state.Skipped.Select(one => $"{one.Name}={one.Reason}")));
    }

    [Fact]
    public void A_result_that_its_producer_has_not_left_fails_who_needs_it_among_the_tasks()
    {
        var failure = Assert.Throws<RunFailure>(() => State(Golden, "plan:+image=x"));
        Assert.Equal(("InvalidTaskResultReference", true), (failure.Reason, failure.Message.Contains("Could not find result with name needed for task plan")));
    }

    [Theory]
    [InlineData("plan:+needed=true,image=x clone:?", null, "Unknown/Running/Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 4, Skipped: 0")]
    [InlineData("plan:+needed=true,image=x clone:-", null, "Unknown/Running/Tasks Completed: 2 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 2")]
    [InlineData("plan:+needed=true,image=x clone:- discard:+", null, "False/Failed/Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 2")]
    [InlineData("plan:+needed=false,image=", null, "True/Completed/Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 4")]
    [InlineData("plan:+needed=true,image=x clone:+size=1 push:+ publish:+ discard:+", null, "True/Succeeded/Tasks Completed: 5 (Failed: 0, Cancelled 0), Skipped: 0")]
    [InlineData("plan:+needed=true,image=x clone:!", "CancelledRunFinally", "Unknown/CancelledRunningFinally/Tasks Completed: 2 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 2")]
    [InlineData("plan:+needed=true,image=x clone:! discard:+", "CancelledRunFinally", "False/Cancelled/PipelineRun \"run\" was cancelled")]
    [InlineData("plan:+needed=true,image=x clone:! discard:+", null, "False/Cancelled/Tasks Completed: 3 (Failed: 0, Cancelled 1), Skipped: 2")]
    public void The_condition_counts_as_Tekton_does(string runs, string? wish, string told)
    {
        var (status, reason, message) = State(Golden, runs, wish).Condition("run");
        Assert.Equal(told, $"{status}/{reason}/{message}");
    }

    [Fact]
    public void Timeouts_skip_what_has_not_started_and_fail_the_run()
    {
        var state = State(Golden, "plan:+needed=true,image=x", null, new Elapsed(false, true, false));
        Assert.Equal("clone=PipelineRun Tasks timeout has been reached", string.Join('|', state.Skipped.Take(1).Select(one => $"{one.Name}={one.Reason}")));
        Assert.Empty(state.Ready);
        Assert.Equal("Failed", state.Condition("run").Reason);
    }

    private static PipelineState State(string pipeline, string runs, string? wish = null, Elapsed elapsed = default)
    {
        var graph = new PipelineGraph(JsonSerializer.Deserialize(pipeline, TektonJson.Default.PipelineSpec)!, "ns/run");
        return new PipelineState(graph, runs.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(one => one[..one.IndexOf(':')], one => Run(one[(one.IndexOf(':') + 1)..])), new Variables(), wish, elapsed);
    }

    /// <summary>+ has succeeded, - has failed, ! was cancelled, ? runs; then its results.</summary>
    private static TaskRun Run(string text)
    {
        var (status, reason) = text[0] switch { '+' => ("True", "Succeeded"), '-' => ("False", "Failed"), '!' => ("False", "TaskRunCancelled"), _ => ("Unknown", "Running") };
        return new TaskRun
        {
            Status = new TaskRunStatus
            {
                Conditions = [new Condition { Type = "Succeeded", Status = status, Reason = reason }],
                Results = [.. text[1..].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split('=')).Select(pair => new ResultValue { Name = pair[0], Value = pair[1] })],
            },
        };
    }
}
