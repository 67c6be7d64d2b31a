using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;
using LocalCluster.Pods;
using LocalCluster.Tekton;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tests.Tekton;

/// <summary>How a step ends: its exit code and the results that it leaves; null as a whole for "not yet".</summary>
internal sealed record StepEnd(int Exit = 0, params (string Name, string Value)[] Results);

/// <summary>A real API server, a local Tekton in the test's own namespace, and a hand that does what the node does: sets the pods' status.</summary>
internal sealed class TektonBench : IAsyncDisposable
{
    private readonly List<string> _log = [];
    private readonly CancellationTokenSource _stopNode = new();
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private Task _node = Task.CompletedTask;

    private readonly IAsyncDisposable? _own;

    private TektonBench(string kubeconfig, string space, IAsyncDisposable? own)
    {
        (Kubeconfig, Space, _own, Kubectl) = (kubeconfig, space, own, new Kubectl(kubeconfig));
        Client = new KubernetesClient(ClusterConfig.Load(kubeconfig), new ClientOptions { FirstDelay = TimeSpan.FromMilliseconds(50), LongestDelay = TimeSpan.FromSeconds(1) });
    }

    public string Kubeconfig { get; }

    public KubernetesClient Client { get; }

    public Kubectl Kubectl { get; }

    public string Space { get; }

    public Scratch Scratch { get; } = new();

    /// <summary>What a step of a pod does; asked again until it has ended.</summary>
    public Func<Pod, Container, StepEnd?> Step { get; set; } = static (_, _) => new StepEnd();

    /// <summary>The steps that began, in order: <c>pod/container</c>.</summary>
    public List<string> Began { get; } = [];

    public static CancellationToken Limit(int seconds = 45) => new CancellationTokenSource(TimeSpan.FromSeconds(seconds)).Token;

    public static async Task<TektonBench> StartAsync(ApiServerKind kind, bool tekton = true)
    {
        var server = await ApiServerFixture.GetAsync(kind, "tekton");
        var space = await server.CreateNamespaceAsync();
        var bench = new TektonBench(server.Kubeconfig(space), space, null);
        bench._node = bench.PlayNodeAsync(bench._stopNode.Token);
        if (tekton)
        {
            await bench.StartTektonAsync();
        }

        return bench;
    }

    /// <summary>The same on our own API server; with the real node, which runs real steps from a folder, where one is given.</summary>
    public static async Task<TektonBench> StartLocalAsync(string? steps = null)
    {
        var api = await Api.LocalApi.StartAsync();
        var bench = new TektonBench(api.Server.Kubeconfig, "default", api);
        if (steps is null)
        {
            bench._node = bench.PlayNodeAsync(bench._stopNode.Token);
        }
        else
        {
            var runner = new PodRunner(
                bench.Client,
                new PodRunnerOptions(Path.Combine(api.State, "pods"), steps, api.Server.Url, api.Server.CaFile, (_, claim, _) => throw new IOException($"no claim {claim}")) { Log = bench.Keep });
            bench._node = runner.RunAsync(bench._stopNode.Token);
            await runner.Ready.WaitAsync(Limit());
        }

        await bench.StartTektonAsync();
        return bench;
    }

    public async Task StartTektonAsync(KubernetesClient? client = null)
    {
        _stop = new CancellationTokenSource();
        var tekton = new LocalTekton(client ?? Client, new LocalTektonOptions { Namespaces = new HashSet<string> { Space }, Log = Keep });
        _running = tekton.RunAsync(_stop.Token);
        await tekton.Ready.WaitAsync(Limit());
    }

