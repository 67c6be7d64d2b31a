using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using Kubernetes.Configuration;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>
/// Talks to one API server. Requests that fail in a way that may pass are repeated, so a write may arrive twice: create with a
/// fixed name and look whose it is on <see cref="KubernetesFault.AlreadyExists"/>; patch with a resourceVersion, or something that may be repeated.
/// Every method throws <see cref="KubernetesException"/>.
/// </summary>
public sealed partial class KubernetesClient : IDisposable
{
    private readonly ClusterAccess _access;
    private readonly ClientOptions _options;
    private readonly Transport _transport;
    private readonly Discovery _discovery;
    private readonly ConcurrentDictionary<string, bool> _served = new(StringComparer.Ordinal);

    /// <summary>A client; it connects with its first request.</summary>
    public KubernetesClient(ClusterAccess access, ClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(access);
        _access = access;
        _options = options ?? new ClientOptions();
        _transport = new Transport(access, _options);
        _discovery = new Discovery(DiscoverAsync);
    }

    /// <summary>The namespace of whoever names none.</summary>
    public string DefaultNamespace => _access.Namespace;

    /// <summary>The clock.</summary>
    public TimeProvider Time => _options.Time;

    /// <summary>One object.</summary>
    public async Task<T> GetAsync<T>(ResourceKind<T> kind, string? inNamespace, string name, CancellationToken cancellation)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        return await ObjectAsync(kind, HttpMethod.Get, kind.Path(inNamespace, name), null, null, kind.Describe(inNamespace, name), cancellation, name);
    }

    /// <summary>One object; null where there is none.</summary>
    public async Task<T?> FindAsync<T>(ResourceKind<T> kind, string? inNamespace, string name, CancellationToken cancellation)
        where T : KubernetesObject
    {
        try
        {
            return await GetAsync(kind, inNamespace, name, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.NotFound && fault.Status?.Details?.Name == name)
        {
            return null;
        }
    }

    /// <summary>Makes an object; its namespace is that of its metadata.</summary>
    public Task<T> CreateAsync<T>(ResourceKind<T> kind, T made, CancellationToken cancellation)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(made);
        return ObjectAsync(
            kind, HttpMethod.Post, kind.Path(made.Metadata.Namespace) + Query(("fieldManager", _options.FieldManager)), Bytes(kind, made), "application/json",
            kind.Describe(made.Metadata.Namespace, made.Metadata.Name), cancellation);
    }

    /// <summary>Asks for a token of a ServiceAccount (TokenRequest API).</summary>
    public async Task<TokenRequestStatus> CreateTokenAsync(string inNamespace, string serviceAccount, TimeSpan lifetime, CancellationToken cancellation)
    {
        var kind = Kinds.ServiceAccounts;
        var asked = new TokenRequest { ApiVersion = "authentication.k8s.io/v1", Kind = "TokenRequest", Spec = { ExpirationSeconds = (long)lifetime.TotalSeconds } };
        var subject = $"the token of {kind.Describe(inNamespace, serviceAccount)}";
        var answer = await SendAsync(
            HttpMethod.Post, kind.Path(inNamespace, serviceAccount, "token"), JsonSerializer.SerializeToUtf8Bytes(asked, KubernetesJson.Default.TokenRequest), "application/json",
            subject, KubernetesJson.Default.TokenRequest, Bodies.MostOfObject, TrustIn(kind), cancellation);
        return answer.Status is { Token.Length: > 0 } status
            ? status
            : throw new KubernetesException(KubernetesFault.Protocol, subject, "the answer has no token", "check that the address is an API server's");
    }

    /// <summary>Replaces an object; 409 when it has changed since it was read.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="changed">The object as read, changed.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="subresource">A part of it: <c>status</c>.</param>
    public Task<T> ReplaceAsync<T>(ResourceKind<T> kind, T changed, CancellationToken cancellation, string? subresource = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(changed);
        var meta = changed.Metadata;
        return ObjectAsync(
            kind, HttpMethod.Put, kind.Path(meta.Namespace, meta.Name, subresource) + Query(("fieldManager", _options.FieldManager)), Bytes(kind, changed), "application/json",
            kind.Describe(meta.Namespace, meta.Name), cancellation, meta.Name);
    }

    /// <summary>Changes an object by a patch.</summary>
    public Task<T> PatchAsync<T>(
        ResourceKind<T> kind, string? inNamespace, string name, Patch patch, CancellationToken cancellation, string? subresource = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(patch);
        var query = patch.Query is null ? Query(("fieldManager", _options.FieldManager)) : $"?{patch.Query}";
        return ObjectAsync(
            kind, HttpMethod.Patch, kind.Path(inNamespace, name, subresource) + query, patch.Body, patch.MediaType, kind.Describe(inNamespace, name), cancellation, name);
    }

    /// <summary>Reads, changes and replaces an object, again while others change it in between.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The name.</param>
    /// <param name="change">Changes the object; false when there is nothing (any more) to change.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="subresource">A part of it: <c>status</c>.</param>
    public async Task<T> ChangeAsync<T>(
        ResourceKind<T> kind, string? inNamespace, string name, Func<T, bool> change, CancellationToken cancellation, string? subresource = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(change);
        for (var attempt = 1; ; attempt++)
        {
            var found = await GetAsync(kind, inNamespace, name, cancellation);
            if (!change(found))
            {
                return found;
            }

            try
            {
                return await ReplaceAsync(kind, found, cancellation, subresource);
            }
            catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Conflict && attempt < 30)
            {
                // Somebody else's change came first: the next round sees it. Many at once take turns sooner when they don't all come back together.
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(10 * Math.Min(attempt, 20))), Time, cancellation);
            }
        }
    }

    /// <summary>Deletes an object; true when there was one. It may stay for a while: finalizers.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The name.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="onlyIf">The very object that is meant: 409 for another one.</param>
    /// <param name="graceSeconds">How long a pod has to end; 0 from whom it has ended with; null for what the pod says.</param>
    public async Task<bool> DeleteAsync<T>(
        ResourceKind<T> kind, string? inNamespace, string name, CancellationToken cancellation, Preconditions? onlyIf = null, long? graceSeconds = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        var options = JsonSerializer.SerializeToUtf8Bytes(
            new DeleteOptions { Preconditions = onlyIf, PropagationPolicy = "Background", GracePeriodSeconds = graceSeconds }, KubernetesJson.Default.DeleteOptions);
        try
        {
            // The answer is a Status, or the object with its deletionTimestamp: only that it is a success matters.
            using var answer = await _transport.SendAsync(
                () => Request(HttpMethod.Delete, kind.Path(inNamespace, name), options, "application/json"),
                kind.Describe(inNamespace, name), Bodies.MostOfObject, TrustIn(kind), cancellation);
            return true;
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.NotFound && fault.Status?.Details?.Name == name)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _transport.Dispose();
        _discovery.Dispose();
    }

    private static byte[] Bytes<T>(ResourceKind<T> kind, T value)
        where T : KubernetesObject
    {
        value.ApiVersion = kind.ApiVersion;
        value.Kind = kind.Kind;
        return JsonSerializer.SerializeToUtf8Bytes(value, kind.Json);
    }

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = "";
        foreach (var (name, value) in parameters)
        {
            if (!string.IsNullOrEmpty(value))
            {
                query += $"{(query.Length == 0 ? '?' : '&')}{name}={Uri.EscapeDataString(value)}";
            }
        }

        return query;
    }

    private async Task<T> ObjectAsync<T>(
        ResourceKind<T> kind, HttpMethod method, string path, byte[]? body, string? mediaType, string subject, CancellationToken cancellation, string? name = null)
        where T : KubernetesObject
    {
        T answer;
        try
        {
            answer = await SendAsync(method, path, body, mediaType, subject, kind.Json, Bodies.MostOfObject, TrustIn(kind), cancellation);
            _served.TryAdd(kind.Path(null), true);
        }
        catch (KubernetesException fault) when (fault.KindUnknown)
        {
            throw await ExplainAsync(kind, subject, fault, cancellation);
        }

        // Something between here and the server may answer with something else of JSON, and everything of it would count as unset.
        return name is null || answer.Metadata.Name == name
            ? answer
            : throw new KubernetesException(KubernetesFault.Protocol, subject, "the answer is another object", "check that the address is an API server's");
    }

    private async Task<TAnswer> SendAsync<TAnswer>(
        HttpMethod method, string path, byte[]? body, string? mediaType, string subject,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TAnswer> json, int most, Trust trust, CancellationToken cancellation)
    {
        using var answer = await _transport.SendAsync(() => Request(method, path, body, mediaType), subject, most, trust, cancellation);
        return Bodies.Parse(answer.GetBuffer().AsSpan(0, (int)answer.Length), json, subject);
    }

    /// <summary>Whether the server has served the kind to this client.</summary>
    private Trust TrustIn<T>(ResourceKind<T> kind)
        where T : KubernetesObject => _served.ContainsKey(kind.Path(null)) ? Trust.Kind : Trust.None;

    private HttpRequestMessage Request(HttpMethod method, string path, byte[]? body, string? mediaType)
    {
        var request = new HttpRequestMessage(method, _transport.Address(path));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType!);
        }

        return request;
    }
}
