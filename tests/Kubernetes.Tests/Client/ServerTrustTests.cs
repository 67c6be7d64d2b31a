using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kubernetes.Client;
using Kubernetes.Configuration;

namespace Kubernetes.Tests.Client;

/// <summary>Whom the client takes for the API server.</summary>
public sealed class ServerTrustTests
{
    private const string Server = "1.3.6.1.5.5.7.3.1";
    private const string Client = "1.3.6.1.5.5.7.3.2";

    private static readonly Issued Root = Issued.Authority("cluster CA", null);
    private static readonly Issued Intermediate = Issued.Authority("intermediate", Root);
    private static readonly Issued Stranger = Issued.Authority("public CA", null);

    [Fact]
    public void A_certificate_that_the_system_trusts_is_none_of_a_cluster_with_an_authority_of_its_own()
    {
        var server = Issued.Leaf(Stranger, Server);
        Assert.NotNull(Distrust(server, SslPolicyErrors.None, [Root]));
        Assert.Null(Distrust(server, SslPolicyErrors.None, null));
        Assert.NotNull(Distrust(server, SslPolicyErrors.RemoteCertificateChainErrors, null));

        // An authority of the same name, signing in the name of the real one.
        Assert.NotNull(Distrust(Issued.Leaf(Issued.Authority("cluster CA", null), Server), SslPolicyErrors.None, [Root]));
    }

    [Fact]
    public void A_certificate_of_the_authority_is_taken_for_servers_only_and_for_the_name_only()
    {
        var untrusted = SslPolicyErrors.RemoteCertificateChainErrors;
        Assert.Null(Distrust(Issued.Leaf(Root, Server), untrusted, [Root]));
        Assert.Null(Distrust(Issued.Leaf(Root, null), untrusted, [Root]));
        Assert.Null(Distrust(Issued.Leaf(Root, Server), untrusted, [Stranger, Root]));
        Assert.NotNull(Distrust(Issued.Leaf(Root, Client), untrusted, [Root]));
        Assert.NotNull(Distrust(Issued.Leaf(Root, Client), SslPolicyErrors.None, [Root]));
        Assert.Contains("another name", Distrust(Issued.Leaf(Root, Server), SslPolicyErrors.RemoteCertificateNameMismatch, [Root]), StringComparison.Ordinal);
        Assert.Contains("another name", Distrust(Issued.Leaf(Root, Server), SslPolicyErrors.RemoteCertificateNameMismatch, null), StringComparison.Ordinal);
        Assert.NotNull(Distrust(Issued.Leaf(Root, Server, days: -1), untrusted, [Root]));
    }

    [Fact]
    public void Any_certificate_among_the_authorities_is_an_anchor_and_what_it_has_not_signed_is_refused()
    {
        var server = Issued.Leaf(Intermediate, Server);
        var untrusted = SslPolicyErrors.RemoteCertificateChainErrors;
        Assert.Null(Distrust(server, untrusted, [Intermediate]));
        Assert.Null(Distrust(server, untrusted, [Intermediate], Root));
        Assert.Null(Distrust(server, untrusted, [Root], Intermediate));
        Assert.Null(Distrust(server, untrusted, [server]));
        Assert.NotNull(Distrust(server, untrusted, [Root]));
        Assert.NotNull(Distrust(server, untrusted, [Stranger], Intermediate, Root));
        Assert.NotNull(Distrust(Issued.Leaf(Root, Server), untrusted, [Intermediate], Root));
        Assert.NotNull(Distrust(Issued.Leaf(Intermediate, Client), untrusted, [Intermediate]));
        Assert.NotNull(Distrust(Issued.Leaf(Intermediate, Server, days: -1), untrusted, [Intermediate]));

        // The intermediate's name, but not its key; a server that signs for another; an anchor that is shown but has no part in it.
        Assert.NotNull(Distrust(Issued.Leaf(Issued.Authority("intermediate", Stranger), Server), untrusted, [Intermediate], Intermediate));
        Assert.NotNull(Distrust(Issued.Leaf(server, Server), untrusted, [Intermediate], server));
        Assert.NotNull(Distrust(Issued.Leaf(server, Server), untrusted, [Intermediate], server, Intermediate));
        Assert.NotNull(Distrust(Issued.Leaf(Stranger, Server), untrusted, [Intermediate], Intermediate, Root));
        Assert.NotNull(Distrust(Issued.Leaf(Stranger, Server), untrusted, [Intermediate], Stranger));
    }

    [Fact]
    public void Authorities_that_are_gone_are_no_reason_to_trust_the_system()
    {
        var trust = new ServerTrust(new ClusterAccess { Server = new Uri("https://a/"), AuthoritiesFile = "/nonexistent/ca.crt" });
        using var chain = new X509Chain();
        Assert.False(trust.Validate(this, Issued.Leaf(Root, Server).Certificate, chain, SslPolicyErrors.None));
        Assert.Contains("can't be read", trust.Distrust, StringComparison.Ordinal);
    }

    /// <summary>Why a server that shows a certificate, and some more with it, is not trusted; null when it is.</summary>
    private static string? Distrust(Issued server, SslPolicyErrors errors, Issued[]? authorities, params Issued[] shown)
    {
        var trust = new ServerTrust(new ClusterAccess
        {
            Server = new Uri("https://a/"),
            Authorities = authorities is null ? null : [.. authorities.Select(one => one.Certificate)],
        });
        using var chain = new X509Chain();
        chain.ChainPolicy.ExtraStore.AddRange(shown.Select(one => one.Certificate).ToArray());
        Assert.Equal(trust.Validate(server, server.Certificate, chain, errors), trust.Distrust is null);
        return trust.Distrust;
    }

    private sealed record Issued(X509Certificate2 Certificate, ECDsa Key)
    {
        public static Issued Authority(string name, Issued? issuer) => Make(name, issuer, 1, new X509BasicConstraintsExtension(true, false, 0, true));

        public static Issued Leaf(Issued issuer, string? purpose, int days = 1) =>
            Make("127.0.0.1", issuer, days, purpose is null ? null : new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));

        private static Issued Make(string name, Issued? issuer, int days, X509Extension? extension)
        {
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            if (extension is not null)
            {
                request.CertificateExtensions.Add(extension);
            }

            var (from, until) = (DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(days));
            return new Issued(
                issuer is null
                    ? request.CreateSelfSigned(from, until)
                    : request.Create(issuer.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer.Key), from, until, RandomNumberGenerator.GetBytes(8)),
                key);
        }
    }
}
