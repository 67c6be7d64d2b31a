using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace LocalCluster.Api;

/// <summary>What the server keeps beside its objects, in files that only its owner may read: CA, certificate, the administrator's token, the key of tokens, its port.</summary>
internal sealed class ServerKeys(string folder, TimeProvider time)
{
    private static readonly TimeSpan Renewal = TimeSpan.FromDays(30);

    internal string CaFile => Path.Combine(folder, "ca.crt");

    internal string AdminToken => Encoding.ASCII.GetString(Keep("admin.token", () => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)))));

    internal byte[] TokenKey => Keep("token.key", () => RandomNumberGenerator.GetBytes(32));

    /// <summary>The port of last time.</summary>
    internal int? Port
    {
        get => File.Exists(Path.Combine(folder, "port")) && int.TryParse(File.ReadAllText(Path.Combine(folder, "port")), NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : null;
        set => Write(Path.Combine(folder, "port"), Encoding.ASCII.GetBytes($"{value}"));
    }

    /// <summary>The server's certificate; CA and certificate are made anew where they are missing, damaged, or about to end.</summary>
    internal X509Certificate2 Certificate()
    {
        var now = time.GetUtcNow();
        using var authority = Load("ca") is { } found && End(found) > now + Renewal ? found : MakeAuthority(now);
        if (Load("server") is { } certificate)
        {
            if (End(certificate) > now + Renewal && certificate.Issuer == authority.Subject && IsSignedBy(certificate, authority, now))
            {
                return certificate;
            }

            certificate.Dispose();
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=local-cluster", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var made = request.Create(authority, now.AddHours(-1), Earlier(now.AddYears(1), End(authority)), RandomNumberGenerator.GetBytes(16));
        Save("server", made, key);
        return Load("server")!;
    }

    /// <summary>The administrator's kubeconfig; written again only when it changes.</summary>
    internal string WriteKubeconfig(string path, string url)
    {
        var text = $"""
            apiVersion: v1
            kind: Config
            current-context: local-cluster
            clusters:
            - name: local-cluster
              cluster:
                server: {url}
                certificate-authority-data: {Convert.ToBase64String(File.ReadAllBytes(CaFile))}
            contexts:
            - name: local-cluster
              context:
                cluster: local-cluster
                user: local-cluster-admin
            users:
            - name: local-cluster-admin
              user:
                token: {AdminToken}

            """;
        if (!File.Exists(path) || File.ReadAllText(path) != text)
        {
            Write(path, Encoding.UTF8.GetBytes(text));
        }

        return path;
    }

    private static DateTimeOffset End(X509Certificate2 certificate) => new(certificate.NotAfter);

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private static bool IsSignedBy(X509Certificate2 certificate, X509Certificate2 authority, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(certificate);
    }

    private X509Certificate2 MakeAuthority(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        // A name of its own: clients that trusted an older one must not take this for it.
        var request = new CertificateRequest($"CN=local-cluster CA {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        using var made = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(10));
        Save("ca", made, key);
        return Load("ca")!;
    }

    private X509Certificate2? Load(string name)
    {
        try
        {
            using var pair = X509Certificate2.CreateFromPemFile(Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
            return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
        }
        catch (Exception fault) when (fault is IOException or CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    private void Save(string name, X509Certificate2 certificate, ECDsa key)
    {
        Write(Path.Combine(folder, $"{name}.key"), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        Write(Path.Combine(folder, $"{name}.crt"), Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"));
    }

    private byte[] Keep(string name, Func<byte[]> make)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            Write(path, make());
        }

        return File.ReadAllBytes(path);
    }

    /// <summary>As a whole or not at all, and never readable for others.</summary>
    private static void Write(string path, byte[] content)
    {
        var made = path + ".new";
        File.Delete(made);
        using (var file = new FileStream(made, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            file.Write(content);
        }

        File.Move(made, path, overwrite: true);
    }
}
