using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Lab;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Kubernetes.Tests.Configuration;

/// <summary>Client certificates, and a server that wants one and answers every list with an empty one.</summary>
internal static class ClientCertificate
{
    public static (string Certificate, string Key) Make(int days, string? address = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=alice", key, HashAlgorithmName.SHA256);
        if (address is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Parse(address));
            request.CertificateExtensions.Add(names.Build());
        }

        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(days));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>A certificate of an intermediate authority, with that authority's after it.</summary>
    public static (string Certificate, string Key) MakeChain()
    {
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(1));
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var middle = new CertificateRequest("CN=middle", middleKey, HashAlgorithmName.SHA256);
        middle.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var middleCertificate = middle.Create(
            new X500DistinguishedName("CN=root"), X509SignatureGenerator.CreateForECDsa(rootKey), from, until, RandomNumberGenerator.GetBytes(8));
        using var certificate = new CertificateRequest("CN=alice", key, HashAlgorithmName.SHA256).Create(
            middleCertificate.SubjectName, X509SignatureGenerator.CreateForECDsa(middleKey), from, until, RandomNumberGenerator.GetBytes(8));
        return ($"{certificate.ExportCertificatePem()}\n{middleCertificate.ExportCertificatePem()}\n", key.ExportPkcs8PrivateKeyPem());
    }

    public static async Task<WantingServer> ServeAsync(Scratch scratch)
    {
        var server = new WantingServer(Certificates.Write(scratch.Folder, "wants a certificate"));
        await server.StartAsync();
        return server;
    }

    internal sealed class WantingServer : IAsyncDisposable
    {
        private readonly WebApplication _server;

        public WantingServer(Certificates files)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
            {
                https.ServerCertificate = files.Load();
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (_, chain, _) =>
                {
                    Shown = [.. chain?.ChainPolicy.ExtraStore.Select(one => one.Subject) ?? []];
                    return true;
                };
            })));
            _server = builder.Build();
            _server.Run(async context =>
            {
                Seen = context.Connection.ClientCertificate?.Subject;
                await context.Response.WriteAsync("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[]}""");
            });
        }

        public string Url => _server.Urls.First();

        public string? Seen { get; private set; }

        /// <summary>What the last client showed with its certificate.</summary>
        public IReadOnlyList<string> Shown { get; private set; } = [];

        public Task StartAsync() => _server.StartAsync();

        public ValueTask DisposeAsync() => _server.DisposeAsync();
    }
}
