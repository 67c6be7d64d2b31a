using System.Diagnostics.CodeAnalysis;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Tekton;

namespace LocalCluster.Pods;

/// <summary>What all pods of the node share.</summary>
internal sealed record Node(KubernetesClient Client, PodRunnerOptions Options, EventRecorder Events, KvmTrial Kvm)
{
    /// <summary>Files of the node's own, beside those of the pods.</summary>
    internal string Folder { get; } = Path.Combine(Options.State, ".node");

    /// <summary>The .NET that runs this also runs the steps; null where it is part of the system.</summary>
    internal string? Runtime { get; } = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../..")) is var path
        && File.Exists(Path.Combine(path, "dotnet")) ? path : null;
}

/// <summary>One pod from its start on this node to its end: the volumes, then the containers, all told in its status.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Nobody asks the semaphore for a handle, and a pod may be told to stop at any time.")]
internal sealed class PodWork
{
    private const string Lost = "ContainerStatusUnknown";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly Node _node;
    private readonly Pod _pod;
    private readonly CancellationToken _end;
    private readonly CancellationTokenSource _stop;
    private readonly SemaphoreSlim _reporting = new(1);
    private readonly List<ContainerStatus> _containers;
    private readonly PodStatus _status;

    /// <param name="node">The node.</param>
    /// <param name="pod">The pod, as it was found.</param>
    /// <param name="end">From then on nothing is told any more.</param>
    internal PodWork(Node node, Pod pod, CancellationToken end)
    {
        (_node, _pod, _end) = (node, pod, end);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(end);
        Folder = FolderOf(node.Options, pod.Metadata.Uid!);
        var known = pod.Status?.ContainerStatuses ?? [];
        _containers = [.. pod.Spec.Containers.Select(one => new ContainerStatus
        {
            Name = one.Name,
            Image = one.Image ?? "",
            State = known.FirstOrDefault(status => status.Name == one.Name)?.State is { Terminated: not null } ended ? ended : new() { Waiting = new() { Reason = "ContainerCreating" } },
        })];
        _status = new PodStatus { Phase = "Pending", StartTime = pod.Status?.StartTime ?? node.Client.Time.GetUtcNow() };
    }

    /// <summary>The very pod.</summary>
    internal string Uid => _pod.Metadata.Uid!;

    /// <summary>Its files.</summary>
    internal string Folder { get; }

    /// <summary>Ends with the pod.</summary>
    internal Task Done { get; private set; } = Task.CompletedTask;

    private bool IsSequential => _pod.Metadata.Annotation(PodRunner.Sequential) == "true";

    /// <summary>The folder of a pod's files: uids come from a server, and lead nowhere else.</summary>
    internal static string FolderOf(PodRunnerOptions options, string uid) => uid.Length > 0 && uid.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-')
        ? Path.Combine(options.State, uid)
        : throw new IOException($"\"{uid}\" can't be a pod's uid");

    /// <summary>Begins.</summary>
    internal void Begin() => Done = Task.Run(RunAsync, CancellationToken.None);

    /// <summary>
    /// Starts no container any more, tells those that run to end, and kills them after a while. Why stands in the status.
    /// </summary>
    internal void Stop(TimeSpan grace, string reason, string message)
    {
        if (_status.Reason is null)
        {
            (_status.Reason, _status.Message, Grace) = (reason, message, grace);
        }

        Grace = grace < Grace ? grace : Grace;
        _stop.Cancel();
    }

