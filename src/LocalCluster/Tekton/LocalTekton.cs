using Kubernetes.Client;
using LocalCluster.Controllers;

namespace LocalCluster.Tekton;

/// <summary>How the local Tekton behaves.</summary>
public sealed record LocalTektonOptions
{
    /// <summary>Works only in these namespaces; null for all.</summary>
    public IReadOnlySet<string>? Namespaces { get; init; }

    /// <summary>The first pause after something failed that may pass; it doubles.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes lines.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}

/// <summary>
/// Does what Tekton does with PipelineRuns and TaskRuns, for what our YAML uses: makes pods for <see cref="Pods.PodRunner"/>, and tells how
/// they end. All state is in the API; killed at any instant and started again, it goes on.
/// </summary>
public sealed class LocalTekton
{
    private readonly ControllerHost _host;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Prepares it.</summary>
    /// <param name="client">The API, as an administrator; stays the caller's.</param>
    /// <param name="options">How it behaves.</param>
    public LocalTekton(KubernetesClient client, LocalTektonOptions? options = null)
    {
        options ??= new();
        _host = new ControllerHost(client, inNamespace => options.Namespaces?.Contains(inNamespace ?? "") != false, options.Log);
        var world = new TektonWorld(_host, options);
        _host.Add(new TaskRunController(world));
        _host.Add(new PipelineRunController(world));
    }

    /// <summary>Ends when it works.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Works until cancelled; once for each object.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await _host.RunAsync(() => _ready.TrySetResult(), cancellation);
        }
        catch (Exception fault)
        {
            _ready.TrySetException(fault);
            throw;
        }
    }
}
