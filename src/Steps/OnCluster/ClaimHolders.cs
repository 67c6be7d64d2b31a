using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace Steps.OnCluster;

/// <summary>A pod that names a claim.</summary>
/// <param name="Pod">Its name.</param>
/// <param name="IsFinished">Whether its containers have ended for good.</param>
/// <param name="Writes">Whether it may write to the claim.</param>
internal sealed record ClaimHolder(string Pod, bool IsFinished, bool Writes);

/// <summary>Who holds a claim; compiled into each step that works on one.</summary>
internal static class ClaimHolders
{
    /// <summary>All pods that name a claim.</summary>
    internal static async Task<IReadOnlyList<ClaimHolder>> FindAsync(KubernetesClient client, string inNamespace, string claim, CancellationToken cancellation)
    {
        var pods = await client.ListAsync(Kinds.Pods, inNamespace, cancellation);
        return
        [
            .. from pod in pods.Items
               let volumes = pod.Spec.Volumes?.Where(volume => volume.PersistentVolumeClaim?.ClaimName == claim).ToList() ?? []
               where volumes.Count > 0
               select new ClaimHolder(pod.Metadata.Name ?? "", pod.IsFinished, volumes.Exists(volume => Writes(pod.Spec, volume))),
        ];
    }

    /// <summary>As CDI sees it: read-only is a volume, or every mount of it; a block device is written to (IsSourceClaimReady).</summary>
    private static bool Writes(PodSpec pod, Volume volume)
    {
        if (volume.PersistentVolumeClaim!.ReadOnly == true)
        {
            return false;
        }

        var containers = pod.Containers.Concat(pod.InitContainers ?? []).ToList();
        var mounts = containers.SelectMany(container => container.VolumeMounts ?? []).Where(mount => mount.Name == volume.Name).ToList();
        var isDevice = containers.Exists(container => container.VolumeDevices?.Exists(device => device.Name == volume.Name) == true);
        return isDevice || mounts.Count == 0 || mounts.Exists(mount => mount.ReadOnly != true);
    }
}
