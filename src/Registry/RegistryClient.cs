using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Registry;

/// <summary>A manifest as the registry keeps it.</summary>
/// <param name="Digest">Of its bytes, computed here.</param>
/// <param name="MediaType">What the registry calls it.</param>
/// <param name="Bytes">The manifest.</param>
public sealed record FetchedManifest(Digest Digest, string MediaType, byte[] Bytes);

/// <summary>One repository of a registry that speaks the OCI distribution API.</summary>
public sealed class RegistryClient : IDisposable
{
    /// <summary>The largest manifest that is taken (OCI distribution spec, "Pushing Manifests").</summary>
    public const int MaxManifest = 4 << 20;

    /// <summary>The largest blob that is taken into memory: an image configuration.</summary>
    public const int MaxSmallBlob = 4 << 20;

    /// <summary>How often a small blob is begun anew when the registry loses its upload.</summary>
    private const int MaxPasses = 3;

    /// <summary>The largest chunk that a registry may want: two are in memory at a time.</summary>
    private const int MaxChunk = 16 << 20;

    private readonly ImageReference _image;
    private readonly RegistryOptions _options;
    private readonly Transport _transport;

    private RegistryClient(ImageReference image, RegistryOptions options, Transport transport)
    {
        _image = image;
        _options = options;
        _transport = transport;
    }

