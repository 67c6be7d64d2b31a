using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Polly;
using Polly.Retry;

namespace Registry;

/// <summary>A failure that may pass when the request is repeated.</summary>
internal sealed class PassingFailure(string cause, TimeSpan? wait, Exception? inner, bool answered) : Exception(cause, inner)
{
    /// <summary>How long the registry asks to wait (Retry-After).</summary>
    internal TimeSpan? Wait { get; } = wait;

    /// <summary>Whether a server answered at all.</summary>
    internal bool Answered { get; } = answered;
}

/// <summary>Sends requests to one registry: TLS, authentication, redirects, repetitions, and errors in one line.</summary>
internal sealed class Transport : IDisposable
{
    /// <summary>How much longer than others a request may take.</summary>
    internal static readonly HttpRequestOptionsKey<TimeSpan> MorePatience = new("more-patience");

    private const int MaxRedirects = 5;
    private const int MaxErrorBody = 64 << 10;
    private readonly RegistryOptions _options;
    private readonly SocketsHttpHandler _handler;
    private readonly HttpMessageInvoker _http;
    private readonly ResiliencePipeline _repeat;
    private readonly string _subject;
    private readonly Authenticator _authenticator;

    internal Transport(ImageReference image, RegistryAccess access, RegistryOptions options)
    {
        _options = options;
        _subject = image.Host;
        _handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            UseCookies = false,
            MaxResponseHeadersLength = 64,
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = Validator(options) },
        };
        _http = new HttpMessageInvoker(_handler);
        _repeat = new ResiliencePipelineBuilder { TimeProvider = options.Time }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<PassingFailure>(),
            MaxRetryAttempts = Math.Max(1, options.Retries),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = options.FirstDelay,
            MaxDelay = options.LongestDelay,
            DelayGenerator = retry => ValueTask.FromResult(
                retry.Outcome.Exception is PassingFailure { Wait: { } wait } ? Shorter(wait, options.LongestDelay) : (TimeSpan?)null),
            OnRetry = retry =>
            {
                options.Log($"{_subject}: {retry.Outcome.Exception!.Message}; again in {retry.RetryDelay.TotalSeconds:0.0} s");
                return ValueTask.CompletedTask;
            },
        }).Build();
        var credential = options.DockerConfig is { Length: > 0 } file ? DockerConfig.Find(file, image) : null;
        var scope = $"repository:{image.Repository}:{(access == RegistryAccess.Push ? "pull,push" : "pull")}";
        _authenticator = new Authenticator(credential, scope, options.Insecure, options.Time, ReadAsync);
        Credential = credential;
        Base = new Uri($"https://{image.Server}/");
    }

    /// <summary>Scheme, host and port.</summary>
    internal Uri Base { get; set; }

    /// <summary>Who asks; null for anonymous.</summary>
    internal Credential? Credential { get; }

    /// <summary>Sends a request, again and again while it fails in a way that may pass.</summary>
    /// <param name="request">Makes the request anew for each attempt.</param>
    /// <param name="cancel">Stops.</param>
    /// <returns>The answer, whatever its status but those that are worth repeating; its body is not read yet.</returns>
    internal Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancel) =>
        RepeatAsync(token => SendOnceAsync(request, token), cancel);

    /// <summary>Does something again while it throws <see cref="PassingFailure"/>.</summary>
    internal async Task<T> RepeatAsync<T>(Func<CancellationToken, Task<T>> action, CancellationToken cancel)
    {
        try
        {
            return await _repeat.ExecuteAsync(async token => await action(token), cancel);
        }
        catch (PassingFailure failure)
        {
            throw failure.Answered
                ? new RegistryException(RegistryFault.Transient, _subject, $"{failure.Message}, {_options.Retries} repetitions later still", "run again later", failure)
                : new RegistryException(RegistryFault.Unreachable, _subject, failure.Message, "check the host name, the port, and whether the network lets this pod reach it", failure);
        }
    }

    /// <summary>
    /// Whether a failure shows that no TLS is spoken at an address: nobody listens, or what listens says something else.
    /// Silence and an answer over HTTP show no such thing.
    /// </summary>
    internal static bool ShowsNoTls(Exception failure) =>
        failure is PassingFailure or RegistryException { Kind: RegistryFault.Unreachable }
        && failure.InnerException is HttpRequestException error
        && (error.HttpRequestError == HttpRequestError.SecureConnectionError
            || error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused });

    /// <summary>One attempt, with authentication and redirects.</summary>
    internal async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> request, CancellationToken cancel)
    {
        var asked = false;
        while (true)
        {
            var header = await _authenticator.HeaderAsync(SendBareAsync, cancel);
            var answer = await FollowAsync(request, header, cancel);

            // Only the registry itself may say where its credentials go; not the storage that it redirects to.
            if (answer.StatusCode != HttpStatusCode.Unauthorized || asked || !SameServer(answer.RequestMessage!.RequestUri!, Base))
            {
                return answer;
            }

            asked = true;
            bool again;
            try
            {
                again = await _authenticator.LearnAsync(answer, header, SendBareAsync, cancel);
            }
            catch
            {
                answer.Dispose();
                throw;
            }

            if (!again)
            {
                return answer;
            }

            answer.Dispose();
        }
    }

    /// <summary>What a refusal means, in one line. The answer is disposed.</summary>
    internal async Task<RegistryException> FailureAsync(HttpResponseMessage answer, string subject, CancellationToken cancel)
    {
        using (answer)
        {
            var said = await DescribeAsync(answer, cancel);
            var status = (int)answer.StatusCode;
            return answer.StatusCode switch
            {
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new RegistryException(
                    RegistryFault.Denied,
                    subject,
                    Credential is null ? $"the registry wants credentials ({status}{said})" : $"the registry refuses user \"{Credential.User}\" ({status}{said})",
                    "give a docker-config with credentials that may do this"),
                HttpStatusCode.NotFound => new RegistryException(RegistryFault.NotFound, subject, $"the registry does not have it ({status}{said})", "check the name and the tag"),
                _ => new RegistryException(RegistryFault.Protocol, subject, $"the registry answered {status}{said}", "check that this is an OCI registry that accepts this image"),
            };
        }
    }

    /// <summary>Reads the body of an answer, up to a limit; one that breaks off or stays silent is a failure that may pass.</summary>
    internal async Task<byte[]> ReadAsync(HttpContent content, int limit, string subject, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(_options.Patience);
        try
        {
            return await Limited.ReadAsync(content, limit, subject, patience.Token);
        }
        catch (Exception error) when (error is IOException or HttpRequestException
            || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new PassingFailure($"the answer broke off: {error.Message}", null, error, answered: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _authenticator.Dispose();
        _handler.Dispose();
    }

    /// <summary>Follows redirects of reads; credentials never leave the host they are for (RFC 9110, section 15.4).</summary>
    private async Task<HttpResponseMessage> FollowAsync(
        Func<HttpRequestMessage> make, AuthenticationHeaderValue? header, CancellationToken cancel)
    {
        var target = (Uri?)null;
        for (var hop = 0; ; hop++)
        {
            var answer = await SendBareAsync(
                () =>
                {
                    var request = make();
                    request.RequestUri = target ?? request.RequestUri!;
                    request.Headers.Authorization = SameServer(request.RequestUri, Base) ? header : null;
                    return request;
                },
                cancel);
            var read = answer.RequestMessage!.Method == HttpMethod.Get || answer.RequestMessage.Method == HttpMethod.Head;
            if (!read || (int)answer.StatusCode is not (301 or 302 or 303 or 307 or 308) || answer.Headers.Location is not { } location)
            {
                return answer;
            }

            var from = answer.RequestMessage.RequestUri!;
            answer.Dispose();
            target = new Uri(from, location);
            if (hop >= MaxRedirects || target.Scheme is not ("https" or "http") || (target.Scheme == "http" && from.Scheme == "https" && !_options.Insecure))
            {
                throw new RegistryException(RegistryFault.Protocol, _subject, "the registry redirects too often, or from HTTPS to plain HTTP", "check the registry");
            }
        }
    }

    private async Task<HttpResponseMessage> SendBareAsync(Func<HttpRequestMessage> make, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var request = make();
        request.Headers.UserAgent.ParseAdd("golden-image-tasks");
        patience.CancelAfter(Patience(request));
        try
        {
            var answer = await _http.SendAsync(request, patience.Token);
            if (answer.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)answer.StatusCode >= 500)
            {
                using (answer)
                {
                    var said = await DescribeAsync(answer, cancel);
                    throw new PassingFailure($"the registry answered {(int)answer.StatusCode}{said}", RetryAfter(answer), null, answered: true);
                }
            }

            answer.RequestMessage = request;
            return answer;
        }
        catch (OperationCanceledException error) when (!cancel.IsCancellationRequested)
        {
            throw new PassingFailure($"no answer within {Patience(request).TotalSeconds:0} s", null, error, answered: false);
        }
        catch (HttpRequestException error) when (error.InnerException is AuthenticationException tls)
        {
            throw new RegistryException(
                RegistryFault.Unreachable, _subject, $"TLS failed: {(tls.InnerException ?? tls).Message}", "give the registry's CA with ca-file, or set insecure=true for a lab", error);
        }
        catch (HttpRequestException error)
        {
            throw new PassingFailure($"the connection failed: {(error.InnerException ?? error).Message}", null, error, answered: error.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.Unknown);
        }
        catch (IOException error)
        {
            throw new PassingFailure($"the connection broke: {error.Message}", null, error, answered: true);
        }
    }

    /// <summary>A large body gets the time that 64 KiB/s needs, a request that says so more.</summary>
    private TimeSpan Patience(HttpRequestMessage request) =>
        _options.Patience + TimeSpan.FromSeconds((request.Content?.Headers.ContentLength ?? 0) / (64 << 10))
            + (request.Options.TryGetValue(MorePatience, out var more) ? more : TimeSpan.Zero);

    private static bool SameServer(Uri a, Uri b) => a.Scheme == b.Scheme && a.IdnHost == b.IdnHost && a.Port == b.Port;

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private TimeSpan? RetryAfter(HttpResponseMessage answer)
    {
        var after = answer.Headers.RetryAfter;
        var wait = after?.Delta ?? (after?.Date - _options.Time.GetUtcNow());
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    /// <summary>The registry's own words, short and on one line.</summary>
    private async Task<string> DescribeAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            patience.CancelAfter(TimeSpan.FromSeconds(5));
            var body = await Limited.ReadAsync(answer.Content, MaxErrorBody, _subject, patience.Token);
            var first = JsonSerializer.Deserialize(body, AnswerJson.Default.ErrorList)?.Errors is [var entry, ..] ? entry : null;
            var text = new string([.. $"{first?.Code} {first?.Message}".Trim().Where(c => !char.IsControl(c)).Take(200)]);
            return text.Length > 0 ? ": " + text : "";
        }
        catch (Exception error) when (error is JsonException or RegistryException or IOException or HttpRequestException
            || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return "";
        }
    }

    private static RemoteCertificateValidationCallback? Validator(RegistryOptions options)
    {
        if (options.Insecure)
        {
            // The user said so, for a lab: any certificate is as good as none.
#pragma warning disable CA5359
            return static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        if (options.CaFile is not { Length: > 0 } file)
        {
            return null;
        }

        var authorities = new X509Certificate2Collection();
        try
        {
            foreach (var one in PemFiles(file))
            {
                authorities.ImportFromPemFile(one);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new RegistryException(RegistryFault.Usage, file, $"it cannot be read as PEM: {error.Message}", "check the ca-file option", error);
        }

        if (authorities.Count == 0)
        {
            throw new RegistryException(RegistryFault.Usage, file, "no certificate is in it", "check the ca-file option");
        }

        return (_, certificate, presented, errors) => errors == SslPolicyErrors.None
            || (errors == SslPolicyErrors.RemoteCertificateChainErrors && certificate is not null && IsSignedBy(authorities, certificate, presented));
    }

    // A folder is a mounted ConfigMap or Secret: Kubernetes' own entries (..data) have no such ending.
    private static IEnumerable<string> PemFiles(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path).Where(name => Path.GetExtension(name) is ".crt" or ".pem").Order(StringComparer.Ordinal)
        : [path];

    // One root at a time: of two with the same name, as an authority has that was renewed, the chain's builder tries one only.
    private static bool IsSignedBy(X509Certificate2Collection authorities, X509Certificate certificate, X509Chain? presented)
    {
        using var leaf = new X509Certificate2(certificate);
        return authorities.Where(IsRoot).Any(root => IsSignedBy(root, authorities, leaf, presented));
    }

    private static bool IsSignedBy(X509Certificate2 root, X509Certificate2Collection authorities, X509Certificate2 leaf, X509Chain? presented)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        var between = authorities.Concat(presented?.ChainElements.Select(element => element.Certificate) ?? []);
        chain.ChainPolicy.ExtraStore.AddRange(between.Where(one => !IsRoot(one)).ToArray());
        return chain.Build(leaf);
    }

    private static bool IsRoot(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
