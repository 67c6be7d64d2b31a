using System.Security.Cryptography;
using System.Text;

namespace GoldenImages;

/// <summary>What may stand as a label's value: at most 63 of <c>[A-Za-z0-9._-]</c>, a letter or digit first and last (Kubernetes, "Labels and Selectors").</summary>
public static class LabelValue
{
    /// <summary>The longest value, in characters.</summary>
    public const int Longest = 63;

    private const int HashLength = 8;

    /// <summary>What is wrong with a value; null when nothing is. An empty value is allowed.</summary>
    public static string? Mistake(string value)
    {
        if (value.Length > Longest)
        {
            return $"it has {value.Length} characters, and a label's value has at most {Longest}";
        }

        var isRight = value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            && (value.Length == 0 || (char.IsAsciiLetterOrDigit(value[0]) && char.IsAsciiLetterOrDigit(value[^1])));
        return isRight ? null : "a label's value has letters, digits, '.', '_' and '-', a letter or digit first and last";
    }

    /// <summary>
    /// An object's name as a label's value: the name itself, or where that is too long its beginning and eight hexadecimal
    /// digits of its SHA-256.
    /// </summary>
    /// <param name="objectName">A DNS subdomain (RFC 1123), at most 253 characters.</param>
    public static string Of(string objectName) => Shorten(objectName, Longest);

    /// <summary>A name of at most <paramref name="longest"/> characters that differs where names differ (as far as 32 bits do).</summary>
    internal static string Shorten(string name, int longest) => name.Length <= longest
        ? name
        : $"{name[..(longest - HashLength - 1)].TrimEnd('.', '-')}-{Hash(name)}";

    /// <summary>The first eight hexadecimal digits of the SHA-256 of a text.</summary>
    internal static string Hash(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashLength];
}
