namespace GoldenImages;

/// <summary>What may be the name of an object (Kubernetes, "Object Names and IDs"), checked before any request.</summary>
public static class ObjectName
{
    private const int LongestSubdomain = 253, LongestLabel = 63;

    /// <summary>What is wrong with the name of a claim, DataVolume, DataSource or snapshot (an RFC 1123 subdomain); null when nothing is.</summary>
    public static string? Mistake(string name) =>
        name.Length is > 0 and <= LongestSubdomain && name.Split('.').All(IsLabel)
            ? null
            : $"this is no object's name: up to {LongestSubdomain} of a-z, 0-9, '-' and '.', a letter or digit first and last in each part";

    /// <summary>What is wrong with a namespace's name (an RFC 1123 label); null when nothing is.</summary>
    public static string? NamespaceMistake(string name) =>
        name.Length <= LongestLabel && IsLabel(name)
            ? null
            : $"this is no namespace's name: up to {LongestLabel} of a-z, 0-9 and '-', a letter or digit first and last";

    private static bool IsLabel(string part) =>
        part.Length > 0 && part[0] != '-' && part[^1] != '-' && part.All(c => char.IsAsciiDigit(c) || char.IsAsciiLetterLower(c) || c == '-');
}
