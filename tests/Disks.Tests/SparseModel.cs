using FsCheck;
using FsCheck.Fluent;

namespace Disks.Tests;

/// <summary>A disk as a dictionary: which 4 KiB pages hold something, and what. Everything else is zero.</summary>
public sealed record SparseModel(long Length, IReadOnlyDictionary<long, byte> Pages)
{
    public const int Page = 4096;

    /// <summary>Disks of odd sizes with pages in a few places, so that clusters are partly filled and neighbours meet.</summary>
    public static Arbitrary<SparseModel> Arbitrary { get; } =
        (from sectors in Gen.Choose(1, 40_000)
         from count in Gen.Choose(0, 60)
         from places in Gen.ArrayOf(Gen.OneOf(Gen.Choose(0, 40_000 / 8), Gen.Choose(0, 64)), count)
         from values in Gen.ArrayOf(Gen.Choose(0, 255), count)
         select new SparseModel(
             sectors * 512L,
             places.Zip(values).Where(pair => pair.First * (long)Page < sectors * 512L)
                 .DistinctBy(pair => pair.First).ToDictionary(pair => (long)pair.First, pair => (byte)pair.Second))).ToArbitrary();

    /// <summary>The bytes of a page; a value of 0 is a page of stored zeros.</summary>
    public byte[] Content(long page)
    {
        var bytes = new byte[Math.Min(Page, Length - page * Page)];
        if (Pages[page] != 0)
        {
            new System.Random((int)page).NextBytes(bytes);

            // Also pages whose only byte is the last: a scan may not stop before.
            if (Pages[page] % 3 == 0)
            {
                bytes.AsSpan(0, bytes.Length - 1).Clear();
            }

            bytes[^1] = Pages[page];
        }

        return bytes;
    }

    /// <summary>Writes it as a raw file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="holes">Whether zeros are holes.</param>
    public void Write(string path, bool holes = true)
    {
        using var file = File.Create(path);
        file.SetLength(Length);
        if (!holes)
        {
            var zeros = new byte[1 << 20];
            for (var left = Length; left > 0; left -= zeros.Length)
            {
                file.Write(zeros, 0, (int)Math.Min(zeros.Length, left));
            }
        }

        foreach (var page in Pages.Keys)
        {
            file.Position = page * Page;
            file.Write(Content(page));
        }
    }
}
