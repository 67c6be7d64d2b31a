using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Cdi.Admission;
using LocalCluster.Cdi.Populate;
using LocalCluster.Collection;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>
/// Makes an API server behave as a cluster with CDI and storage: claims are bound, DataVolumes filled, DataSources and DataImportCrons
/// kept, snapshots taken, owners' and namespaces' content collected. All state is in the API and in one folder; killed at any instant and
/// started again, it goes on.
/// </summary>
public sealed class LocalCdi : IDisposable
{
    private readonly ControllerHost _host;
    private readonly CdiWorld _world;
    private readonly Uploads _uploads = new();
    private readonly LocalCdiOptions _options;
    private readonly SemaphoreSlim _transfers;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Prepares it.</summary>
    /// <param name="client">The API, as an administrator; stays the caller's.</param>
    /// <param name="state">The folder of volumes and snapshots; made where it is not there.</param>
    /// <param name="options">How it behaves.</param>
    /// <exception cref="IOException">Another process works in the folder.</exception>
    public LocalCdi(KubernetesClient client, string state, LocalCdiOptions? options = null)
    {
        _options = options ?? new();
        _transfers = new SemaphoreSlim(_options.Transfers);
        _host = new ControllerHost(client, InScope, _options.Log);
        _world = new CdiWorld(_host, _options, new VolumeStore(state));
        _host.Add(new ClaimController(_world));
        _host.Add(new DataVolumeController(_world, _uploads, _transfers));
        _host.Add(new CloneSourceController(_world));
        _host.Add(new DataSourceController(_world));
        _host.Add(new DataImportCronController(_world));
        _host.Add(new VolumeSnapshotController(_world));
        if (_options.GarbageCollection)
        {
            AddCollection();
        }
    }

    /// <summary>What the controllers know.</summary>
    internal CdiWorld World => _world;

    /// <summary>
    /// Ends when the controllers have begun to work and the webhook is registered; a server calls a new webhook a moment later (its informers), at most a second.
    /// </summary>
    public Task Ready => _ready.Task;

    /// <summary>Works until cancelled; once for each object.</summary>
    /// <exception cref="IOException">The folder has the disks of another cluster.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running = [];
        try
        {
            await _world.CheckClusterAsync(cancellation);
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            running.Add(_host.RunAsync(() => begun.TrySetResult(), stop.Token));
            await await Task.WhenAny([begun.Task, .. running]);
            if (_options.Webhook)
            {
                // Instances that share a server, each for some namespaces, register each its own.
                var suffix = _options.Namespaces is null ? "" : $".{string.Join('.', _options.Namespaces.Order(StringComparer.Ordinal))}";
                running.Add(new AdmissionWebhook(_world.Client, InScope, suffix, _options.Log).RunAsync(
                    () => _ready.TrySetResult(), () => _world.IsAdmissionReviewed = true, stop.Token));
            }
            else
            {
                _ready.TrySetResult();
            }

            await await Task.WhenAny(running);
        }
        catch (Exception fault)
        {
            _ready.TrySetException(fault);
            throw;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Where the disk of a claim is, as soon as it is bound: what a pod would see as <c>disk.img</c>, or as its device.</summary>
    public async Task<string> VolumePathAsync(string inNamespace, string claim, CancellationToken cancellation)
    {
        await _world.Claims.WaitAsync(() => _world.Claims.Find(inNamespace, claim)?.IsBound == true, cancellation);
        return VolumePath(inNamespace, claim);
    }

    /// <summary>Where the disk of a claim is that is known to be bound; what was bound a moment ago may not be known yet.</summary>
    /// <exception cref="InvalidOperationException">There is no such claim, or it is not bound.</exception>
    public string VolumePath(string inNamespace, string claim) =>
        _world.Claims.Find(inNamespace, claim) is { IsBound: true, Spec.VolumeName: { } volume }
            ? _world.Store.Disk(volume)
            : throw new InvalidOperationException($"PersistentVolumeClaim {inNamespace}/{claim} is not bound");

    /// <summary>Sends a local image (raw or qcow2) to a DataVolume with source <c>upload</c>; ends when it has succeeded.</summary>
    /// <exception cref="InvalidOperationException">The image can't be taken.</exception>
    public async Task UploadAsync(string inNamespace, string name, string file, CancellationToken cancellation)
    {
        var key = new ObjectKey(inNamespace, name);
        var begun = _world.DataVolumes.Find(inNamespace, name)?.Status?.RestartCount ?? 0;
        _uploads.Give(key, Path.GetFullPath(file));
        try
        {
            var done = await _world.Client.WaitAsync(
                Kinds.DataVolumes, inNamespace, name, found => found?.Status is { } status && (status.Phase is "Succeeded" or "Failed" || status.RestartCount > begun), cancellation);
            if (done!.Status!.Phase != "Succeeded")
            {
                throw new InvalidOperationException($"DataVolume {done}: {Condition.Of(done.Status.Conditions, "Running")?.Message}");
            }
        }
        finally
        {
            _uploads.Refuse(key);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _transfers.Dispose();
        _world.Store.Dispose();
    }

    private bool InScope(string? inNamespace) => _options.Namespaces?.Contains(inNamespace ?? "") != false;

    private void AddCollection()
    {
        foreach (var kind in _options.CollectedKinds)
        {
            _host.AnyCache(kind);
        }

        // Of the cluster's kinds none is collected, but namespaces are emptied.
        var collected = _host.Caches.Where(cache => cache.IsNamespaced).ToList();
        var namespaces = _host.Cache(Kinds.Namespaces);
        _host.Add(new GarbageCollector(collected, _world.Client.Time, _options.FirstPause, _options.LongestPause, _options.Log));
        _host.Add(new NamespaceController(_world.Client, namespaces, collected, InScope, _options.FirstPause, _options.LongestPause, _options.Log));
    }
}
