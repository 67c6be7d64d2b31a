using System.Net;
using System.Net.Http.Headers;
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

/// <summary>What a server has granted before, so that a refusal of it may pass.</summary>
internal enum Trust
{
    /// <summary>Nothing is known.</summary>
    None,

    /// <summary>It has served this kind.</summary>
    Kind,

    /// <summary>It has granted this very request.</summary>
    Request,
}

/// <summary>Sends requests to one API server: who asks, repetitions, limits, and errors in one line.</summary>
internal sealed class Transport : IDisposable
{
    private readonly ClusterAccess _access;
    private readonly ClientOptions _options;
    private readonly Connections _connections;
    private readonly ResiliencePipeline _repeat;

    internal Transport(ClusterAccess access, ClientOptions options)
    {
        _access = access;
        _options = options;
        _connections = new Connections(access, options);
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

    /// <summary>Sends a request until it is answered in a way that stays so, and reads the answer, which is a success.</summary>
    /// <param name="request">Makes the request anew for each attempt.</param>
    /// <param name="subject">The object, for messages.</param>
    /// <param name="most">The most bytes of the answer.</param>
    /// <param name="trust">What the server has granted before.</param>
    /// <param name="cancellation">Stops.</param>
    internal Task<MemoryStream> SendAsync(Func<HttpRequestMessage> request, string subject, int most, Trust trust, CancellationToken cancellation) =>
        RepeatAsync(
            async token =>
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(token);
                using var response = await AnswerAsync(request, subject, trust, limit, token);
                return await PassingAsync(() => Bodies.ReadAsync(response, most, limit.Token), answered: true, limit.Token, token);
            },
            subject,
            cancellation);

