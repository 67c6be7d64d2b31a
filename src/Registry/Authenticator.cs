using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Registry;

/// <summary>
/// Answers a registry's challenge: nothing, basic, or a token of its token server, got anew before it expires
/// (docker's token authentication specification).
/// </summary>
internal sealed class Authenticator(
    Credential? credential, string scope, bool allowPlain, TimeProvider time, Authenticator.Reader read) : IDisposable
{
    private const int MaxAnswer = 1 << 20;
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(60);
    private readonly SemaphoreSlim _lock = new(1, 1);
    private Challenge? _challenge;
    private AuthenticationHeaderValue? _header;
    private DateTimeOffset _expires = DateTimeOffset.MaxValue;

    /// <summary>What to send with the next request; null for an anonymous one.</summary>
    internal async Task<AuthenticationHeaderValue?> HeaderAsync(Sender send, CancellationToken cancel)
    {
        if (_header is not null && time.GetUtcNow() >= _expires)
        {
            await RenewAsync(_header, send, cancel);
        }

        return _header;
    }

    /// <summary>Takes a 401 in: true when asking again makes sense.</summary>
    /// <param name="answer">The refusal.</param>
    /// <param name="sent">What was sent with the request.</param>
    /// <param name="send">Sends a request to the token server.</param>
    /// <param name="cancel">Stops.</param>
    internal async Task<bool> LearnAsync(
        HttpResponseMessage answer, AuthenticationHeaderValue? sent, Sender send, CancellationToken cancel)
    {
        var challenges = answer.Headers.WwwAuthenticate
            .Select(header => Challenge.Parse(header.Scheme, header.Parameter)).ToList();
        var challenge = challenges.Find(c => c.IsBearer) ?? challenges.Find(c => c.IsBasic);
        if (challenge is null || (challenge.IsBasic && (credential is null || sent is not null)))
        {
            return false;
        }

        _challenge = challenge;
        await RenewAsync(sent, send, cancel);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    internal delegate Task<HttpResponseMessage> Sender(Func<HttpRequestMessage> request, CancellationToken cancel);

    internal delegate Task<byte[]> Reader(HttpContent content, int limit, string subject, CancellationToken cancel);

    private async Task RenewAsync(AuthenticationHeaderValue? old, Sender send, CancellationToken cancel)
    {
        await _lock.WaitAsync(cancel);
        try
        {
            // Another request may have renewed it meanwhile.
            if (!ReferenceEquals(_header, old) || _challenge is null)
            {
                return;
            }

            if (_challenge.IsBasic)
            {
                _header = Basic(credential!);
                return;
            }

            var (token, life) = await FetchTokenAsync(_challenge, send, cancel);
            _header = new AuthenticationHeaderValue("Bearer", token);
            _expires = time.GetUtcNow() + life * 0.8;
        }
        finally
        {
            _lock.Release();
        }
    }

    private async Task<(string Token, TimeSpan Life)> FetchTokenAsync(Challenge challenge, Sender send, CancellationToken cancel)
    {
        var realm = challenge.Parameters.GetValueOrDefault("realm", "");
        if (!Uri.TryCreate(realm, UriKind.Absolute, out var server) || server.Scheme is not ("https" or "http"))
        {
            throw new RegistryException(RegistryFault.Protocol, "token server", $"the registry names \"{realm}\" as its address", "check the registry");
        }

        if (server.Scheme == "http" && !allowPlain)
        {
            throw new RegistryException(RegistryFault.Protocol, server.Host, "the registry wants the credentials sent to a token server without TLS", "check the registry, or set insecure=true for a lab");
        }

        var service = challenge.Parameters.GetValueOrDefault("service", "");
        using var answer = await send(() => Request(server, service), cancel);
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest)
        {
            throw new RegistryException(
                RegistryFault.Denied,
                server.Host,
                credential is null ? "the token server wants credentials" : $"the token server refuses the credentials of user \"{credential.User}\"",
                "give a docker-config with valid credentials for this registry");
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new RegistryException(RegistryFault.Protocol, server.Host, $"the token server answered {(int)answer.StatusCode}", "check the registry");
        }

        TokenAnswer? parsed;
        try
        {
            var bytes = await read(answer.Content, MaxAnswer, server.Host, cancel);
            parsed = JsonSerializer.Deserialize(bytes, AnswerJson.Default.TokenAnswer);
        }
        catch (JsonException error)
        {
            throw new RegistryException(RegistryFault.Protocol, server.Host, "the token server's answer is not JSON", "check the registry", error);
        }

        var token = parsed?.Token ?? parsed?.AccessToken;
        if (string.IsNullOrEmpty(token) || token.AsSpan().ContainsAny('\r', '\n'))
        {
            throw new RegistryException(RegistryFault.Protocol, server.Host, "the token server gave no token", "check the registry");
        }

        var life = parsed!.ExpiresIn is > 0 and < 1e9 ? TimeSpan.FromSeconds(parsed.ExpiresIn.Value) : ShortestLife;
        return (token, life < ShortestLife ? ShortestLife : life);
    }

    private HttpRequestMessage Request(Uri server, string service)
    {
        if (credential?.IdentityToken is { } identity)
        {
            return new HttpRequestMessage(HttpMethod.Post, server)
            {
                Content = new FormUrlEncodedContent(
                [
                    new("grant_type", "refresh_token"), new("service", service), new("scope", scope),
                    new("client_id", "golden-image-tasks"), new("refresh_token", identity),
                ]),
            };
        }

        var separator = server.Query.Length > 0 ? '&' : '?';
        var query = $"{separator}service={Uri.EscapeDataString(service)}&scope={Uri.EscapeDataString(scope)}";
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.AbsoluteUri + query));
        request.Headers.Authorization = credential is null ? null : Basic(credential);
        return request;
    }

    private static AuthenticationHeaderValue Basic(Credential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Password}")));
}
