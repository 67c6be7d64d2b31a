using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kubernetes.Configuration;

namespace Kubernetes.Client;

/// <summary>
/// Whether a certificate is the API server's. Where the configuration names authorities, they alone decide: what the system trusts for the
/// rest of the world says nothing about a cluster. Any certificate among them is an anchor, also an intermediate one, as in client-go
/// (Go's crypto/x509, VerifyOptions.Roots).
/// </summary>
internal sealed class ServerTrust(ClusterAccess access)
{
    /// <summary>Extended key usage of TLS servers, id-kp-serverAuth (RFC 5280, 4.2.1.12): a cluster's authority signs clients as well.</summary>
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Why the last certificate was not trusted; null while it was.</summary>
    internal string? Distrust { get; private set; }

    private bool HasAuthorities => access.Authorities is not null || access.AuthoritiesFile is not null;

    /// <summary>How the platform looks at a server's certificate before we do: without fetching what a certificate that nobody knows asks to fetch.</summary>
    internal X509ChainPolicy? PlatformPolicy() => HasAuthorities || access.Insecure
        ? new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true }
        : null;

    /// <summary>Judges; the signature is that of a <see cref="RemoteCertificateValidationCallback"/>.</summary>
    internal bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Distrust = access.Insecure ? null : Objection(certificate, chain, errors);
        return Distrust is null;
    }

    private string? Objection(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 server || chain is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return "it has none";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"it is for another name ({Refusals.Printable(server.Subject)}); tls-server-name tells the one that is meant";
        }

        if (!HasAuthorities)
        {
            return errors == SslPolicyErrors.None ? null : Words(chain);
        }

        if (access.CurrentAuthorities() is not { Count: > 0 } authorities)
        {
            return "the configured authorities can't be read";
        }

        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.DisableCertificateDownloads = true;
        own.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        own.ChainPolicy.CustomTrustStore.AddRange(authorities);
        own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);

        // This takes away one objection only, that the chain does not end in a root we know; signatures, times, purposes and who may sign are
        // judged still. Whether we know one of the chain is then asked here.
        own.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        return own.Build(server) && own.ChainElements.Any(element => authorities.Any(known => known.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)))
            ? null
            : Words(own);
    }

    private static string Words(X509Chain chain) =>
        string.Join(", ", chain.ChainStatus.Select(status => Refusals.Printable(status.StatusInformation)).Where(text => text.Length > 0).Distinct()) is { Length: > 0 } words
            ? words : "nobody known has signed it";
}
