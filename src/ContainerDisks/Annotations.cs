namespace ContainerDisks;

/// <summary>The annotations of a container disk's manifest.</summary>
public static class Annotations
{
    /// <summary>SHA-256 of the qcow2 image in the layer: says whether two images hold the same disk, however they are compressed.</summary>
    public const string DiskDigest = "goldenimage.io/disk-digest";

    /// <summary>What made the layer's bytes: compressor, level, block size. Same disk and same value: same layer.</summary>
    public const string Compressor = "goldenimage.io/compressor";

    /// <summary>The image that this one was made from (OCI image spec, "Annotations").</summary>
    public const string BaseName = "org.opencontainers.image.base.name";

    /// <summary>Its digest.</summary>
    public const string BaseDigest = "org.opencontainers.image.base.digest";
}
