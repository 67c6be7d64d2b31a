using System.Security.Cryptography;
using ContainerDisks.Layers;
using Registry;

namespace ContainerDisks.Push;

/// <summary>The three SHA-256 sums of a layer: of its qcow2 image, of its tar file, of its bytes as they are sent.</summary>
internal sealed class LayerSums(DiskLayer layer) : IDisposable
{
    private readonly IncrementalHash _disk = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _tar = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _packed = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds the next block; the sums are independent of each other and run side by side.</summary>
    internal async Task AddAsync(LayerBlock block)
    {
        var tar = Task.Run(() => _tar.AppendData(block.Plain.Span));
        var start = Math.Clamp(layer.DiskStart - block.Offset, 0, block.Plain.Length);
        var end = Math.Clamp(layer.DiskStart + layer.DiskLength - block.Offset, start, block.Plain.Length);
        _disk.AppendData(block.Plain.Span[(int)start..(int)end]);
        _packed.AppendData(block.Packed.Span);
        await tar;
    }

    internal (Digest Disk, Digest Tar, Digest Packed) Finish() =>
        (Digest.From(_disk.GetHashAndReset()), Digest.From(_tar.GetHashAndReset()), Digest.From(_packed.GetHashAndReset()));

    /// <inheritdoc/>
    public void Dispose()
    {
        _disk.Dispose();
        _tar.Dispose();
        _packed.Dispose();
    }
}
