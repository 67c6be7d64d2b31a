namespace GoldenImages.Tests;

public sealed class KeyHashTests
{
    /// <summary>The bytes that say "another one follows", and those that say "the end": as text they must not be taken for that.</summary>
    private const string More = "\0\0\0\u0001", End = "\0\0\0\0";

    [Fact]
    public void No_two_different_lists_are_the_same_bytes()
    {
        string[] texts = ["", .. Texts(1), .. Texts(2), .. Texts(3)];
        var lists = texts.Select(a => (string[])[a])
            .Concat(from a in texts from b in texts select (string[])[a, b])
            .Concat(from a in texts.Take(13) from b in texts.Take(13) from c in texts.Take(13) select (string[])[a, b, c])
            .Prepend([]).ToList();
        Assert.Equal(lists.Count, lists.Select(Digest).Distinct().Count());
    }

    private static IEnumerable<string> Texts(int pieces) => pieces == 0 ? [""] : from piece in (string[])["a", More, End] from rest in Texts(pieces - 1) select piece + rest;

    private static string Digest(string[] list)
    {
        using var hash = new KeyHash("test");
        hash.List(list, hash.Text);
        return Convert.ToHexString(hash.Digest());
    }
}
