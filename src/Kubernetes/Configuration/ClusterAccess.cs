using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Kubernetes.Configuration;

/// <summary>Where a cluster is and who asks.</summary>
public sealed record ClusterAccess
{
    /// <summary>The API server's address.</summary>
    public required Uri Server { get; init; }

    /// <summary>Its certificate authorities; the system's without them.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>A file of authorities that is replaced while we run: read at each connection, instead of <see cref="Authorities"/>.</summary>
    public string? AuthoritiesFile { get; init; }

    /// <summary>The proxy on the way to it; the environment's without one.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>The name in its certificate, where the address has another; requests name it as their host, too.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Takes any certificate. For labs.</summary>
    public bool Insecure { get; init; }

    /// <summary>The certificate that shows who asks, and those that lead to its authority.</summary>
    public SslStreamCertificateContext? ClientCertificate { get; init; }

    /// <summary>Gives the token that shows who asks, a fresh one when the last was refused; null for none.</summary>
    public ITokenSource? Token { get; init; }

    /// <summary>Whom to act as, where the user may (impersonation).</summary>
    public string? ActAs { get; init; }

    /// <summary>Groups to act in.</summary>
    public IReadOnlyList<string> ActAsGroups { get; init; } = [];

    /// <summary>The uid to act with.</summary>
    public string? ActAsUid { get; init; }

    /// <summary>What else is told of whom to act as.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> ActAsExtra { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>The namespace of whoever names none.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>Where this comes from, for messages: a file's path and a context, or the pod's ServiceAccount.</summary>
    public string Origin { get; init; } = "";

    /// <summary>The authorities as they are now.</summary>
    internal X509Certificate2Collection? CurrentAuthorities()
    {
        try
        {
            return AuthoritiesFile is null ? Authorities : PemFiles.Certificates(AuthoritiesFile, File.ReadAllText(AuthoritiesFile));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or KubernetesException)
        {
            // It is being replaced, or gone: what was good at the start has to do.
            return Authorities;
        }
    }
}

/// <summary>Gives bearer tokens.</summary>
public interface ITokenSource
{
    /// <summary>A token; empty for none.</summary>
    /// <param name="refused">Whether the server refused the last one: no cached one then.</param>
    /// <param name="cancellation">Stops.</param>
    ValueTask<string> GetAsync(bool refused, CancellationToken cancellation);
}

/// <summary>Gives bearer tokens, client certificates, or both.</summary>
internal interface ICredentialSource : ITokenSource
{
    /// <summary>What shows who asks.</summary>
    /// <param name="refused">The one that the server has refused: not this one then, but perhaps one that has come since; null for none.</param>
    /// <param name="cancellation">Stops.</param>
    ValueTask<Credential> CredentialAsync(Credential? refused, CancellationToken cancellation);
}

/// <summary>Shows who asks. Two with the same content are not the same: what one was refused for, the other may be granted.</summary>
/// <param name="token">A bearer token, "" for none.</param>
/// <param name="certificate">A certificate, the same object as long as it is the same certificate; null for none.</param>
/// <param name="ends">When it is of no use any more; null where that is not known.</param>
internal sealed class Credential(string token, SslStreamCertificateContext? certificate, DateTimeOffset? ends)
{
    internal string Token => token;

    internal SslStreamCertificateContext? Certificate => certificate;

    internal DateTimeOffset? Ends => ends;
}
