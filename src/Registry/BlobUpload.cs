using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Registry;

/// <summary>The registry has lost an upload session: everything must be sent anew.</summary>
public sealed class UploadLostException : Exception
{
    /// <summary>Creates the failure.</summary>
    public UploadLostException(string cause)
        : base(cause)
    {
    }
}

/// <summary>
/// One blob on its way to a registry, in chunks that are acknowledged one by one (OCI distribution spec,
/// "Pushing a blob in chunks"). A chunk that broke is continued where the registry says that it stands.
/// </summary>
public sealed class BlobUpload
{
    /// <summary>Bytes that a registry checks in a second at least.</summary>
    private const int CommitSpeed = 16 << 20;

    private readonly Transport _transport;
    private readonly string _subject;
    private readonly Func<Digest, CancellationToken, Task<bool>> _exists;
    private Uri _location;
    private bool _repeated;

    internal BlobUpload(
        Transport transport, string subject, Uri location, int chunkSize, Func<Digest, CancellationToken, Task<bool>> exists)
    {
        _transport = transport;
        _subject = subject;
        _location = location;
        _exists = exists;
        ChunkSize = chunkSize;
    }

    /// <summary>Bytes that each chunk but the last should have.</summary>
    public int ChunkSize { get; }

    /// <summary>Bytes that the registry has acknowledged.</summary>
    public long Offset { get; private set; }

    /// <summary>Sends the next chunk; it is in the registry when this returns.</summary>
    /// <exception cref="UploadLostException">The registry no longer knows how far this upload is.</exception>
    /// <exception cref="RegistryException">Refused, or broken more often than is repeated.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> chunk, CancellationToken cancel)
    {
        var start = Offset;
        var end = start + chunk.Length;
        var broken = false;
        await _transport.RepeatAsync(
            async token =>
            {
                if (broken)
                {
                    _repeated = true;
                    await AskOffsetAsync(start, end, token);
                }

                broken = true;
                while (Offset < end)
                {
                    await PatchAsync(chunk[(int)(Offset - start)..], start, end, token);
                }

                return true;
            },
            cancel);
    }

    /// <summary>Ends the upload: the registry checks the digest and takes the blob.</summary>
    /// <exception cref="UploadLostException">The registry no longer has what was sent, or not as it was sent.</exception>
    /// <exception cref="RegistryException">Refused, or broken more often than is repeated.</exception>
    public async Task CommitAsync(Digest digest, CancellationToken cancel)
    {
        var again = false;
        using var answer = await _transport.RepeatAsync(
            async token =>
            {
                // The registry may have taken it although its first answer was lost.
                if (again && await _exists(digest, token))
                {
                    return null;
                }

                again = true;
                return await _transport.SendOnceAsync(() => Commit(digest), token);
            },
            cancel);
        if (answer is null or { StatusCode: HttpStatusCode.Created } || (again && answer.StatusCode == HttpStatusCode.NotFound && await _exists(digest, cancel)))
        {
            return;
        }

        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            throw new UploadLostException("the registry forgot the upload before its end");
        }

        var failure = await _transport.FailureAsync(answer, _subject, cancel);
        if (answer.StatusCode != HttpStatusCode.BadRequest)
        {
            throw failure;
        }