    /// <summary>Reaches the registry and logs in, so that wrong credentials are found before any work.</summary>
    /// <param name="image">An image of the repository.</param>
    /// <param name="access">What is going to be done.</param>
    /// <param name="options">How to reach it.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="RegistryException">Not reachable, not trusted, refused.</exception>
    public static async Task<RegistryClient> ConnectAsync(
        ImageReference image, RegistryAccess access, RegistryOptions options, CancellationToken cancel)
    {
        var transport = new Transport(image, access, options);
        try
        {
            if (options.Insecure)
            {
                await ChooseSchemeAsync(transport, cancel);
            }

            var answer = await transport.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, new Uri(transport.Base, "v2/")), cancel);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                throw await transport.FailureAsync(answer, image.Host, cancel);
            }

            answer.Dispose();
            return new RegistryClient(image, options, transport);
        }
        catch
        {
            transport.Dispose();
            throw;
        }
    }

    /// <summary>Gets a manifest by tag or digest; null when there is none.</summary>
    public async Task<FetchedManifest?> FindManifestAsync(string pointer, CancellationToken cancel)
    {
        var subject = Subject(pointer);
        return await _transport.RepeatAsync(
            async token =>
            {
                var answer = await _transport.SendOnceAsync(
                    () =>
                    {
                        var request = new HttpRequestMessage(HttpMethod.Get, Address($"manifests/{pointer}"));
                        foreach (var type in (string[])[MediaTypes.Manifest, MediaTypes.Index, MediaTypes.DockerManifest, MediaTypes.DockerIndex])
                        {
                            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
                        }

                        return request;
                    },
                    token);
                if (answer.StatusCode == HttpStatusCode.NotFound)
                {
                    answer.Dispose();
                    return null;
                }

                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    throw await _transport.FailureAsync(answer, subject, token);
                }

                using (answer)
                {
                    var bytes = await _transport.ReadAsync(answer.Content, MaxManifest, subject, token);
                    var digest = Digest.Of(bytes);
                    if (Digest.TryParse(pointer, out var wanted) && wanted != digest)
                    {
                        throw Corrupt(subject, $"the registry sent a manifest with the digest {digest}");
                    }

                    return new FetchedManifest(digest, answer.Content.Headers.ContentType?.MediaType ?? "", bytes);
                }
            },
            cancel);
    }

    /// <summary>Gets a manifest by tag or digest.</summary>
    /// <exception cref="RegistryException">There is none, or it is not what its digest says.</exception>
    public async Task<FetchedManifest> GetManifestAsync(string pointer, CancellationToken cancel) =>
        await FindManifestAsync(pointer, cancel)
            ?? throw new RegistryException(RegistryFault.NotFound, Subject(pointer), "the registry does not have it", "check the name and the tag");

    /// <summary>Puts a manifest under a tag and gets it back to see that the registry has it, byte by byte.</summary>
    public async Task<Digest> PutManifestAsync(string tag, string mediaType, byte[] bytes, CancellationToken cancel)
    {
        var subject = Subject(tag);
        var answer = await _transport.SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Put, Address($"manifests/{tag}")) { Content = new ByteArrayContent(bytes) };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
                return request;
            },
            cancel);
        if (answer.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw await _transport.FailureAsync(answer, subject, cancel);
        }

        answer.Dispose();
        var digest = Digest.Of(bytes);
        var back = await GetManifestAsync(tag, cancel);
        return back.Digest == digest
            ? digest
            : throw Corrupt(subject, $"the registry has {back.Digest} there after {digest} was pushed");
    }

    /// <summary>The size of a blob that the repository has; null when it has not.</summary>
    public async Task<long?> FindBlobAsync(Digest digest, CancellationToken cancel)
    {
        var answer = await _transport.SendAsync(() => new HttpRequestMessage(HttpMethod.Head, Address($"blobs/{digest}")), cancel);
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            answer.Dispose();
            return null;
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw await _transport.FailureAsync(answer, Subject(digest.ToString()), cancel);
        }

        using (answer)
        {
            return answer.Content.Headers.ContentLength ?? -1;
        }
    }

    /// <summary>Checks that the repository has a blob of that size.</summary>
    /// <exception cref="RegistryException">It has not, or another size.</exception>
    public async Task CheckBlobAsync(Digest digest, long size, CancellationToken cancel)
    {
        var found = await FindBlobAsync(digest, cancel);
        if (found != size && found != -1)
        {
            throw Corrupt(Subject(digest.ToString()), found is null ? "the registry lost it after it was pushed" : $"the registry has {found} bytes of it, not {size}");
        }
    }

    /// <summary>Reads a small blob whole.</summary>
    public async Task<byte[]> GetBlobAsync(Digest digest, CancellationToken cancel) =>
        await _transport.RepeatAsync(
            async token =>
            {
                var answer = await _transport.SendOnceAsync(() => new HttpRequestMessage(HttpMethod.Get, Address($"blobs/{digest}")), token);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    throw await _transport.FailureAsync(answer, Subject(digest.ToString()), token);
                }

                using (answer)
                {
                    var bytes = await _transport.ReadAsync(answer.Content, MaxSmallBlob, Subject(digest.ToString()), token);
                    return Digest.Of(bytes) == digest ? bytes : throw Corrupt(Subject(digest.ToString()), $"the registry sent {Digest.Of(bytes)}");
                }
            },
            cancel);

    /// <summary>Opens a blob as a stream that fails unless all of it is what the digest says.</summary>
    /// <param name="digest">Its digest.</param>
    /// <param name="size">Its bytes, as the manifest says.</param>
    public Stream OpenBlob(Digest digest, long size) =>
        new BlobStream(_transport, Address($"blobs/{digest}"), Subject(digest.ToString()), digest, size, _options);

    /// <summary>Begins the upload of a blob; a registry that does not allow it says so here.</summary>
    public async Task<BlobUpload> StartUploadAsync(CancellationToken cancel)
    {
        var answer = await _transport.SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, Address("blobs/uploads/")) { Content = new ByteArrayContent([]) }, cancel);
        if (answer.StatusCode != HttpStatusCode.Accepted)
        {
            throw await _transport.FailureAsync(answer, _image.Name, cancel);
        }

        using (answer)
        {
            var location = BlobUpload.ResolveLocation(answer, _transport.Base)
                ?? throw new RegistryException(RegistryFault.Protocol, _image.Name, "the registry began an upload without saying where", "check the registry");
            var least = answer.Headers.TryGetValues("OCI-Chunk-Min-Length", out var values)
                && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var minimum) ? minimum : 0;
            if (least > MaxChunk)
            {
                throw new RegistryException(RegistryFault.Protocol, _image.Name, $"the registry wants chunks of {least} bytes", "use another registry");
            }

            return new BlobUpload(
                _transport, _image.Name, location, Math.Max(_options.ChunkSize, (int)least), async (digest, token) => await FindBlobAsync(digest, token) is not null);
        }
    }

    /// <summary>Puts a small blob, unless the repository has it; again when the registry loses its upload.</summary>
    public async Task PutBlobAsync(byte[] bytes, CancellationToken cancel)
    {
        var digest = Digest.Of(bytes);
        if (await FindBlobAsync(digest, cancel) is not null)
        {
            return;
        }

        for (var pass = 1; ; pass++)
        {
            try
            {
                await UploadAsync(bytes, digest, cancel);
                break;
            }
            catch (UploadLostException lost) when (pass < MaxPasses)
            {
                _options.Log($"{_image.Name}: {lost.Message}; sending {digest} from its start");
            }
            catch (UploadLostException lost)
            {
                throw new RegistryException(
                    RegistryFault.Transient, Subject(digest.ToString()), $"the upload broke {MaxPasses} times: {lost.Message}", "run again later", lost);
            }
        }

        await CheckBlobAsync(digest, bytes.Length, cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    private async Task UploadAsync(byte[] bytes, Digest digest, CancellationToken cancel)
    {
        var upload = await StartUploadAsync(cancel);
        var committed = false;
        try
        {
            await upload.SendAsync(bytes, cancel);
            await upload.CommitAsync(digest, cancel);
            committed = true;
        }
        finally
        {
            if (!committed)
            {
                // Also after a cancellation, and then quickly: SIGTERM leaves seconds.
                using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(3));
                await upload.AbortAsync(soon.Token);
            }
        }
    }

    /// <summary>HTTPS where the server speaks it, else HTTP; only where the user said <c>insecure</c>.</summary>
    private static async Task ChooseSchemeAsync(Transport transport, CancellationToken cancel)
    {
        var secure = await transport.RepeatAsync(
            async token =>
            {
                try
                {
                    using var answer = await transport.SendOnceAsync(() => new HttpRequestMessage(HttpMethod.Get, new Uri(transport.Base, "v2/")), token);
                    return true;
                }
                catch (Exception error) when (Transport.ShowsNoTls(error))
                {
                    return false;
                }
            },
            cancel);
        if (!secure)
        {
            transport.Base = new UriBuilder(transport.Base) { Scheme = "http", Port = transport.Base.IsDefaultPort ? 80 : transport.Base.Port }.Uri;
        }
    }

    private Uri Address(string path) => new(_transport.Base, $"v2/{_image.Repository}/{path}");

    private string Subject(string pointer) =>
        _image.Name + (Digest.TryParse(pointer, out _) ? "@" : ":") + pointer;

    private static RegistryException Corrupt(string subject, string cause) =>
        new(RegistryFault.Integrity, subject, cause, "the registry or the way to it is corrupt: do not use this image");
}
