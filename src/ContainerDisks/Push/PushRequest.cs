using Registry;

namespace ContainerDisks.Push;

/// <summary>What image is made of a disk. Everything in it that is not null shows in the image.</summary>
public sealed record PushRequest
{
    /// <summary>Where it goes; with a tag.</summary>
    public required ImageReference Image { get; init; }

    /// <summary>More tags in the same repository.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>libdeflate's level, 1 (fast) to 12 (small); null for no compression.</summary>
    public int? Level { get; init; } = DefaultLevel;

    /// <summary>The disk's architecture, as GOARCH.</summary>
    public required string Architecture { get; init; }

    /// <summary>Recommendations for machines.</summary>
    public Hints Hints { get; init; } = Hints.None;

    /// <summary>The image that it was made from.</summary>
    public string? SourceReference { get; init; }

    /// <summary>That image's digest.</summary>
    public string? SourceDigest { get; init; }

    /// <summary>Threads that read and compress; what suits the machine when null. The layer does not depend on it.</summary>
    public int? Workers { get; init; }

    /// <summary>The level unless said otherwise: measured, the next one is 30 % slower for a layer 4 % smaller.</summary>
    public const int DefaultLevel = 1;
}

/// <summary>What a push left in the registry.</summary>
/// <param name="Manifest">The image's digest.</param>
/// <param name="DiskDigest">SHA-256 of the qcow2 image.</param>
/// <param name="Layer">The layer's digest.</param>
/// <param name="LayerLength">Its bytes.</param>
/// <param name="DiskLength">Bytes of the qcow2 image.</param>
/// <param name="Sent">Bytes of the layer that were sent; 0 when the registry had it.</param>
public sealed record PushedImage(Digest Manifest, Digest DiskDigest, Digest Layer, long LayerLength, long DiskLength, long Sent);

/// <summary>How far a push is.</summary>
/// <param name="Phase">What is being done: <c>scan</c>, <c>compare</c>, <c>verify</c>, <c>push</c>.</param>
/// <param name="Done">Bytes done of it.</param>
/// <param name="Total">Bytes in all.</param>
public readonly record struct PushProgress(string Phase, long Done, long Total);