    private TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Tells that containers ran when this node ended, and what became of them is not known.</summary>
    internal async Task LoseAsync()
    {
        foreach (var container in _containers.Where(one => one.State.Terminated is null))
        {
            End(container, 137, Lost, "the local cluster was killed while this container ran, and the container with it: run it again");
        }

        (_status.Reason, _status.Message) = (Lost, "the local cluster was killed while the pod ran: run it again");
        await ReportAsync();
        Clean();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever is wrong with one pod is that pod's end, not the node's.")]
    private async Task RunAsync()
    {
        using var volumes = new PodVolumes(_node.Client, _node.Options, _pod, Path.Combine(Folder, "volumes"));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_end);
        try
        {
            Delete(Folder);
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            ContainerPlan.Check(_pod, _node.Options.Steps);
            await ReportAsync();
            var renewal = await PrepareAsync(volumes);
            // Whoever finds this after a kill knows that a container may have run.
            await File.WriteAllTextAsync(Started(Folder), "", _stop.Token);
            var renewing = renewal is { } due ? RenewAsync(volumes, due, ended.Token) : Task.CompletedTask;
            await RunContainersAsync(volumes);
            await ended.CancelAsync();
            await renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            var known = fault as PodException;
            _node.Options.Log($"Pod {_pod}: {(known is null && fault is not (KubernetesException or IOException) ? fault : fault.Message)}");
            Fail(known?.Reason ?? "Error", fault.Message);
            await _node.Events.RecordAsync(_pod, true, "Failed", fault.Message, _end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException)
        {
            Fail(_status.Reason ?? "Stopped", _status.Message ?? "");
        }

        await ReportAsync();
        Clean();
    }

    /// <summary>Leaves the output only.</summary>
    private void Clean()
    {
        Delete(Path.Combine(Folder, "volumes"));
        Delete(Path.Combine(Folder, "tmp"));
    }

    /// <summary>The mark of a pod whose containers may have begun.</summary>
    internal static string Started(string folder) => Path.Combine(folder, ".started");

    /// <summary>Removes a folder with whatever containers left in it.</summary>
    internal static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<DateTimeOffset?> PrepareAsync(PodVolumes volumes)
    {
        for (var told = ""; ;)
        {
            try
            {
                return await volumes.PrepareAsync(_stop.Token);
            }
            catch (PodException fault) when (fault.Passes)
            {
                if (fault.Message != told)
                {
                    told = fault.Message;
                    _containers.ForEach(one => one.State = new() { Waiting = new() { Reason = "ContainerCreating", Message = told } });
                    await ReportAsync();
                    await _node.Events.RecordAsync(_pod, true, fault.Reason, told, _stop.Token);
                }

                await Task.Delay(Pause, _node.Client.Time, _stop.Token);
            }
        }
    }

    private async Task RenewAsync(PodVolumes volumes, DateTimeOffset due, CancellationToken cancellation)
    {
        while (true)
        {
            var wait = due - _node.Client.Time.GetUtcNow();
            await Task.Delay(wait > Pause ? wait : Pause, _node.Client.Time, cancellation);
            try
            {
                due = await volumes.RenewTokenAsync(cancellation);
            }
            catch (PodException fault)
            {
                _node.Options.Log($"Pod {_pod}: {fault.Message}; asking again");
            }
        }
    }

    private async Task RunContainersAsync(PodVolumes volumes)
    {
        var works = _pod.Spec.Containers.Select((container, index) => (Func<Task>)(() => RunAsync(container, _containers[index], volumes))).ToList();
        if (!IsSequential)
        {
            await Task.WhenAll(works.Select(one => one()));
            return;
        }

        var tolerated = _pod.Metadata.Annotation(TaskPod.ContinueAnnotation)?.Split(',') ?? [];
        var failed = false;
        foreach (var (one, status) in works.Zip(_containers))
        {
            if (failed)
            {
                End(status, 1, "Error", null);
                continue;
            }

            await one();
            failed = status.State.Terminated!.ExitCode != 0 && !tolerated.Contains(status.Name);
        }
    }

    private async Task RunAsync(Container container, ContainerStatus status, PodVolumes volumes)
    {
        SandboxEnd end;
        DateTimeOffset? begun = null;
        try
        {
            _stop.Token.ThrowIfCancellationRequested();
            var plan = await PlanAsync(container, volumes);
            var sandbox = await Sandbox.StartAsync(plan, _node.Folder, Path.Combine(Folder, container.Name));
            begun = _node.Client.Time.GetUtcNow();
            var killing = KillAsync(sandbox);
            _status.Phase = "Running";
            (status.State, status.Ready) = (new() { Running = new() { StartedAt = begun } }, true);
            await ReportAsync();
            await _node.Events.RecordAsync(_pod, false, "Started", $"Started container {container.Name}", _end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            end = await sandbox.Ended;
            await killing;
        }
        catch (PodException fault)
        {
            end = new(128, fault.Message);
        }
        catch (OperationCanceledException)
        {
            end = new(137, "the pod was stopped before this container began");
        }

        var (code, message) = (end.ExitCode, end.Fault);
        if (end.Fault is null && volumes.FolderAt(container, PodRunner.ResultsFolder) is { } results)
        {
            (code, message) = TerminationMessage.Read(results, code);
        }

        End(status, code, end.Fault is not null ? "StartError" : code == 0 ? "Completed" : "Error", message, begun);
        await ReportAsync();
    }

    private async Task<SandboxPlan> PlanAsync(Container container, PodVolumes volumes)
    {
        var options = _node.Options;
        var mounts = volumes.MountsOf(container);
        var environment = ContainerPlan.Environment(container, new Uri(options.ApiServerUrl), _node.Runtime);
        List<Mount> all = [new(options.Steps, "/app/steps", true)];
        all.AddRange(options.Appliance is { } appliance && Directory.Exists(appliance) ? [new(appliance, "/app/appliance", true)] : []);
        all.AddRange(_node.Runtime is { } runtime && !runtime.StartsWith("/usr/", StringComparison.Ordinal) ? [new(runtime, runtime, true)] : []);
        foreach (var place in ContainerPlan.IsReadOnly(container) ? [] : (string[])["/tmp", "/var/tmp"])
        {
            if (mounts.All(one => one.Path != place))
            {
                var folder = Path.Combine(Folder, "tmp", container.Name + place.Replace('/', '.'));
                Directory.CreateDirectory(folder);
                File.SetUnixFileMode(folder, (UnixFileMode)0x3ff);
                all.Add(new(folder, place, false));
            }
        }

        return new SandboxPlan
        {
            Command = [.. (container.Command ?? []).Concat(container.Args ?? []).Select(one => ContainerPlan.Expand(one, environment))],
            Environment = environment,
            Mounts = [.. all, .. mounts],
            WorkingFolder = string.IsNullOrEmpty(container.WorkingDir) ? null : container.WorkingDir,
            HostName = _pod.Metadata.Name!,
            Kvm = ContainerPlan.WantsKvm(container) && await _node.Kvm.Works(),
        };
    }

    private async Task KillAsync(Sandbox sandbox)
    {
        var stopped = Task.Delay(Timeout.Infinite, _stop.Token);
        if (await Task.WhenAny(sandbox.Ended, stopped) == sandbox.Ended)
        {
            return;
        }

        // Again and again: the very first may come before there is a program to heed it.
        for (var until = _node.Client.Time.GetTimestamp(); _node.Client.Time.GetElapsedTime(until) < Grace;)
        {
            var told = sandbox.Signal(Posix.SigTerm);
            if (await Task.WhenAny(sandbox.Ended, Task.Delay(told ? Pause : Pause / 20)) == sandbox.Ended)
            {
                return;
            }
        }

        await sandbox.KillAsync();
    }

    private void Fail(string reason, string message)
    {
        (_status.Reason, _status.Message) = (reason, message);
        foreach (var container in _containers.Where(one => one.State.Terminated is null))
        {
            End(container, container.State.Running is null ? 128 : 137, reason, message);
        }
    }

    private void End(ContainerStatus container, int code, string reason, string? message, DateTimeOffset? begun = null)
    {
        var now = _node.Client.Time.GetUtcNow();
        (container.Ready, container.State) = (false, new()
        {
            Terminated = new() { ExitCode = code, Reason = reason, Message = message, StartedAt = begun ?? container.State.Running?.StartedAt ?? now, FinishedAt = now },
        });
    }

    /// <summary>Writes the status, however long the server is away.</summary>
    private async Task ReportAsync()
    {
        await _reporting.WaitAsync();
        try
        {
            if (_containers.All(one => one.State.Terminated is not null))
            {
                _status.Phase = _containers.All(one => one.State.Terminated!.ExitCode == 0) ? "Succeeded" : "Failed";
            }

            while (!_end.IsCancellationRequested && !await WriteAsync())
            {
                await Task.Delay(Pause, _node.Client.Time, _end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            _reporting.Release();
        }
    }

    private async Task<bool> WriteAsync()
    {
        try
        {
            await _node.Client.ChangeAsync(Kinds.Pods, _pod.Metadata.Namespace, _pod.Metadata.Name!, found =>
            {
                if (found.Metadata.Uid != Uid)
                {
                    return false;
                }

                var status = found.Status ??= new();
                (status.Phase, status.StartTime, status.Reason, status.Message) = (_status.Phase, _status.StartTime, _status.Reason, _status.Message);
                status.ContainerStatuses = [.. _containers];
                var ready = _containers.All(one => one.Ready) ? "True" : "False";
                status.Conditions = [.. ((string, string)[])[("PodScheduled", "True"), ("Ready", ready)] is var all ? all.Select(one => new Condition
                {
                    Type = one.Item1,
                    Status = one.Item2,
                    LastTransitionTime = Condition.Of(status.Conditions, one.Item1) is { } before && before.Status == one.Item2 ? before.LastTransitionTime : _node.Client.Time.GetUtcNow(),
                }) : []];
                return true;
            }, _end, "status");
            return true;
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.NotFound)
        {
            return true;
        }
        catch (KubernetesException fault)
        {
            _node.Options.Log($"Pod {_pod}: its status can't be written ({fault.Message}); trying again");
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
