using System.Text.RegularExpressions;

namespace Registry;

/// <summary>
/// Names an image: <c>[host[:port]/]repository[:tag][@digest]</c>, as docker and podman read it. Without a host it is
/// on docker.io, and a one-word name there is in <c>library/</c>; without tag and digest the tag is <c>latest</c>.
/// </summary>
/// <param name="Host">Host and perhaps port, as the user names it.</param>
/// <param name="Repository">The path in it (OCI distribution spec, "Pulling manifests": at most 255 characters).</param>
/// <param name="Tag">The tag; null when only a digest is given.</param>
/// <param name="Digest">The digest, if given: what is pulled then.</param>
public sealed partial record ImageReference(string Host, string Repository, string? Tag, Digest? Digest)
{
    private const string DockerHub = "docker.io";
    private const int MaxLength = 255;

    /// <summary>Host and repository: the image without tag and digest.</summary>
    public string Name => $"{Host}/{Repository}";

    /// <summary>What is asked for: the digest if given, else the tag.</summary>
    public string Pointer => Digest?.ToString() ?? Tag!;

    /// <summary>The server that answers for <see cref="Host"/>.</summary>
    public string Server => Host == DockerHub ? "registry-1.docker.io" : Host;

    /// <summary>Reads a reference.</summary>
    /// <exception cref="RegistryException">It is none.</exception>
    public static ImageReference Parse(string text)
    {
        RegistryException Wrong(string cause) => new(
            RegistryFault.Usage, $"image \"{text}\"", cause, "name it as host/repository:tag, for example quay.io/example/golden:1");

        if (text.Contains("://", StringComparison.Ordinal))
        {
            throw Wrong("a reference has no scheme");
        }

        var rest = text;
        Digest? digest = null;
        var at = rest.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            digest = Registry.Digest.TryParse(rest[(at + 1)..], out var parsed) ? parsed : throw Wrong("its digest is no sha256 digest");
            rest = rest[..at];
        }

        string? tag = null;
        var colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!TagPattern().IsMatch(tag))
            {
                throw Wrong("its tag is not valid");
            }
        }

        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : rest[..slash];
        var hasHost = first.AsSpan().ContainsAny('.', ':') || first == "localhost" || first.Any(char.IsAsciiLetterUpper);
        var host = hasHost ? first : DockerHub;
        var repository = hasHost ? rest[(slash + 1)..] : rest;
        host = host == "index.docker.io" ? DockerHub : host;
        if (host == DockerHub && repository.Length > 0 && !repository.Contains('/', StringComparison.Ordinal))
        {
            repository = "library/" + repository;
        }

        if (!HostPattern().IsMatch(host))
        {
            throw Wrong("its host is not valid");
        }

        if (repository.Length + host.Length >= MaxLength || !RepositoryPattern().IsMatch(repository))
        {
            throw Wrong("its repository is not valid (lower case letters, digits, and . _ - / between them)");
        }

        return new ImageReference(host, repository, tag ?? (digest is null ? "latest" : null), digest);
    }

    /// <summary>Whether a text can be a tag.</summary>
    public static bool IsTag(string text) => TagPattern().IsMatch(text);

    /// <summary>The same repository with another tag.</summary>
    public ImageReference WithTag(string tag) => this with { Tag = tag, Digest = null };

    /// <inheritdoc/>
    public override string ToString() =>
        Name + (Tag is null ? "" : ":" + Tag) + (Digest is null ? "" : "@" + Digest);

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"\A([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"\A[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex RepositoryPattern();
}
