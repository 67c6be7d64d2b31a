using System.Buffers;
using System.Security.Cryptography;

namespace Registry;

/// <summary>A SHA-256 content digest: <c>sha256:</c> and 64 lower-case hex digits (OCI image spec, descriptor, "Digests").</summary>
public readonly record struct Digest
{
    private const string Prefix = "sha256:";
    private const int HexLength = 64;
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    /// <summary>The 64 hex digits.</summary>
    public string Hex => _hex ?? throw new InvalidOperationException("no digest");

    /// <summary>The digest of bytes in memory.</summary>
    public static Digest Of(ReadOnlySpan<byte> bytes) => From(SHA256.HashData(bytes));

    /// <summary>The digest that a finished SHA-256 stands for.</summary>
    public static Digest From(ReadOnlySpan<byte> hash) => new(Convert.ToHexStringLower(hash));

    /// <summary>Reads a digest; other algorithms than SHA-256 are not known here.</summary>
    public static bool TryParse(string? text, out Digest digest)
    {
        var ok = text is not null
            && text.Length == Prefix.Length + HexLength
            && text.StartsWith(Prefix, StringComparison.Ordinal)
            && text.AsSpan(Prefix.Length).IndexOfAnyExcept(HexDigits) < 0;
        digest = ok ? new Digest(text![Prefix.Length..]) : default;
        return ok;
    }

    /// <inheritdoc/>
    public override string ToString() => Prefix + Hex;
}
