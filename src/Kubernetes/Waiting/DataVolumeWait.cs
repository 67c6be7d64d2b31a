using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>Waits for DataVolumes as CDI really behaves: by watching, with the reasons of a failure at once instead of at the deadline.</summary>
public static class DataVolumeWait
{
    /// <summary>A step that is stopped has ten seconds in all.</summary>
    private static readonly TimeSpan LastLook = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Waits until a DataVolume has Succeeded and its claim is Bound. It takes one watch, begun at <paramref name="known"/>, and one look
    /// at the claim at the end, with a watch on it only if it is not Bound by then.
    /// </summary>
    /// <param name="client">The cluster.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The DataVolume.</param>
    /// <param name="options">Grace, log, progress.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="known">The DataVolume as the server has just answered it: saves a request.</param>
    /// <exception cref="VolumeException">It will not become ready.</exception>
    /// <exception cref="KubernetesException">The API server refuses, or can't be reached for too long.</exception>
    public static async Task<ReadyVolume> RunAsync(
        KubernetesClient client, string inNamespace, string name, VolumeWaitOptions options, CancellationToken cancellation, DataVolume? known = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        var content = new ContentWait(client, inNamespace, name, options);
        try
        {
            var (last, there) = await content.RunAsync(known, cancellation);
            return await ClaimWait.RunAsync(client, inNamespace, name, last, there, options, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested && options.LastState is { } tell)
        {
            // The caller's token has ended: this look has a limit of its own.
            tell(await VolumeReport.ReadAsync(client, inNamespace, name, content.Last, LastLook, CancellationToken.None));
            throw;
        }
    }
}