    /// <summary>Stops the controllers wherever they are.</summary>
    public async Task StopTektonAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await StopTektonAsync();
        await _stopNode.CancelAsync();
        await _node.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Client.Dispose();
        Scratch.Dispose();
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
    }

    public void Create(string yaml) => Kubectl.Run("create", "-f", Scratch.File($"{Guid.NewGuid():N}.yaml", yaml));

    public Task<PipelineRun> DoneAsync(string name) => UntilAsync(TektonKinds.PipelineRuns, name, run => run.IsDone, run => run.Succeeded);

    public Task<TaskRun> TaskDoneAsync(string name) => UntilAsync(TektonKinds.TaskRuns, name, run => run.IsDone, run => run.Succeeded);

    public async Task<T> UntilAsync<T>(ResourceKind<T> kind, string name, Func<T, bool> wanted, Func<T, Condition?> told)
        where T : KubernetesObject
    {
        T? last = null;
        try
        {
            return (await Client.WaitAsync(kind, Space, name, found => (last = found) is not null && wanted(found!), Limit()))!;
        }
        catch (OperationCanceledException fault)
        {
            throw new TimeoutException($"{name}: {(last is null ? "not there" : Show(told(last)))}\n{Log}", fault);
        }
    }

    public Task RunsAsync(string taskRun) => UntilAsync(TektonKinds.TaskRuns, taskRun, run => run.Succeeded?.Reason == "Running", run => run.Succeeded);

    public Task MergeAsync<T>(ResourceKind<T> kind, string name, string patch)
        where T : KubernetesObject => Client.PatchAsync(kind, Space, name, Patch.Merge(System.Text.Json.Nodes.JsonNode.Parse(patch)!.AsObject()), Limit());

    public async Task<List<TaskRun>> TaskRunsAsync() => (await Client.ListAsync(TektonKinds.TaskRuns, Space, Limit())).Items;

    /// <summary>The events of an object, as soon as one of them is there: they are told a moment after the status.</summary>
    public async Task<List<string>> EventsAsync(string name, string until)
    {
        var limit = Limit();
        while (true)
        {
            var events = (await Client.ListAsync(Kinds.Events, Space, limit)).Items.Where(one => one.InvolvedObject.Name == name).Select(one => $"{one.Type} {one.Reason}").ToList();
            if (events.Contains(until))
            {
                return [.. events.Order(StringComparer.Ordinal)];
            }

            await Task.Delay(50, limit);
        }
    }

    public static string Show(Condition? one) => one is null ? "-" : $"{one.Status}/{one.Reason}/{one.Message}";

    public string Log
    {
        get
        {
            lock (_log)
            {
                return string.Join('\n', _log);
            }
        }
    }

    private void Keep(string line)
    {
        lock (_log)
        {
            _log.Add(line);
        }
    }

    private async Task PlayNodeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            foreach (var pod in (await Client.ListAsync(Kinds.Pods, Space, cancellation)).Items.Where(pod => pod.Spec.NodeName == PodRunner.NodeName))
            {
                try
                {
                    await PlayAsync(pod, cancellation);
                }
                catch (KubernetesException fault) when (fault.Kind is KubernetesFault.Conflict or KubernetesFault.NotFound)
                {
                    // Somebody else was quicker: the next round sees it.
                }
            }

            await Task.Delay(50, cancellation);
        }
    }

    private async Task PlayAsync(Pod pod, CancellationToken cancellation)
    {
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            await Client.DeleteAsync(Kinds.Pods, Space, pod.Metadata.Name!, cancellation, graceSeconds: 0);
            return;
        }

        if (pod.IsFinished)
        {
            return;
        }

        var before = (pod.Status?.ContainerStatuses ?? []).Count(one => one.State.Terminated is not null);
        var now = DateTimeOffset.UnixEpoch.AddYears(50);
        List<ContainerStatus> states = [];
        var failed = false;
        foreach (var container in pod.Spec.Containers)
        {
            var known = pod.Status?.ContainerStatuses?.Find(one => one.Name == container.Name)?.State;
            var state = new ContainerState();
            if (known?.Terminated is { } already)
            {
                state.Terminated = already;
            }
            else if (failed)
            {
                state.Terminated = new() { ExitCode = 1, Reason = "Error" };
            }
            else if (states.Exists(one => one.State.Terminated is null))
            {
                state.Waiting = new() { Reason = "PodInitializing" };
            }
            else
            {
                state.Running = new() { StartedAt = now };
                lock (Began)
                {
                    if (known?.Running is null)
                    {
                        Began.Add($"{pod.Metadata.Name}/{container.Name}");
                    }
                }

                if (known?.Running is not null && Step(pod, container) is { } end)
                {
                    state = new ContainerState
                    {
                        Terminated = new()
                        {
                            ExitCode = end.Exit,
                            Reason = end.Exit == 0 ? "Completed" : "Error",
                            StartedAt = now,
                            FinishedAt = now,
                            Message = new System.Text.Json.Nodes.JsonArray([.. end.Results.Select(result =>
                                (System.Text.Json.Nodes.JsonNode)new System.Text.Json.Nodes.JsonObject { ["key"] = result.Name, ["value"] = result.Value, ["type"] = 1 })]).ToJsonString(),
                        },
                    };
                }
            }

            failed |= state.Terminated is { ExitCode: not 0 };
            states.Add(new ContainerStatus { Name = container.Name, Image = container.Image ?? "", State = state });
        }

        var phase = states.TrueForAll(one => one.State.Terminated is not null) ? (failed ? "Failed" : "Succeeded") : "Running";
        if (phase != pod.Status?.Phase || states.Count(one => one.State.Terminated is not null) != before)
        {
            pod.Status = new PodStatus { Phase = phase, StartTime = now, ContainerStatuses = states };
            await Client.ReplaceAsync(Kinds.Pods, pod, cancellation, "status");
        }
    }
}
