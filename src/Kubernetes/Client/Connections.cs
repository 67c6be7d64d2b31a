using System.Net;
using System.Net.Security;
using Kubernetes.Configuration;

namespace Kubernetes.Client;

/// <summary>Connections to one API server: TLS, HTTP/2, whom we trust. They are pooled, for each client certificate apart.</summary>
internal sealed class Connections(ClusterAccess access, ClientOptions options) : IDisposable
{
    internal static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private readonly List<HttpMessageInvoker> _all = [];
    private readonly ServerTrust _trust = new(access);
    private SslStreamCertificateContext? _certificate;

    /// <summary>Why the server's certificate was not trusted last; null while it was.</summary>
    internal string? Distrust => _trust.Distrust;

    /// <summary>The connections that show a certificate; null for none.</summary>
    internal HttpMessageInvoker With(SslStreamCertificateContext? certificate)
    {
        lock (_lock)
        {
            if (_all.Count == 0 || !ReferenceEquals(_certificate, certificate))
            {
                // Watches on the connections of the last certificate go on: those are closed at the end.
                _certificate = certificate;
                _all.Add(new HttpMessageInvoker(options.Handler(Handler(certificate))));
            }

            return _all[^1];
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _all.ForEach(one => one.Dispose());
        }
    }

    private SocketsHttpHandler Handler(SslStreamCertificateContext? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectTimeout = ConnectTimeout,
            // A connection that died without a word is found by pings, not by the deadline of whoever waits on it.
            KeepAlivePingDelay = options.PingDelay,
            KeepAlivePingTimeout = options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            EnableMultipleHttp2Connections = true,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = _trust.Validate,
                CertificateChainPolicy = _trust.PlatformPolicy(),
                ClientCertificateContext = certificate,
            },
        };
        if (access.Proxy is not null)
        {
            // .NET names the proxy in its messages: not with the password.
            handler.Proxy = new WebProxy(new UriBuilder(access.Proxy) { UserName = "", Password = "" }.Uri)
            {
                Credentials = access.Proxy.UserInfo.Split(':', 2) is [{ Length: > 0 } user, .. var rest]
                    ? new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(rest.FirstOrDefault() ?? "")) : null,
            };
        }

        return handler;
    }
}
