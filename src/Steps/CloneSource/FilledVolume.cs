using GoldenImages;
using Kubernetes.Models;
using Kubernetes.Waiting;
using StepRuntime;

namespace Steps.CloneSource;

/// <summary>What is told of a complete volume, held to the lengths that the results have room for.</summary>
/// <param name="Mode">Filesystem or Block.</param>
/// <param name="Size">As a quantity.</param>
/// <param name="Hints">What its labels recommend.</param>
internal sealed record FilledVolume(string Mode, string Size, VolumeHints Hints)
{
    /// <summary>Kubernetes docs, "Labels and Selectors": a label's value has at most 63 characters.</summary>
    internal const int LongestLabel = 63;

    /// <summary>A quantity in Kubernetes' canonical form has at most 18 digits and a suffix (apimachinery, resource.Quantity).</summary>
    internal const int LongestSize = 24;

    /// <summary>Reads it off.</summary>
    /// <exception cref="StepException">Exit code 5: it is nothing that an API server would have stored.</exception>
    internal static FilledVolume Of(ReadyVolume ready, DataVolume made)
    {
        var claim = ready.Claim;
        var mode = claim.Spec.VolumeMode ?? "Filesystem";
        var size = claim.Status?.Capacity?.GetValueOrDefault("storage") ?? claim.Spec.Resources?.Requests?.GetValueOrDefault("storage") ?? "";
        // CDI puts an image's hints onto the DataVolume and the claim while it imports.
        var hints = VolumeHints.FromLabels(ready.DataVolume?.Metadata.Labels ?? made.Metadata.Labels).Over(VolumeHints.FromLabels(claim.Metadata.Labels));
        return mode is "Filesystem" or "Block" && size.Length <= LongestSize && hints.Mistakes().Count == 0
            ? new(mode, size, hints)
            : throw new StepException(
                ExitCode.Integrity, $"PersistentVolumeClaim {claim.Metadata.Namespace}/{claim.Metadata.Name}",
                "its volume mode, capacity or labels are none that Kubernetes allows", "check what answers at the server's address");
    }
}