    /// <summary>Sends a request until it is answered; the answer is a success, its body is a stream without an end.</summary>
    /// <param name="request">Makes the request anew for each attempt.</param>
    /// <param name="subject">The object, for messages.</param>
    /// <param name="trust">What the server has granted before.</param>
    /// <param name="cancellation">Stops.</param>
    internal Task<HttpResponseMessage> OpenAsync(Func<HttpRequestMessage> request, string subject, Trust trust, CancellationToken cancellation) =>
        RepeatAsync(
            async token =>
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(token);
                return await AnswerAsync(request, subject, trust, limit, token);
            },
            subject,
            cancellation);

    /// <summary>An absolute address.</summary>
    internal Uri Address(string pathAndQuery) => new(_access.Server, pathAndQuery);

    public void Dispose() => _connections.Dispose();

    private async Task<T> RepeatAsync<T>(Func<CancellationToken, Task<T>> attempt, string subject, CancellationToken cancellation)
    {
        try
        {
            return await _repeat.ExecuteAsync(async token => await attempt(token), cancellation);
        }
        catch (PassingFailure failure)
        {
            throw failure.InnerException as KubernetesException ?? (failure.Answered
                ? new KubernetesException(KubernetesFault.Transient, subject, $"{failure.Message}, {_options.Retries} repetitions later still", "run again later", failure)
                : new KubernetesException(
                    KubernetesFault.Unreachable, _access.Server.Authority, failure.Message,
                    $"check the server's address in {_access.Origin}, and whether the network lets this program reach it", failure));
        }
    }

    /// <summary>One attempt: an answer that is a success, or a failure in words.</summary>
    private async Task<HttpResponseMessage> AnswerAsync(
        Func<HttpRequestMessage> make, string subject, Trust trust, CancellationTokenSource limit, CancellationToken cancellation)
    {
        Credential? shown = null;
        for (var refused = false; ; refused = true)
        {
            using var request = make();
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionOrLower;
            request.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
            if (request.Headers.Accept.Count == 0)
            {
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            }

            // A plugin may take longer than a request: it has a limit of its own, and that of the request begins, or begins anew, after it.
            limit.CancelAfter(Timeout.InfiniteTimeSpan);
            shown = await CredentialAsync(shown, refused, cancellation);
            var http = Identify(request, shown);
            limit.CancelAfter(_options.RequestTimeout);
            var response = await PassingAsync(() => http.SendAsync(request, limit.Token), answered: false, limit.Token, cancellation);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                // Credentials that were valid a moment ago may have been replaced: once more, with fresh ones.
                if (response.StatusCode == HttpStatusCode.Unauthorized && _access.Token is not null && !refused)
                {
                    continue;
                }

                var fault = await PassingAsync(() => Refusals.ReadAsync(response, subject, _access, _options.Time, limit.Token), answered: true, limit.Token, cancellation);
                throw fault is KubernetesException refusal && MayComeBack(refusal, trust)
                    ? new PassingFailure($"{refusal.Subject}: {refusal.Cause}, although it was granted before", null, answered: true, refusal)
                    : fault;
            }
        }
    }

    /// <summary>A server that starts does not know the custom kinds yet, nor the roles: it refuses for a moment what it has granted before.</summary>
    private static bool MayComeBack(KubernetesException refusal, Trust trust) => trust switch
    {
        Trust.None => false,
        Trust.Kind => refusal.KindUnknown,
        _ => refusal.KindUnknown || refusal.Kind == KubernetesFault.Denied,
    };

    /// <summary>What shows who asks.</summary>
    private async Task<Credential> CredentialAsync(Credential? shown, bool refused, CancellationToken cancellation) => _access.Token switch
    {
        null => new Credential("", _access.ClientCertificate, null),
        ICredentialSource both => await both.CredentialAsync(refused ? shown : null, cancellation),
        { } source => new Credential(await source.GetAsync(refused, cancellation), _access.ClientCertificate, null),
    };

    /// <summary>Says in a request who asks, and gives the connections for it.</summary>
    private HttpMessageInvoker Identify(HttpRequestMessage request, Credential credential)
    {
        if (credential.Token.Length > 0)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential.Token);
        }

        // The handler takes the name that it asks for, and that it checks, from here (SslOptions.TargetHost it overwrites).
        request.Headers.Host = _access.TlsServerName;
        if (_access.ActAs is { Length: > 0 } user)
        {
            request.Headers.TryAddWithoutValidation("Impersonate-User", user);
            request.Headers.TryAddWithoutValidation("Impersonate-Group", _access.ActAsGroups);
            if (_access.ActAsUid is { Length: > 0 } uid)
            {
                request.Headers.TryAddWithoutValidation("Impersonate-Uid", uid);
            }

            foreach (var (key, values) in _access.ActAsExtra)
            {
                request.Headers.TryAddWithoutValidation($"Impersonate-Extra-{Uri.EscapeDataString(key)}", values);
            }
        }

        return _connections.With(credential.Certificate);
    }

    /// <summary>Runs what talks to the server, and tells faults that may pass from those that stay.</summary>
    private async Task<T> PassingAsync<T>(Func<Task<T>> talk, bool answered, CancellationToken limit, CancellationToken cancellation)
    {
        try
        {
            return await talk();
        }
        catch (OperationCanceledException fault) when (!cancellation.IsCancellationRequested)
        {
            var what = answered ? "the answer was not complete" : limit.IsCancellationRequested ? "no answer" : "no connection";
            var seconds = limit.IsCancellationRequested ? _options.RequestTimeout : Connections.ConnectTimeout;
            throw new PassingFailure($"{what} within {seconds.TotalSeconds:0} s", null, answered, fault);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            if (fault.InnerException is System.Security.Authentication.AuthenticationException)
            {
                throw new KubernetesException(
                    KubernetesFault.Denied, _access.Server.Authority, $"its certificate is not trusted: {_connections.Distrust ?? fault.InnerException.Message}",
                    $"check certificate-authority-data in {_access.Origin}", fault);
            }

            var cause = Refusals.Printable(fault.InnerException is null or InvalidDataException ? fault.Message : fault.InnerException.Message);
            throw new PassingFailure(answered ? $"the answer broke off: {cause}" : cause, null, answered, fault);
        }
    }
}
