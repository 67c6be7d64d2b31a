using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace GoldenImages;

/// <summary>SHA-256 over values of which each says where it ends: no two different sequences are the same bytes.</summary>
internal sealed class KeyHash : IDisposable
{
    private const int BufferSize = 128 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public KeyHash(string domain) => Text(domain);

    /// <summary>The SHA-256 of a stream, read to its end.</summary>
    public static byte[] OfContent(Stream content, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int read;
            while ((read = content.Read(buffer)) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }
        }
        finally
        {
            // It may have held a secret, and the pool keeps it.
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }

        return hash.GetHashAndReset();
    }

    public void Number(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        _hash.AppendData(bytes);
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Number(value.Length);
        _hash.AppendData(value);
    }

    /// <summary>By its UTF-16 code units: a file's name need not be valid Unicode, and what is invalid must stay different.</summary>
    public void Text(string value)
    {
        var bytes = new byte[value.Length * sizeof(char)];
        for (var i = 0; i < value.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(i * sizeof(char)), value[i]);
        }

        Bytes(bytes);
    }

    /// <summary>A list whose end stands behind it, so that it need not be counted first.</summary>
    public void List<T>(IEnumerable<T> values, Action<T> add)
    {
        foreach (var value in values)
        {
            Number(1);
            add(value);
        }

        Number(0);
    }

    public byte[] Digest() => _hash.GetHashAndReset();

    public void Dispose() => _hash.Dispose();
}