        throw _repeated
            ? new UploadLostException($"a chunk was repeated, and what the registry has of it is not what was sent: {failure.Cause}")
            : new RegistryException(RegistryFault.Integrity, _subject, $"the registry did not accept the blob {digest}: {failure.Cause}", "run again; if it stays, check the network and the registry's storage", failure);
    }

    /// <summary>Gives the upload up and frees what the registry has of it. Best effort: never fails.</summary>
    public async Task AbortAsync(CancellationToken cancel)
    {
        try
        {
            using var answer = await _transport.SendOnceAsync(() => new HttpRequestMessage(HttpMethod.Delete, _location), cancel);
        }
        catch (Exception error) when (error is PassingFailure or RegistryException or OperationCanceledException)
        {
            // The registry purges what nobody finishes.
        }
    }

    /// <summary>Some registries hash, or copy, the whole blob before they answer: that takes time with its size.</summary>
    private HttpRequestMessage Commit(Digest digest)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, With(_location, "digest", digest.ToString())) { Content = new ByteArrayContent([]) };
        request.Options.Set(Transport.MorePatience, TimeSpan.FromSeconds((double)Offset / CommitSpeed));
        return request;
    }

    private async Task PatchAsync(ReadOnlyMemory<byte> bytes, long start, long end, CancellationToken cancel)
    {
        using var answer = await _transport.SendOnceAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Patch, _location) { Content = new ReadOnlyMemoryContent(bytes) };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                request.Content.Headers.TryAddWithoutValidation("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{Offset}-{end - 1}"));
                return request;
            },
            cancel);
        switch (answer.StatusCode)
        {
            case HttpStatusCode.Accepted or HttpStatusCode.NoContent or HttpStatusCode.Created:
                _location = Location(answer) ?? _location;
                var reached = Acknowledged(answer, start, end) ?? end;

                // "0-0" stands for none and for one byte: here it was taken.
                reached = reached == 0 && end == 1 ? end : reached;
                Offset = reached > Offset ? reached : throw new PassingFailure("the registry took no byte of a chunk", null, null, answered: true);
                return;
            case HttpStatusCode.RequestedRangeNotSatisfiable:
                throw new PassingFailure("the registry stands at another byte", null, null, answered: true);
            case HttpStatusCode.NotFound:
                throw new UploadLostException("the registry forgot the upload");
            default:
                throw await _transport.FailureAsync(answer, _subject, cancel);
        }
    }

    private async Task AskOffsetAsync(long start, long end, CancellationToken cancel)
    {
        using var answer = await _transport.SendOnceAsync(() => new HttpRequestMessage(HttpMethod.Get, _location), cancel);
        if (answer.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw new UploadLostException($"the registry no longer continues the upload ({(int)answer.StatusCode})");
        }

        _location = Location(answer) ?? _location;
        Offset = Acknowledged(answer, start, end) ?? throw new UploadLostException("the registry does not say how far the upload is");
    }

    /// <summary>
    /// The byte after those that the registry has. It says <c>0-0</c> for none, too; the first chunk is then sent whole.
    /// </summary>
    private static long? Acknowledged(HttpResponseMessage answer, long start, long end)
    {
        var range = answer.Headers.TryGetValues("Range", out var values) ? values.First() : null;
        if (range is null)
        {
            return null;
        }

        var last = range[(range.LastIndexOf('-') + 1)..];
        if (!long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var byteAt))
        {
            throw new UploadLostException($"the registry gives its range as \"{range}\"");
        }

        var offset = byteAt == 0 ? 0 : byteAt + 1;
        return offset >= start && offset <= end
            ? offset
            : throw new UploadLostException($"the registry stands at byte {offset}, the upload between {start} and {end}");
    }

    private Uri? Location(HttpResponseMessage answer) => ResolveLocation(answer, _transport.Base);

    /// <summary>
    /// Where an answer says that the upload goes on, absolute or relative. Never from HTTPS to plain HTTP: a registry
    /// behind a proxy that ends TLS may not know its own scheme, so on the same host HTTPS is kept.
    /// </summary>
    internal static Uri? ResolveLocation(HttpResponseMessage answer, Uri server)
    {
        if (answer.Headers.Location is not { } location)
        {
            return null;
        }

        var from = answer.RequestMessage?.RequestUri ?? server;
        if (!Uri.TryCreate(from, location, out var target) || target.Scheme is not ("https" or "http"))
        {
            throw Wrong(server, "the registry continues an upload at an address that is none");
        }

        if (server.Scheme == "https" && target.Scheme == "http")
        {
            return target.IdnHost == server.IdnHost
                ? new UriBuilder(target) { Scheme = server.Scheme, Port = server.Port }.Uri
                : throw Wrong(server, "the registry continues an upload at another host without TLS");
        }

        return target;
    }

    private static RegistryException Wrong(Uri server, string cause) =>
        new(RegistryFault.Protocol, server.Authority, cause, "check the registry and the proxies before it");

    internal static Uri With(Uri location, string name, string value) =>
        new(location.AbsoluteUri + (location.Query.Length > 0 ? '&' : '?') + name + "=" + Uri.EscapeDataString(value));
}
