using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace LocalCluster.Controllers;

/// <summary>Runs controllers on shared caches: one watch a kind, however many controllers look at it.</summary>
/// <param name="client">The API.</param>
/// <param name="inScope">The namespaces whose objects exist for the controllers.</param>
/// <param name="log">Takes lines.</param>
public sealed class ControllerHost(KubernetesClient client, Func<string?, bool> inScope, Action<string> log)
{
    private readonly Dictionary<string, (IObjectCache Cache, Func<CancellationToken, Task> Run, Task Synced)> _caches = new(StringComparer.Ordinal);
    private readonly List<Controller> _controllers = [];

    /// <summary>The API.</summary>
    public KubernetesClient Client => client;

    /// <summary>All caches.</summary>
    public IReadOnlyList<IObjectCache> Caches => [.. _caches.Values.Select(entry => entry.Cache)];

    /// <summary>The cache of a kind; before <see cref="RunAsync"/>.</summary>
    public ObjectCache<T> Cache<T>(ResourceKind<T> kind)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        var name = $"{kind.Group}/{kind.Plural}";
        if (!_caches.TryGetValue(name, out var entry))
        {
            var made = new ObjectCache<T>(client, kind, inScope, log);
            _caches[name] = entry = (made, made.RunAsync, made.Synced);
        }

        return (ObjectCache<T>)entry.Cache;
    }

    /// <summary>A cache of a kind that may already be there under its own model.</summary>
    public IObjectCache AnyCache(ResourceKind<AnyObject> kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        return _caches.TryGetValue($"{kind.Group}/{kind.Plural}", out var entry) ? entry.Cache : Cache(kind);
    }

    /// <summary>Adds a controller.</summary>
    public void Add(Controller controller) => _controllers.Add(controller);

    /// <summary>Follows the server, works when everything that is there is known; ends when cancelled.</summary>
    /// <param name="ready">Called once, when the controllers start to work.</param>
    /// <param name="cancellation">Stops.</param>
    public async Task RunAsync(Action ready, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(ready);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running = [.. _caches.Values.Select(entry => entry.Run(stop.Token))];
        try
        {
            var synced = Task.WhenAll(_caches.Values.Select(entry => entry.Synced));
            await await Task.WhenAny([synced, .. running]);
            running.AddRange(_controllers.Select(controller => controller.RunAsync(stop.Token)));
            ready();
            await await Task.WhenAny(running);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
