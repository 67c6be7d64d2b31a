using System.Security.Cryptography.X509Certificates;

namespace Kubernetes.Configuration;

/// <summary>Where a cluster is and who asks.</summary>
public sealed record ClusterAccess
{
    /// <summary>The API server's address.</summary>
    public required Uri Server { get; init; }

    /// <summary>Its certificate authorities; the system's without them.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>The name in its certificate, where the address has another.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Takes any certificate. For labs.</summary>
    public bool Insecure { get; init; }

    /// <summary>The certificate that shows who asks.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Gives the token that shows who asks, a fresh one when the last was refused; null for none.</summary>
    public ITokenSource? Token { get; init; }

    /// <summary>Whom to act as, where the user may (impersonation).</summary>
    public string? ActAs { get; init; }

    /// <summary>Groups to act in.</summary>
    public IReadOnlyList<string> ActAsGroups { get; init; } = [];

    /// <summary>The namespace of whoever names none.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>Where this comes from, for messages: a file's path and a context, or the pod's ServiceAccount.</summary>
    public string Origin { get; init; } = "";
}

/// <summary>Gives bearer tokens.</summary>
public interface ITokenSource
{
    /// <summary>A token.</summary>
    /// <param name="refused">Whether the server refused the last one: no cached one then.</param>
    /// <param name="cancellation">Stops.</param>
    ValueTask<string> GetAsync(bool refused, CancellationToken cancellation);
}
