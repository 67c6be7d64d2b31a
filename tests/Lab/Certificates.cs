using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Lab;

/// <summary>A certificate authority of one server, and that server's certificate for loopback, as PEM files in a folder.</summary>
/// <param name="CaFile">The authority's certificate: what a client is to trust.</param>
/// <param name="CertificateFile">The server's certificate.</param>
/// <param name="KeyFile">Its key (PKCS#8).</param>
public sealed record Certificates(string CaFile, string CertificateFile, string KeyFile)
{
    /// <summary>Makes both and writes them as <c>ca.pem</c>, <c>server.pem</c> and <c>server.key</c>.</summary>
    public static Certificates Write(string folder, string name)
    {
        var files = new Certificates(Path.Combine(folder, "ca.pem"), Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
        var from = DateTimeOffset.UtcNow.AddHours(-1);
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var ca = new CertificateRequest("CN=lab CA", caKey, HashAlgorithmName.SHA256);
        ca.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var caCertificate = ca.CreateSelfSigned(from, from.AddDays(2));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(caCertificate, from, from.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(files.CaFile, caCertificate.ExportCertificatePem() + "\n");
        File.WriteAllText(files.CertificateFile, certificate.ExportCertificatePem() + "\n");
        File.WriteAllText(files.KeyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
        return files;
    }

    /// <summary>The server's certificate with its key, in a form that every TLS stack takes.</summary>
    public X509Certificate2 Load()
    {
        using var pem = X509Certificate2.CreateFromPemFile(CertificateFile, KeyFile);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>A handler that trusts this authority and nobody else.</summary>
    public static SocketsHttpHandler TrustOnly(string caFile)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(caFile);
        return new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            SslOptions = new() { CertificateChainPolicy = policy },
        };
    }
}
