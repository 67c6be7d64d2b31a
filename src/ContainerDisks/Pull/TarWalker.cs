using System.Globalization;
using System.Text;

namespace ContainerDisks.Pull;

/// <summary>One entry of a tar file.</summary>
/// <param name="Name">Its path, as it stands there.</param>
/// <param name="Type">ustar's type flag.</param>
/// <param name="Length">Bytes of its content.</param>
internal readonly record struct TarEntry(string Name, char Type, long Length)
{
    internal bool IsFile => Type is '0' or '\0' or '7';

    internal bool IsFolder => Type == '5';
}

/// <summary>
/// Walks a tar stream that may be hostile (POSIX pax and ustar, GNU's long names and binary sizes): nothing is
/// extracted, memory is bounded, and every number is checked.
/// </summary>
/// <remarks>
/// Not System.Formats.Tar: its reader takes extended headers of any size into memory.
/// </remarks>
internal sealed class TarWalker(Stream stream, string subject)
{
    private const int Block = 512;
    private const int MaxExtension = 64 << 10;
    private const long MaxLength = 1L << 50;
    private readonly byte[] _header = new byte[Block];
    private readonly byte[] _skip = new byte[64 << 10];
    private long _left;
    private long _padding;

    /// <summary>The next entry; null at the end of the tar file. What is left of the one before is skipped.</summary>
    internal async Task<TarEntry?> NextAsync(CancellationToken cancel)
    {
        string? name = null;
        long? length = null;
        while (true)
        {
            await SkipAsync(_left + _padding, cancel);
            (_left, _padding) = (0, 0);
            if (!await FillAsync(_header, cancel) || !_header.AsSpan().ContainsAnyExcept((byte)0))
            {
                return null;
            }

            CheckSum();
            var size = Number(_header.AsSpan(124, 12));
            var type = (char)_header[156];
            if (size is < 0 or > MaxLength)
            {
                throw Corrupt($"an entry of {size} bytes is not possible");
            }

            if (type is 'x' or 'g' or 'L' or 'K')
            {
                var text = await ExtensionAsync(size, cancel);
                if (type == 'x')
                {
                    ReadPax(text, ref name, ref length);
                }
                else if (type == 'L')
                {
                    name = Encoding.UTF8.GetString(text).TrimEnd('\0');
                }

                continue;
            }

            _left = type is '0' or '\0' or '7' ? length ?? size : 0;
            if (type is not ('0' or '\0' or '7'))
            {
                // Links and folders have no content; whoever says otherwise wants readers to disagree.
                _ = size == 0 ? 0 : throw Corrupt("an entry that is no file has content");
            }

            if (_left is < 0 or > MaxLength)
            {
                throw Corrupt($"an entry of {_left} bytes is not possible");
            }

            _padding = Padding(_left);
            return new TarEntry(name ?? Name(), type, _left);
        }
    }

    /// <summary>The content of the current entry; to be read before the next one is asked for.</summary>
    internal Stream Content() => new ContentStream(this);

    private async Task<byte[]> ExtensionAsync(long size, CancellationToken cancel)
    {
        if (size > MaxExtension)
        {
            throw Corrupt($"an extended header of {size} bytes is not possible");
        }

        var text = new byte[size];
        if (!await FillAsync(text, cancel))
        {
            throw Corrupt("the tar file ends inside a header");
        }

        await SkipAsync(Padding(size), cancel);
        return text;
    }

    /// <summary>Records of <c>LENGTH KEY=VALUE\n</c> (POSIX pax, "pax Extended Header").</summary>
    private void ReadPax(ReadOnlySpan<byte> text, ref string? name, ref long? length)
    {
        while (text.Length > 0 && text[0] != 0)
        {
            var blank = text.IndexOf((byte)' ');
            if (blank <= 0
                || !int.TryParse(text[..blank], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                || size <= blank + 2 || size > text.Length)
            {
                throw Corrupt("an extended header is damaged");
            }

            var record = Encoding.UTF8.GetString(text[(blank + 1)..(size - 1)]);
            text = text[size..];
            var equals = record.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (record, "") : (record[..equals], record[(equals + 1)..]);
            if (key == "path")
            {
                name = value;
            }
            else if (key == "size")
            {
                length = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
                    ? parsed
                    : throw Corrupt("an extended header is damaged");
            }
            else if (key.StartsWith("GNU.sparse", StringComparison.Ordinal))
            {
                throw new ContainerDiskException(ContainerDiskFault.Unsupported, subject, "it holds a GNU sparse file", "build the image from a plain file");
            }
        }
    }

    private string Name()
    {
        var name = Text(_header.AsSpan(0, 100));
        var prefix = _header.AsSpan(257, 6).SequenceEqual("ustar\0"u8) ? Text(_header.AsSpan(345, 155)) : "";
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    private void CheckSum()
    {
        var sum = 8 * ' ';
        for (var at = 0; at < Block; at++)
        {
            sum += at is >= 148 and < 156 ? 0 : _header[at];
        }

        if (Number(_header.AsSpan(148, 8)) != sum)
        {
            throw Corrupt("a header of the tar file is damaged");
        }
    }

    private long Number(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0)
        {
            // GNU's binary numbers; -1 for what no size can be.
            var binary = 0L;
            foreach (var digit in field[1..])
            {
                if (field[0] != 0x80 || binary > long.MaxValue >> 8)
                {
                    return -1;
                }

                binary = (binary << 8) | digit;
            }

            return binary;
        }

        var value = 0L;
        foreach (var digit in field.Trim((byte)' ').TrimEnd((byte)0).Trim((byte)' '))
        {
            value = digit is >= (byte)'0' and <= (byte)'7' ? (value << 3) | (uint)(digit - '0') : throw Corrupt("a number in the tar file is damaged");
        }

        return value;
    }

    private static long Padding(long length) => (Block - length % Block) % Block;

    private async Task<bool> FillAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        var count = await ReadAsync(buffer, buffer.Length, cancel);
        return count == buffer.Length || (count == 0 ? false : throw Corrupt("the tar file was cut off"));
    }

    private async Task SkipAsync(long count, CancellationToken cancel)
    {
        while (count > 0)
        {
            var read = await ReadAsync(_skip.AsMemory(0, (int)Math.Min(_skip.Length, count)), 1, cancel);
            count -= read > 0 ? read : throw Corrupt("the tar file was cut off");
        }
    }

    private async ValueTask<int> ReadAsync(Memory<byte> buffer, int least, CancellationToken cancel)
    {
        try
        {
            return await stream.ReadAtLeastAsync(buffer, least, throwOnEndOfStream: false, cancel);
        }
        catch (InvalidDataException error)
        {
            throw new ContainerDiskException(ContainerDiskFault.Integrity, subject, "its compression is damaged", "do not use this image", error);
        }
    }

    private ContainerDiskException Corrupt(string cause) =>
        new(ContainerDiskFault.Integrity, subject, cause, "do not use this image");

    private sealed class ContentStream(TarWalker walker) : ForwardStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (walker._left == 0 || buffer.Length == 0)
            {
                return 0;
            }

            var count = await walker.ReadAsync(buffer[..(int)Math.Min(buffer.Length, walker._left)], 1, cancellationToken);
            walker._left -= count > 0 ? count : throw walker.Corrupt("the tar file was cut off");
            return count;
        }
    }
}
