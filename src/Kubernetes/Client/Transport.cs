using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Kubernetes.Configuration;
using Polly;
using Polly.Retry;

namespace Kubernetes.Client;

/// <summary>A failure that may pass when the request is repeated.</summary>
internal sealed class PassingFailure(string cause, TimeSpan? wait, bool answered, Exception? inner = null) : Exception(cause, inner)
{
    /// <summary>How long the server asks to wait.</summary>
    internal TimeSpan? Wait { get; } = wait;

    /// <summary>Whether a server answered at all.</summary>
    internal bool Answered { get; } = answered;
}

/// <summary>Sends requests to one API server: TLS, who asks, repetitions, and errors in one line.</summary>
internal sealed class Transport : IDisposable
{
    private readonly ClusterAccess _access;
    private readonly ClientOptions _options;
    private readonly HttpMessageInvoker _http;
    private readonly ResiliencePipeline _repeat;

    internal Transport(ClusterAccess access, ClientOptions options)
    {
        _access = access;
        _options = options;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            // A connection that died without a word is found by pings, not by the deadline of whoever waits on it.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            EnableMultipleHttp2Connections = true,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = Validate,
                TargetHost = access.TlsServerName,
                ClientCertificates = access.ClientCertificate is null ? null : [access.ClientCertificate],
            },
        };
        _http = new HttpMessageInvoker(options.Handler(handler));
        _repeat = new ResiliencePipelineBuilder { TimeProvider = options.Time }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<PassingFailure>(),
            MaxRetryAttempts = Math.Max(1, options.Retries),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = options.FirstDelay,
            MaxDelay = options.LongestDelay,
            DelayGenerator = retry => ValueTask.FromResult(
                retry.Outcome.Exception is PassingFailure { Wait: { } wait } ? wait < options.LongestDelay ? wait : options.LongestDelay : (TimeSpan?)null),
            OnRetry = retry =>
            {
                options.Log($"{_access.Server.Authority}: {retry.Outcome.Exception!.Message}; again in {retry.RetryDelay.TotalSeconds:0.0} s");
                return ValueTask.CompletedTask;
            },
        }).Build();
    }

    /// <summary>Sends a request until it is answered in a way that stays so; the answer is a success, its body is not read yet.</summary>
    /// <param name="request">Makes the request anew for each attempt.</param>
    /// <param name="subject">The object, for messages.</param>
    /// <param name="cancellation">Stops.</param>
    internal async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, string subject, CancellationToken cancellation)
    {
        try
        {
            return await _repeat.ExecuteAsync(async token => await SendOnceAsync(request, subject, token), cancellation);
        }
        catch (PassingFailure failure)
        {
            throw failure.Answered
                ? new KubernetesException(KubernetesFault.Transient, subject, $"{failure.Message}, {_options.Retries} repetitions later still", "run again later", failure)
                : new KubernetesException(
                    KubernetesFault.Unreachable, _access.Server.Authority, failure.Message,
                    $"check the server's address in {_access.Origin}, and whether the network lets this program reach it", failure);
        }
    }

    /// <summary>An absolute address.</summary>
    internal Uri Address(string pathAndQuery) => new(_access.Server, pathAndQuery);

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> make, string subject, CancellationToken cancellation)
    {
        for (var refused = false; ; refused = true)
        {
            using var request = make();
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
            request.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            if (_access.Token is not null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await _access.Token.GetAsync(refused, cancellation));
            }

            if (_access.ActAs is { Length: > 0 } user)
            {
                request.Headers.TryAddWithoutValidation("Impersonate-User", user);
                request.Headers.TryAddWithoutValidation("Impersonate-Group", _access.ActAsGroups);
            }

            var response = await AttemptAsync(request, cancellation);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                // A token that was valid a moment ago may have been replaced: once more, with a fresh one.
                if (response.StatusCode == HttpStatusCode.Unauthorized && _access.Token is not null && !refused)
                {
                    continue;
                }

                throw await Refusals.ReadAsync(response, subject, _access, cancellation);
            }
        }
    }

    private async Task<HttpResponseMessage> AttemptAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_options.RequestTimeout);
        try
        {
            return await _http.SendAsync(request, limit.Token);
        }
        catch (OperationCanceledException fault) when (!cancellation.IsCancellationRequested)
        {
            throw new PassingFailure($"no answer within {_options.RequestTimeout.TotalSeconds:0} s", null, answered: false, fault);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            if (fault.InnerException is System.Security.Authentication.AuthenticationException)
            {
                throw new KubernetesException(
                    KubernetesFault.Denied, _access.Server.Authority, $"its certificate is not trusted: {fault.InnerException.Message}",
                    $"check certificate-authority-data in {_access.Origin}", fault);
            }

            throw new PassingFailure(fault.InnerException?.Message ?? fault.Message, null, answered: false, fault);
        }
    }

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_access.Insecure || errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (_access.Authorities is null || certificate is null || chain is null || errors != SslPolicyErrors.RemoteCertificateChainErrors)
        {
            return false;
        }

        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.CustomTrustStore.AddRange(_access.Authorities);
        own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        return own.Build((X509Certificate2)certificate);
    }
}
