using System.Text.RegularExpressions;
using Steps.OnCluster.Sources;

namespace Steps.CloneSource;

/// <summary>A source outside the cluster: a container disk (<c>docker://</c>), or a disk image on a web server.</summary>
internal static partial class SourceAddress
{
    /// <summary>It is a result, too, and has to fit beside ten others.</summary>
    private const int Longest = 400;

    /// <summary>What is wrong with an address; null when nothing is.</summary>
    internal static string? Mistake(string url)
    {
        if (url.Length > Longest || url.Any(c => c is <= ' ' or >= (char)0x7f))
        {
            return $"an address has at most {Longest} characters, no blanks, and no letters beyond ASCII";
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("docker" or "https" or "http") || address.Host.Length == 0)
        {
            return "it is none of docker://registry/repository@sha256:..., https://... and http://...";
        }

        // All of it stands in the volume's annotations, in results and in logs, and a query is where web servers take signatures and tokens.
        if (address.UserInfo.Length > 0)
        {
            return "an address with a password in it stands where others can read it: use source-secret";
        }

        return url.AsSpan().ContainsAny('?', '#')
            ? "what follows ? or # may be a signature, and an address stands where others can read it: use source-secret, or an address without it"
            : null;
    }

    /// <summary>What is behind an address, as far as it says.</summary>
    internal static SourceIdentity Identity(string url)
    {
        var reference = url.StartsWith("docker://", StringComparison.Ordinal) ? url["docker://".Length..] : url;
        var digest = DigestPattern().Match(reference);
        return new SourceIdentity(digest.Success ? digest.Groups["digest"].Value : "", reference, null);
    }

    [GeneratedRegex(@"@(?<digest>sha256:[0-9a-f]{64})\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DigestPattern();
}
