using ContainerDisks.Pull;
using FsCheck;
using FsCheck.Fluent;

namespace ContainerDisks.Tests;

/// <summary>Headers of any bytes: the only failure that comes out says that the image is corrupt.</summary>
public class TarWalkerTests
{
    private static readonly (int Start, int Length)[] NumberFields = [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8)];

    [Fact]
    public void Random_headers_end_well_or_in_the_exception_of_this_library()
    {
        var header =
            from bytes in Gen.ArrayOf(Gen.Choose(0, 255).Select(value => (byte)value), 512)
            from type in Gen.Elements('0', '\0', '5', 'x', 'g', 'L', 'K', '1', '7', 'S', '\u00ff')
            from size in Gen.OneOf(
                Gen.Elements("00000000000\0", "00000000010\0", "77777777777\0", "777777777777", "            ", "-0000000001\0", "0000000001 \0"),
                Gen.Elements("\u0080\0\0\0\0\0\0\0\0\0\0\u0005", "\u0080\u0001\0\0\0\0\0\0\0\0\0\0", "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "\u0080\0\0\0\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff"))
            from binary in Gen.Elements(-1, 0, 1, 2, 3, 4, 5)
            from checksum in Gen.Frequency((9, Gen.Constant(true)), (1, Gen.Constant(false)))
            select Header(bytes, type, size, binary, checksum);
        var tar =
            from headers in Gen.ArrayOf(header, 3)
            from pax in Gen.Elements("", "10 path=a\n", "99999 path=a\n", "18 size=123456789\n", "5 a=\n", "0 =", " =", "22 GNU.sparse.map=1,2\n", "28 size=99999999999999999999\n")
            from cut in Gen.Choose(0, 4096)
            select Join(headers, pax)[..Math.Min(cut, 4096)];
        Prop.ForAll(Arb.From(tar), bytes => Walk(bytes)).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    [Theory]
    [InlineData(0x80)]
    [InlineData(0xFF)]
    public async Task A_binary_checksum_is_a_damaged_header(byte first)
    {
        var header = new byte[1024];
        header[0] = (byte)'a';
        header.AsSpan(148, 8).Fill(first);
        var error = await Assert.ThrowsAsync<ContainerDiskException>(() => new TarWalker(new MemoryStream(header), "image").NextAsync(CancellationToken.None));
        Assert.Equal(ContainerDiskFault.Integrity, error.Kind);
    }

    [Fact]
    public async Task A_binary_size_is_read()
    {
        var header = Header(new byte[512], '0', "\u0080\0\0\0\0\0\0\u0003\0\0\0\u0001", -1, checksum: true);
        var entry = await new TarWalker(new MemoryStream(header), "image").NextAsync(CancellationToken.None);
        Assert.Equal((3L << 32) + 1, entry!.Value.Length);
    }

    private static bool Walk(byte[] bytes)
    {
        var walker = new TarWalker(new MemoryStream(bytes), "image");
        try
        {
            while (walker.NextAsync(CancellationToken.None).GetAwaiter().GetResult() is { } entry)
            {
                Assert.InRange(entry.Length, 0, 1L << 50);
            }
        }
        catch (ContainerDiskException error)
        {
            Assert.True(error.Kind is ContainerDiskFault.Integrity or ContainerDiskFault.Unsupported, error.Message);
        }

        return true;
    }

    private static byte[] Join(byte[][] headers, string content)
    {
        var tar = new byte[4096];
        for (var at = 0; at < headers.Length; at++)
        {
            headers[at].CopyTo(tar, at * 1024);
            System.Text.Encoding.Latin1.GetBytes(content).CopyTo(tar, at * 1024 + 512);
        }

        return tar;
    }

    /// <summary>A header with a right checksum, if wanted; one number field may be made binary.</summary>
    private static byte[] Header(byte[] bytes, char type, string size, int binary, bool checksum)
    {
        var header = (byte[])bytes.Clone();
        System.Text.Encoding.Latin1.GetBytes(size).CopyTo(header, 124);
        header[156] = (byte)type;
        if (binary >= 0)
        {
            header[NumberFields[binary].Start] |= 0x80;
        }

        if (checksum && binary != 5)
        {
            header.AsSpan(148, 8).Fill((byte)' ');
            var sum = header.Sum(value => value);
            System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        }

        return header;
    }
}
