using System.Text.Json;
using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Pods;

/// <summary>Begins pods, ends those that are deleted, and tells of those that an earlier life of this node left.</summary>
internal sealed class PodController : Controller
{
    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(30);
    private readonly Node _node;
    private readonly ObjectCache<Pod> _pods;
    private readonly Dictionary<ObjectKey, PodWork> _works = [];
    private bool _stopping;

    /// <param name="node">The node.</param>
    /// <param name="pods">All pods.</param>
    internal PodController(Node node, ObjectCache<Pod> pods)
        : base(node.Client.Time, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30), node.Options.Log)
    {
        (_node, _pods) = (node, pods);
        pods.Changed += (before, after) =>
        {
            if ((after ?? before)!.Spec.NodeName == PodRunner.NodeName)
            {
                Enqueue(ObjectKey.Of((after ?? before)!));
            }
        };
    }

    /// <summary>Ends all that is still told of pods.</summary>
    internal required CancellationTokenSource End { get; init; }

    /// <summary>Removes the files of pods that are gone.</summary>
    internal void Sweep()
    {
        var known = _pods.Objects.Select(pod => pod.Metadata.Uid).ToHashSet();
        foreach (var folder in Directory.EnumerateDirectories(_node.Options.State).Where(one => one != _node.Folder && !known.Contains(Path.GetFileName(one))))
        {
            PodWork.Delete(folder);
        }
    }

    /// <summary>Ends all containers; what became of them is told as far as the server answers.</summary>
    internal async Task StopAsync()
    {
        PodWork[] works;
        lock (_works)
        {
            _stopping = true;
            works = [.. _works.Values];
        }

        foreach (var work in works)
        {
            work.Stop(TimeSpan.FromSeconds(7), "Terminated", "the local cluster was stopped while the pod ran: run it again");
        }

        await Task.WhenAny(Task.WhenAll(works.Select(work => work.Done)), Task.Delay(TimeSpan.FromSeconds(8.5)));
        await End.CancelAsync();
        await Task.WhenAny(Task.WhenAll(works.Select(work => work.Done)), Task.Delay(TimeSpan.FromSeconds(0.5)));
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        var pod = _pods.Find(key.Namespace, key.Name);
        var work = Work(key);
        if (work is not null && work.Uid != pod?.Metadata.Uid)
        {
            // Somebody deleted it without waiting for us.
            work.Stop(TimeSpan.Zero, "Deleted", "the pod was deleted by force");
            await work.Done.WaitAsync(cancellation);
            Forget(key, work);
            work = null;
        }

        if (pod?.Spec.NodeName != PodRunner.NodeName)
        {
            return Outcome.Done;
        }

        var folder = PodWork.FolderOf(_node.Options, pod.Metadata.Uid!);
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            work?.Stop(GraceOf(pod), "Deleted", "the pod was deleted");
            if (work?.Done.IsCompleted != false)
            {
                await _node.Client.DeleteAsync(Kinds.Pods, key.Namespace, key.Name, cancellation, new Preconditions { Uid = pod.Metadata.Uid }, graceSeconds: 0);
                Forget(key, work);
                PodWork.Delete(folder);
            }
        }
        else if (work is null && !pod.IsFinished)
        {
            work = new PodWork(_node, pod, End.Token);
            if (pod.Status?.Phase == "Running" || File.Exists(PodWork.Started(folder)))
            {
                await work.LoseAsync();
            }
            else
            {
                lock (_works)
                {
                    if (_stopping)
                    {
                        return Outcome.Done;
                    }

                    _works[key] = work;
                    work.Begin();
                }

                _ = work.Done.ContinueWith(_ => Enqueue(key), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
        }
        else if (work?.Done.IsCompleted == true && pod.IsFinished)
        {
            lock (_works)
            {
                _works.Remove(key);
            }
        }

        return Outcome.Done;
    }

    private static TimeSpan GraceOf(Pod pod) =>
        pod.Metadata.Unknown?.GetValueOrDefault("deletionGracePeriodSeconds") is { ValueKind: JsonValueKind.Number } said ? TimeSpan.FromSeconds(Math.Clamp(said.GetInt64(), 0, 3600)) : DefaultGrace;

    private PodWork? Work(ObjectKey key)
    {
        lock (_works)
        {
            return _works.GetValueOrDefault(key);
        }
    }

    private void Forget(ObjectKey key, PodWork? work)
    {
        lock (_works)
        {
            _works.Remove(key);
        }

        if (work is not null)
        {
            PodWork.Delete(work.Folder);
        }
    }
}
