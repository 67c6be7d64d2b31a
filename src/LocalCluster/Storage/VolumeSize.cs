using Kubernetes.Models;

namespace LocalCluster.Storage;

/// <summary>Sizes of claims in bytes, and what their file systems take.</summary>
public static class VolumeSize
{
    /// <summary>Bytes of a quantity, rounded up; null for what is none, or negative.</summary>
    public static long? Parse(string? text) => Quantity.TryParse(text, out var quantity) && quantity.Value >= 0 ? quantity.Value : null;

    /// <summary>Bytes as a quantity.</summary>
    public static string Format(long bytes) => Quantity.OfBytes(bytes).ToString();

    /// <summary>What a Filesystem claim needs for a disk of some size: rounded to MiB, with the overhead (CDI, GetRequiredSpace).</summary>
    public static long Required(long disk, double overhead) => (long)Math.Ceiling(((disk + (1 << 20) - 1) >> 20 << 20) * (1 + overhead));

    /// <summary>The largest disk that a Filesystem claim of some size takes (CDI, GetUsableSpace).</summary>
    public static long Usable(long claim, double overhead) => (long)(claim / (1 + overhead)) >> 20 << 20;
}
