using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kubernetes.Configuration;

/// <summary>Certificates and keys in PEM (RFC 7468).</summary>
internal static class PemFiles
{
    /// <summary>Certificates of authorities.</summary>
    internal static X509Certificate2Collection Certificates(string origin, string pem)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (CryptographicException fault)
        {
            throw new KubernetesException(KubernetesFault.Usage, origin, $"the certificate authority is no PEM: {fault.Message}", "", fault);
        }

        return all.Count > 0
            ? all
            : throw new KubernetesException(KubernetesFault.Usage, origin, "the certificate authority has no certificate in it", "it must be PEM: -----BEGIN CERTIFICATE-----");
    }

    /// <summary>A client's certificate with its key; certificates that follow it are shown to the server too, which may know only who signed those.</summary>
    internal static SslStreamCertificateContext WithKey(string origin, string certificate, string key, TimeProvider time)
    {
        X509Certificate2 made;
        var rest = new X509Certificate2Collection();
        try
        {
            made = X509Certificate2.CreateFromPem(certificate, key);
            rest.ImportFromPem(certificate);
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            throw new KubernetesException(KubernetesFault.Usage, origin, $"the client certificate and its key don't fit: {fault.Message}", "", fault);
        }

        if (made.NotAfter.ToUniversalTime() < time.GetUtcNow().UtcDateTime)
        {
            var end = made.NotAfter.ToUniversalTime();
            made.Dispose();
            throw new KubernetesException(
                KubernetesFault.Denied, origin, $"the client certificate has expired on {end:yyyy-MM-dd HH:mm:ss}Z", "get a new kubeconfig from whoever made this one");
        }

        rest.RemoveAt(0);
        return SslStreamCertificateContext.Create(made, rest, offline: true);
    }
}
