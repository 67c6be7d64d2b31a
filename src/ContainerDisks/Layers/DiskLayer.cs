using Disks.Qcow2;

namespace ContainerDisks.Layers;

/// <summary>
/// The tar file that is a container disk's one layer: <c>disk/</c> and <c>disk/disk.qcow2</c>, which is never stored.
/// Its length is known at once and any part of it can be made at any time.
/// </summary>
internal sealed class DiskLayer
{
    private const string Folder = "disk/";
    private const string File = "disk/disk.qcow2";
    private readonly Qcow2Image _image;
    private readonly byte[] _head;

    internal DiskLayer(Qcow2Image image)
    {
        _image = image;
        _head = [.. TarHeader.Folder(Folder, 0b101_101_101), .. TarHeader.File(File, 0b100_100_100, image.Length)];

        // The image is whole clusters, so no padding; two empty blocks end a tar file.
        Length = DiskStart + image.Length + 2 * TarHeader.Size;
    }

    /// <summary>Bytes of the tar file.</summary>
    internal long Length { get; }

    /// <summary>Where in it the qcow2 image begins.</summary>
    internal long DiskStart => _head.Length;

    /// <summary>Bytes of the qcow2 image.</summary>
    internal long DiskLength => _image.Length;

    /// <summary>Makes a part of it; safe from several threads.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int count;
            if (offset < DiskStart)
            {
                count = (int)Math.Min(buffer.Length, DiskStart - offset);
                _head.AsSpan((int)offset, count).CopyTo(buffer);
            }
            else if (offset < DiskStart + DiskLength)
            {
                count = (int)Math.Min(buffer.Length, DiskStart + DiskLength - offset);
                _image.Read(offset - DiskStart, buffer[..count]);
            }
            else
            {
                count = buffer.Length;
                buffer.Clear();
            }

            offset += count;
            buffer = buffer[count..];
        }
    }
}
