using Microsoft.Win32.SafeHandles;

namespace Disks;

/// <summary>Where a disk's bytes are written to, in the guest's order.</summary>
public interface IRawTarget
{
    /// <summary>Writes at a place; zeros may stay a hole.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);
}

/// <summary>
/// A raw disk that is being written: a new file with holes where the disk has zeros, or a block device.
/// A file appears under its name only when it is complete; before, and after a kill, it is <c>NAME.partial</c>,
/// which the next run starts anew; only one process at a time writes it. Disposed before <see cref="Complete"/>, it leaves nothing.
/// </summary>
public sealed class RawTarget : IRawTarget, IDisposable
{
    private const int Page = 4 << 10;
    private readonly string _path;
    private readonly string _written;
    private readonly SafeFileHandle _file;
    private readonly bool _isDevice;
    private readonly bool _zerosAreThere;
    private readonly long _length;
    private long _end;
    private bool _complete;

    /// <summary>Creates the file, or opens the device.</summary>
    /// <param name="path">A block device, or a path where no file is.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="overwrite">Replace an existing file, once the new one is complete.</param>
    /// <exception cref="DiskException">It exists, is too small, cannot be made, or the storage is full.</exception>
    public RawTarget(string path, long length, bool overwrite)
    {
        _path = path;
        _length = length;
        var there = Posix.IsBlockDevice(path);
        _isDevice = there == true;
        if (there == false && !overwrite)
        {
            throw new DiskException(DiskFault.Usage, path, "it exists already", "remove it, or name another target");
        }

        _written = _isDevice ? path : path + ".partial";
        try
        {
            _file = File.OpenHandle(
                _written, _isDevice ? FileMode.Open : FileMode.Create, FileAccess.ReadWrite, _isDevice ? FileShare.Read : FileShare.None);
        }
        catch (IOException error) when (Posix.IsLocked(error))
        {
            throw new DiskException(DiskFault.Usage, _written, "another process writes it", "let it end first, or name another target", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From(error, path);
        }

        try
        {
            _zerosAreThere = Prepare();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset < _end || offset + bytes.Length > _length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), "a disk is written once, from its start to its end");
        }

        try
        {
            if (!_zerosAreThere)
            {
                WriteZeros(offset);
                RandomAccess.Write(_file, bytes, offset);
            }
            else
            {
                WriteRuns(offset, bytes);
            }
        }
        catch (IOException error)
        {
            throw DiskException.From(error, _path);
        }

        _end = offset + bytes.Length;
    }

    /// <summary>Makes all of it durable and gives the file its name.</summary>
    public void Complete()
    {
        try
        {
            if (!_zerosAreThere)
            {
                WriteZeros(_length);
            }

            RandomAccess.FlushToDisk(_file);
            if (!_isDevice)
            {
                File.Move(_written, _path, overwrite: true);
                Posix.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(_path))!);
            }
        }
        catch (IOException error)
        {
            throw DiskException.From(error, _path);
        }

        _complete = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Deleted while it is locked: afterwards it may be another process's.
        if (!_complete && !_isDevice)
        {
            File.Delete(_written);
        }

        _file.Dispose();
    }

    /// <summary>Whether everything reads as zeros before the first byte is written.</summary>
    private bool Prepare()
    {
        try
        {
            if (!_isDevice)
            {
                // As CDI leaves it: readable and writable for qemu's user and group, for nobody else.
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
                }

                RandomAccess.SetLength(_file, _length);
                return true;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskException.From(error, _path);
        }

        var size = Posix.Length(_file, _path);
        return size < _length
            ? throw new DiskException(DiskFault.NoSpace, _path, $"it has {size} bytes, the disk {_length}", "give a larger volume")
            : Posix.TryZero(_file, _length);
    }

    private void WriteRuns(long offset, ReadOnlySpan<byte> bytes)
    {
        for (var start = 0; start < bytes.Length;)
        {
            if (IsZero(bytes, start))
            {
                start += Page;
                continue;
            }

            var end = start;
            while (end < bytes.Length && !IsZero(bytes, end))
            {
                end = Math.Min(end + Page, bytes.Length);
            }

            RandomAccess.Write(_file, bytes[start..end], offset + start);
            start = end;
        }
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes, int start) =>
        !bytes[start..Math.Min(start + Page, bytes.Length)].ContainsAnyExcept((byte)0);

    private void WriteZeros(long until)
    {
        var zeros = new byte[ClusterMap.ClusterSize];
        for (; _end < until; _end += Math.Min(zeros.Length, until - _end))
        {
            RandomAccess.Write(_file, zeros.AsSpan(0, (int)Math.Min(zeros.Length, until - _end)), _end);
        }
    }
}
