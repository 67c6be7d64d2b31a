using System.Text;

namespace ContainerDisks.Layers;

/// <summary>Writes the header of a tar entry (POSIX ustar; GNU's binary size from 8 GiB on), always the same for the same input.</summary>
internal static class TarHeader
{
    internal const int Size = 512;

    /// <summary>What the octal size field holds at most: 11 digits.</summary>
    internal const long MaxOctalSize = (1L << 33) - 1;

    private const int Owner = 107;

    internal static byte[] Folder(string name, int mode) => Make(name, mode, 0, (byte)'5');

    internal static byte[] File(string name, int mode, long size) => Make(name, mode, size, (byte)'0');

    /// <summary>An entry of qemu's user (107:107, as KubeVirt and CDI run) with time 0.</summary>
    private static byte[] Make(string name, int mode, long size, byte type)
    {
        var header = new byte[Size];
        Encoding.ASCII.GetBytes(name, header.AsSpan(0, 100));
        Octal(header.AsSpan(100, 8), mode);
        Octal(header.AsSpan(108, 8), Owner);
        Octal(header.AsSpan(116, 8), Owner);
        Octal(header.AsSpan(136, 12), 0);
        header[156] = type;
        if (size <= MaxOctalSize)
        {
            Octal(header.AsSpan(124, 12), size);
            "ustar\000"u8.CopyTo(header.AsSpan(257));
        }
        else
        {
            Binary(header.AsSpan(124, 12), size);
            "ustar  \0"u8.CopyTo(header.AsSpan(257));
        }

        header.AsSpan(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in header)
        {
            sum += value;
        }

        Octal(header.AsSpan(148, 7), sum);
        return header;
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (var digit = field.Length - 2; digit >= 0; digit--)
        {
            field[digit] = (byte)('0' + (value & 7));
            value >>= 3;
        }

        field[^1] = 0;
    }

    private static void Binary(Span<byte> field, long value)
    {
        for (var at = field.Length - 1; at >= 0; at--)
        {
            field[at] = (byte)value;
            value >>= 8;
        }

        field[0] = 0x80;
    }
}
