using Microsoft.Win32.SafeHandles;

namespace Disks;

/// <summary>A raw disk in a file or on a block device.</summary>
public sealed class RawDisk : IDisk
{
    private const int Sector = 512;
    private readonly SafeFileHandle _file;
    private readonly bool _isFile;
    private readonly DateTime _written;

    /// <summary>Opens it for reading.</summary>
    /// <param name="path">The file or block device.</param>
    /// <param name="wholeSectors">Refuse a length that is no multiple of 512: a raw disk that has it was cut off.</param>
    /// <exception cref="DiskException">Missing, not accessible, empty, truncated.</exception>
    public RawDisk(string path, bool wholeSectors = true)
    {
        Name = path;
        _isFile = Posix.IsBlockDevice(path) switch
        {
            null => throw DiskException.From(new FileNotFoundException(), path),
            var device => !device.Value,
        };
        try
        {
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw DiskException.From(error, path);
        }

        try
        {
            Length = Posix.Length(_file, path);
            _written = File.GetLastWriteTimeUtc(_file);
            if (Length == 0)
            {
                throw new DiskException(DiskFault.Integrity, path, "it is empty", "give the file or device that holds the disk");
            }

            if (wholeSectors && Length % Sector != 0)
            {
                throw new DiskException(
                    DiskFault.Integrity, path, $"its length, {Length} bytes, is no multiple of 512: it was cut off or is no raw disk", "copy it again, or say its real disk-format");
            }
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Reads an open file that may have no name any more; the handle stays the caller's.</summary>
    internal RawDisk(SafeFileHandle file, string name)
    {
        Name = name;
        _file = new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false);
        Length = Posix.Length(file, name);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public IEnumerable<Extent> AllocatedExtents()
    {
        for (var next = Posix.NextData(_file, 0, Length); next is { } extent; next = Posix.NextData(_file, extent.End, Length))
        {
            yield return extent;
        }
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_file, buffer, offset);
            }
            catch (IOException error)
            {
                throw new DiskException(DiskFault.Integrity, Name, $"cannot be read at byte {offset}: {error.Message}", "check the storage under it", error);
            }

            if (count == 0)
            {
                throw new DiskException(DiskFault.Integrity, Name, $"it ends at byte {offset} but should hold {Length}", "it was cut off while it was read: stop whatever writes to it and run again");
            }

            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    public void CheckUnchanged()
    {
        if (_isFile && (Posix.Length(_file, Name) != Length || File.GetLastWriteTimeUtc(_file) != _written))
        {
            throw new DiskException(DiskFault.Integrity, Name, "it was written to while it was read", "stop the virtual machine or task that uses it and run again");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
