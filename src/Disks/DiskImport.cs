using System.Buffers.Binary;
using Disks.Qcow2;

namespace Disks;

/// <summary>Turns a stream that holds a disk into a raw file or device, with holes, in one pass.</summary>
public static class DiskImport
{
    private const int Buffer = 1 << 20;

    /// <summary>What the first bytes say that they are. Only for images of vendors, never for a guest's volume.</summary>
    /// <exception cref="DiskException">A known format that is not read here.</exception>
    public static DiskFormat Detect(ReadOnlySpan<byte> start, string name)
    {
        if (start.Length >= 4 && BinaryPrimitives.ReadUInt32BigEndian(start) == Qcow2Header.Magic)
        {
            return DiskFormat.Qcow2;
        }

        var other = start switch
        {
            [(byte)'K', (byte)'D', (byte)'M', (byte)'V', ..] => "vmdk",
            [(byte)'v', (byte)'h', (byte)'d', (byte)'x', (byte)'f', (byte)'i', (byte)'l', (byte)'e', ..] => "vhdx",
            [0x1f, 0x8b, ..] => "gzip",
            [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => "xz",
            [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
            _ => null,
        };
        return other is null
            ? DiskFormat.Raw
            : throw new DiskException(DiskFault.Unsupported, name, $"it is a {other} file; qcow2 and raw are read", "convert it first: qemu-img convert -O qcow2");
    }

    /// <summary>Writes a raw disk that comes as a stream.</summary>
    /// <param name="stream">Its bytes.</param>
    /// <param name="length">How many; a multiple of 512.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="target">Where they go.</param>
    /// <param name="cancel">Stops.</param>
    public static async Task CopyRawAsync(Stream stream, long length, string name, IRawTarget target, CancellationToken cancel)
    {
        CheckRawLength(length, name);
        var buffer = new byte[Buffer];
        for (var offset = 0L; offset < length;)
        {
            var count = await stream.ReadAtLeastAsync(
                buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - offset)), 1, throwOnEndOfStream: false, cancel);
            if (count == 0)
            {
                throw new DiskException(DiskFault.Integrity, name, $"it ends at byte {offset} of {length}", "fetch the image again");
            }

            target.Write(offset, buffer.AsSpan(0, count));
            offset += count;
        }
    }

    /// <summary>Refuses a length that no raw disk has.</summary>
    public static void CheckRawLength(long length, string name)
    {
        if (length == 0 || length % 512 != 0)
        {
            throw new DiskException(DiskFault.Integrity, name, $"a raw disk of {length} bytes is not possible", "fetch the image again");
        }
    }

    /// <summary>
    /// Stores a qcow2 stream in a file without a name, in the given folder, and writes its disk to the target. For images
    /// whose order does not allow <see cref="Qcow2Stream"/>; the file is gone when this ends, or when the process is killed.
    /// </summary>
    /// <param name="stream">The qcow2 file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="folder">A folder on storage with room for it: the target's.</param>
    /// <param name="createTarget">Makes the target of that many bytes.</param>
    /// <param name="cancel">Stops.</param>
    public static async Task CopyStoredAsync(
        Stream stream, string name, string folder, Func<long, IRawTarget> createTarget, CancellationToken cancel)
    {
        var path = Path.Combine(folder, $".{Guid.NewGuid():N}.qcow2.partial");
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, 0);
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From(error, folder);
        }

        await using (file)
        {
            var buffer = new byte[Buffer];
            int count;
            while ((count = await stream.ReadAsync(buffer, cancel)) > 0)
            {
                try
                {
                    await file.WriteAsync(buffer.AsMemory(0, count), cancel);
                }
                catch (IOException error)
                {
                    throw DiskException.From(error, folder);
                }
            }

            using var disk = new Qcow2Disk(new RawDisk(file.SafeFileHandle, name));
            Copy(disk, createTarget(disk.Length), cancel);
        }
    }

    /// <summary>Writes what a disk holds to a target.</summary>
    public static void Copy(IDisk disk, IRawTarget target, CancellationToken cancel)
    {
        var buffer = new byte[Buffer];
        foreach (var extent in disk.AllocatedExtents())
        {
            for (var offset = extent.Offset; offset < extent.End;)
            {
                cancel.ThrowIfCancellationRequested();
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset));
                disk.Read(offset, part);
                target.Write(offset, part);
                offset += part.Length;
            }
        }
    }
}
