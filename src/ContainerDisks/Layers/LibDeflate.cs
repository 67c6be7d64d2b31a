using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ContainerDisks.Layers;

/// <summary>
/// gzip by libdeflate (the distribution's <c>libdeflate0</c>). Measured on a disk's data it is twice as fast as the
/// zlib of .NET at the same size, and its output depends on its version, the level and the input alone: its code for
/// different CPUs finds the same matches, and a compressor keeps no state between calls.
/// </summary>
internal sealed partial class LibDeflate : IDisposable
{
    /// <summary>The fastest level.</summary>
    internal const int MinLevel = 1;

    /// <summary>The smallest and slowest.</summary>
    internal const int MaxLevel = 12;

    private readonly Compressor _compressor;

    /// <summary>Makes a compressor for one thread at a time.</summary>
    /// <exception cref="ContainerDiskException">The library is not installed.</exception>
    internal LibDeflate(int level)
    {
        try
        {
            _compressor = Allocate(level);
        }
        catch (DllNotFoundException error)
        {
            throw new ContainerDiskException(
                ContainerDiskFault.Usage, "libdeflate.so.0", "the library that compresses is not installed", "install the package libdeflate0, or use compression=none", error);
        }

        if (_compressor.IsInvalid)
        {
            throw new InvalidOperationException("libdeflate has no memory");
        }
    }

    /// <summary>
    /// Which compressor this is, for the image's annotation. The library does not tell its version, so it is
    /// known by what it does: a hash of what it makes of a fixed text.
    /// </summary>
    internal static string Identity(int level)
    {
        var text = new byte[64 << 10];
        var state = 1u;
        for (var at = 0; at < text.Length; at++)
        {
            // Few letters and long repetitions: every kind of match and code occurs.
            state = state * 1664525 + 1013904223;
            text[at] = at >= 4096 && (at & 1024) != 0 ? text[at - 3000] : (byte)('a' + ((state >> 24) & 15));
        }

        using var compressor = new LibDeflate(level);
        var packed = new byte[LongestResult(text.Length)];
        var length = compressor.Compress(text, packed);
        return "libdeflate-" + Convert.ToHexStringLower(SHA256.HashData(packed.AsSpan(0, length)).AsSpan(0, 4));
    }

    /// <summary>Room that is enough for any input of that length.</summary>
    internal static int LongestResult(int length) => length + length / 1000 + 128;

    /// <summary>Compresses into one gzip member with no name and no time.</summary>
    /// <returns>Bytes written.</returns>
    internal int Compress(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var length = (int)CompressGzip(_compressor, input, (nuint)input.Length, output, (nuint)output.Length);
        return length > 0 ? length : throw new InvalidOperationException("libdeflate found its output buffer too small");
    }

    /// <inheritdoc/>
    public void Dispose() => _compressor.Dispose();

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_alloc_compressor")]
    private static partial Compressor Allocate(int level);

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_gzip_compress")]
    private static partial nuint CompressGzip(
        Compressor compressor, ReadOnlySpan<byte> input, nuint inputLength, Span<byte> output, nuint outputLength);

    [LibraryImport("libdeflate.so.0", EntryPoint = "libdeflate_free_compressor")]
    private static partial void Free(nint compressor);

    private sealed class Compressor : SafeHandle
    {
        public Compressor()
            : base(0, ownsHandle: true)
        {
        }

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            Free(handle);
            return true;
        }
    }
}
