using Kubernetes;
using Kubernetes.Client;
using LocalCluster.Controllers;

namespace LocalCluster.Pods;

/// <summary>What the pods' node needs to know.</summary>
/// <param name="State">A folder: <c>UID/CONTAINER.log</c> and the pods' own volumes.</param>
/// <param name="Steps">The folder of the executables, one folder each; a container sees it at <c>/app/steps</c>.</param>
/// <param name="ApiServerUrl">What a container is told as the cluster's address (an IP and a port).</param>
/// <param name="ApiServerCaFile">The CA of that.</param>
/// <param name="VolumePath">Where the disk of a claim is, as soon as it is bound: the file <c>disk.img</c> in the volume's folder.</param>
public sealed record PodRunnerOptions(
    string State, string Steps, string ApiServerUrl, string ApiServerCaFile, Func<string, string, CancellationToken, Task<string>> VolumePath)
{
    /// <summary>The guests' appliance, at <c>/app/appliance</c>; null where there is none.</summary>
    public string? Appliance { get; init; }

    /// <summary>Works only in these namespaces; null for all.</summary>
    public IReadOnlySet<string>? Namespaces { get; init; }

    /// <summary>Takes lines.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}

/// <summary>
/// The one node: runs the pods that name it (<see cref="NodeName"/>), each container in a sandbox. A pod with the annotation
/// <see cref="Sequential"/> has its containers run one after another; when one fails, the others end unstarted (exit code 1), as Tekton's
/// entrypoint does it.
/// </summary>
public sealed class PodRunner
{
    /// <summary>The node's name.</summary>
    public const string NodeName = "local-cluster";

    /// <summary>Annotation of pods whose containers run one after another: <c>true</c>.</summary>
    public const string Sequential = "local-cluster.goldenimage.io/sequential";

    /// <summary>The folder whose files become a container's termination message, as Tekton's results; where the container mounts a volume there.</summary>
    public const string ResultsFolder = "/tekton/results";

    private readonly ControllerHost _host;
    private readonly PodController _controller;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Prepares it.</summary>
    /// <exception cref="IOException">The folder can't be made.</exception>
    public PodRunner(KubernetesClient client, PodRunnerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options = options with { State = Path.GetFullPath(options.State), Steps = Path.GetFullPath(options.Steps), Appliance = options.Appliance is { } path ? Path.GetFullPath(path) : null };
        _host = new ControllerHost(client, inNamespace => options.Namespaces?.Contains(inNamespace ?? "") != false, options.Log);
        var folder = Path.Combine(options.State, ".node");
        var node = new Node(client, options, new EventRecorder(client, NodeName, options.Log), new KvmTrial(folder, options.Appliance, options.Log));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "passwd"), $"root:x:0:0:root:/:/usr/sbin/nologin\nqemu:x:{Sandbox.User}:{Sandbox.User}:qemu:/tmp:/usr/sbin/nologin\n");
        File.WriteAllText(Path.Combine(folder, "group"), $"root:x:0:\nqemu:x:{Sandbox.User}:\n");
        _controller = new PodController(node, _host.Cache(Kinds.Pods)) { End = new CancellationTokenSource() };
        _host.Add(_controller);
    }

    /// <summary>Ends when pods are taken.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Works until cancelled; stops all containers then, which takes up to nine seconds.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // Beside the controller's own end, which waits for what it does just now.
        var stopping = new Lazy<Task>(_controller.StopAsync);
        await using var stop = cancellation.Register(() => _ = stopping.Value);
        try
        {
            await _host.RunAsync(
                () =>
                {
                    _controller.Sweep();
                    _ready.TrySetResult();
                },
                cancellation);
        }
        catch (Exception fault)
        {
            _ready.TrySetException(fault);
            throw;
        }
        finally
        {
            await stopping.Value;
        }
    }
}
