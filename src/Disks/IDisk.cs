namespace Disks;

/// <summary>A range of a disk, in bytes.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">How many.</param>
public readonly record struct Extent(long Offset, long Length)
{
    /// <summary>The first byte after it.</summary>
    public long End => Offset + Length;
}

/// <summary>The format in which a disk is stored. It is given by the user, never guessed from a guest's bytes.</summary>
public enum DiskFormat
{
    /// <summary>The disk's bytes as they are.</summary>
    Raw,

    /// <summary>QEMU's copy-on-write format, versions 2 and 3.</summary>
    Qcow2,
}

/// <summary>A disk as its guest sees it, readable at any place, by several threads at once.</summary>
public interface IDisk : IDisposable
{
    /// <summary>What messages call it: the path.</summary>
    string Name { get; }

    /// <summary>Bytes that the guest sees; a multiple of 512.</summary>
    long Length { get; }

    /// <summary>
    /// The ranges that may hold something else than zeros, ascending, without overlap. What lies between reads as zeros.
    /// </summary>
    IEnumerable<Extent> AllocatedExtents();

    /// <summary>Fills the whole buffer.</summary>
    /// <exception cref="DiskException">The disk ends before, or cannot be read.</exception>
    void Read(long offset, Span<byte> buffer);

    /// <summary>Fails when the disk was written to since it was opened: then nothing that was read can be trusted.</summary>
    /// <exception cref="DiskException">It has changed.</exception>
    void CheckUnchanged();
}

/// <summary>Opens disks.</summary>
public static class Disk
{
    /// <summary>The name of the disk in the root of a Filesystem volume.</summary>
    public const string FileInVolume = "disk.img";

    /// <summary>Opens a disk for reading.</summary>
    /// <param name="path">A file, a block device, or a folder with <see cref="FileInVolume"/> in it.</param>
    /// <param name="format">The format of its bytes.</param>
    /// <exception cref="DiskException">Missing, not accessible, not a disk, or a hostile header.</exception>
    public static IDisk Open(string path, DiskFormat format)
    {
        var file = new RawDisk(Resolve(path), wholeSectors: format == DiskFormat.Raw);
        if (format == DiskFormat.Raw)
        {
            return file;
        }

        try
        {
            return new Qcow2.Qcow2Disk(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file or device that a <c>disk</c> option means.</summary>
    public static string Resolve(string path) =>
        Directory.Exists(path) ? Path.Combine(path, FileInVolume) : path;
}
