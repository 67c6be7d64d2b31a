using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>How a volume is waited for.</summary>
public sealed record VolumeWaitOptions
{
    /// <summary>How long an error that may recover is borne before it is reported.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes what is worth a line: a new phase, a warning.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>Takes the progress in percent; null while CDI can't tell.</summary>
    public Action<double?> Progress { get; init; } = static _ => { };
}

/// <summary>A volume that is there with all its content.</summary>
/// <param name="DataVolume">Its DataVolume; null where an old CDI has removed it after the work.</param>
/// <param name="Claim">Its claim, Bound.</param>
public sealed record ReadyVolume(DataVolume? DataVolume, PersistentVolumeClaim Claim);

/// <summary>Waits for DataVolumes as CDI really behaves: by watching, with the reasons of a failure at once instead of at the deadline.</summary>
public static class DataVolumeWait
{
    /// <summary>Waits until a DataVolume has Succeeded and its claim is Bound.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The DataVolume.</param>
    /// <param name="options">Grace, log, progress.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="known">The DataVolume as the server has just answered it: saves a request.</param>
    /// <exception cref="VolumeException">It will not become ready.</exception>
    public static async Task<ReadyVolume> RunAsync(
        KubernetesClient client, string inNamespace, string name, VolumeWaitOptions options, CancellationToken cancellation, DataVolume? known = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        var done = await client.WaitAsync(
            Kinds.DataVolumes, inNamespace, name, volume => volume?.Status?.Phase is "Succeeded" or "Failed", cancellation, known);
        if (done!.Status!.Phase == "Failed")
        {
            throw new VolumeException(VolumeFault.Failed, Kinds.DataVolumes.Describe(inNamespace, name), "phase Failed", "", []);
        }

        var claimName = done.Status.ClaimName is { Length: > 0 } named ? named : name;
        var claim = await client.WaitAsync(Kinds.PersistentVolumeClaims, inNamespace, claimName, found => found?.IsBound == true, cancellation);
        return new ReadyVolume(done, claim!);
    }
}
