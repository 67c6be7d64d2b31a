using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>A TaskRun as it ended.</summary>
/// <param name="Task">Its name in the Pipeline.</param>
/// <param name="Seconds">From its begin to its end, as it was seen.</param>
/// <param name="Succeeded">Whether.</param>
/// <param name="ExitCode">Of its step; 0 where there is none.</param>
/// <param name="Message">What Tekton says of it.</param>
/// <param name="Results">Its results that are not empty.</param>
public sealed record TaskOutcome(string Task, double Seconds, bool Succeeded, int ExitCode, string Message, IReadOnlyDictionary<string, string> Results);

/// <summary>
/// Shows a PipelineRun as it goes, by <c>kubectl get -w</c> and <c>kubectl logs -f</c>: each TaskRun as it begins and ends, and what its
/// step says.
/// </summary>
public sealed class RunFollower(CommandLine kubectl, Terminal terminal, string space, string run)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    /// <summary>How long the API may be away; a local cluster that was killed is started again by its user.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>How long a log may go on after its TaskRun's end.</summary>
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Shown> shown = new();

    /// <summary>A TaskRun that is being shown.</summary>
    private sealed class Shown(string task)
    {
        public string Task => task;

        public long Begun { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource<JsonNode> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<TaskOutcome> Outcome { get; set; } = null!;
    }

    /// <summary>Follows it to its end: its TaskRuns in the order in which they began, and the run itself.</summary>
    public async Task<(IReadOnlyList<TaskOutcome> Tasks, JsonNode Run)> Follow(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var ended = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        // A list of one: of an object that is named, kubectl passes over what changed between its look and its watch.
        var runs = Watch(one => _ = Succeeded(one) is not null && ended.TrySetResult(one), stop.Token, "pipelineruns", $"--field-selector=metadata.name={run}");
        var tasks = Watch(one => See(one, stop.Token), stop.Token, "taskruns", "-l", $"tekton.dev/pipelineRun={run}");
        try
        {
            await await Task.WhenAny(ended.Task, runs, tasks);
            var last = await ended.Task;
            // What the watch has not shown yet.
            foreach (var one in (await kubectl.Find(cancellation, "taskruns", "-n", space, "-l", $"tekton.dev/pipelineRun={run}"))?["items"]?.AsArray() ?? [])
            {
                See(one!, stop.Token);
            }

            // One that never had an end has none now: the run was ended without it.
            return (await Task.WhenAll(shown.Values.Where(one => one.Ended.Task.IsCompleted).OrderBy(one => one.Begun).Select(one => one.Outcome)), last);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(runs, tasks).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>Whether a run has succeeded; null while it goes on.</summary>
    public static bool? Succeeded(JsonNode one) => (string?)Condition(one)?["status"] switch
    {
        "True" => true,
        "False" => false,
        _ => null,
    };

    /// <summary>The condition that tells how a run stands.</summary>
    public static JsonNode? Condition(JsonNode one) =>
        one["status"]?["conditions"]?.AsArray().FirstOrDefault(condition => (string?)condition?["type"] == "Succeeded");

    private async Task Watch(Action<JsonNode> see, CancellationToken cancellation, params string[] what)
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            // kubectl prints one object after the other, each from a line '{' to a line '}'.
            var text = new StringBuilder();
            await kubectl.Stream(
                line =>
                {
                    text.Append(line).Append('\n');
                    if (line == "}")
                    {
                        var one = JsonNode.Parse(text.ToString())!;
                        text.Clear();
                        since.Restart();
                        see(one);
                    }
                },
                cancellation,
                ["get", what[0], "-n", space, .. what[1..], "-w", "-o", "json"]);
            cancellation.ThrowIfCancellationRequested();
            if (since.Elapsed > Patience && await kubectl.Find(cancellation, "pipelineruns", "-n", space, run) is null)
            {
                throw new FlowException(3, $"PipelineRun {space}/{run} is gone; somebody has deleted it");
            }

            await Task.Delay(Pause, cancellation);
        }
    }

    private void See(JsonNode one, CancellationToken cancellation)
    {
        var name = (string)one["metadata"]!["name"]!;
        var pod = (string?)one["status"]?["podName"];
        if (pod is not { Length: > 0 } && Succeeded(one) is null)
        {
            return;
        }

        var its = shown.GetOrAdd(name, _ => new Shown((string?)one["metadata"]!["labels"]?["tekton.dev/pipelineTask"] ?? name));
        lock (its)
        {
            its.Outcome ??= Show(its, pod, cancellation);
        }

        if (Succeeded(one) is not null)
        {
            its.Ended.TrySetResult(one);
        }
    }

    private async Task<TaskOutcome> Show(Shown its, string? pod, CancellationToken cancellation)
    {
        await Task.Yield();
        terminal.Line($"      > {its.Task}");
        if (pod is { Length: > 0 })
        {
            await Log(its, pod, cancellation);
        }

        var one = await its.Ended.Task.WaitAsync(cancellation);
        var took = Stopwatch.GetElapsedTime(its.Begun);
        var results = (one["status"]?["results"]?.AsArray() ?? [])
            .Select(result => (Name: (string)result!["name"]!, Value: result["value"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : ""))
            .Where(result => result.Value.Length > 0)
            .ToDictionary(result => result.Name, result => result.Value);
        var code = (one["status"]?["steps"]?.AsArray() ?? []).Select(step => (int?)step?["terminated"]?["exitCode"] ?? 0).FirstOrDefault(exit => exit != 0);
        var outcome = new TaskOutcome(
            its.Task, Math.Round(took.TotalSeconds, 1), Succeeded(one) == true, code, (string?)Condition(one)?["message"] ?? "", results);
        terminal.Line($"      < {its.Task}  {Terminal.Seconds(took)}  {(string?)Condition(one)?["reason"]}");
        return outcome;
    }

    private async Task Log(Shown its, string pod, CancellationToken cancellation)
    {
        // Until its container has begun there is no log; where the stream breaks off, what was told is not told again.
        var told = 0;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _ = its.Ended.Task.ContinueWith(_ => limit.CancelAfter(LastLines), cancellation, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        while (true)
        {
            var isOver = its.Ended.Task.IsCompleted;
            var line = 0;
            int code;
            try
            {
                code = await kubectl.Stream(
                text =>
                {
                    if (line++ >= told)
                    {
                        told++;
                        terminal.Detail(text);
                    }
                },
                limit.Token, "logs", "-f", "-n", space, pod, "--all-containers");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return;
            }

            if (code == 0 || isOver)
            {
                return;
            }

            await Task.WhenAny(its.Ended.Task, Task.Delay(Pause, cancellation));
        }
    }
}
