using Lab;

namespace Benchmarks;

/// <summary>The vendor's disk as a raw file, and fresh copies of it.</summary>
public sealed class BenchDisk : IDisposable
{
    private readonly Scratch scratch = new();

    /// <summary>Makes the vendor's disk if it is not there, and unpacks it.</summary>
    public BenchDisk() => Tool.Run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", VendorDisk.Ensure(), Original);

    /// <summary>The disk that copies are made of; nobody writes it.</summary>
    public string Original => scratch["vendor.img"];

    /// <summary>A copy, in the place of the last one.</summary>
    public string Fresh()
    {
        Tool.Run("cp", "--sparse=always", "--reflink=auto", Original, scratch["disk.img"]);
        return scratch["disk.img"];
    }

    /// <summary>Bytes that a file takes on the disk.</summary>
    public static long Allocated(string path) => long.Parse(Tool.Run("du", "--block-size=1", "--", path).Output.Split('\t')[0]);

    /// <inheritdoc/>
    public void Dispose() => scratch.Dispose();
}
