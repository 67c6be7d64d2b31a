using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Registry;

/// <summary>
/// A blob as it comes from a registry. Every byte is hashed; the end of the stream is only reached when the size and
/// the digest are right. A connection that breaks is continued at the same byte.
/// </summary>
internal sealed class BlobStream(
    Transport transport, Uri address, string subject, Digest digest, long size, RegistryOptions options) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private HttpResponseMessage? _answer;
    private Stream? _body;
    private long _position;
    private bool _verified;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => size;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0)
        {
            return 0;
        }

        if (_verified)
        {
            return 0;
        }

        var count = await transport.RepeatAsync(token => ReadOnceAsync(buffer, token), cancellationToken);
        if (_position + count > size)
        {
            throw Wrong($"it is larger than the {size} bytes that the image says");
        }

        _hash.AppendData(buffer.Span[..count]);
        _position += count;
        if (count == 0 || _position == size)
        {
            Verify();
        }

        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close(ref _answer, ref _body);
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<int> ReadOnceAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        _body ??= await OpenAsync(cancel);
        var count = await ReadPatientlyAsync(_body, buffer, cancel);
        return count > 0 || _position == size ? count : throw Broken($"the registry sent {_position} of {size} bytes", null);
    }

    /// <summary>Reads; a connection that breaks or goes silent is a failure that may pass.</summary>
    private async Task<int> ReadPatientlyAsync(Stream body, Memory<byte> buffer, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(options.Patience);
        try
        {
            return await body.ReadAsync(buffer, patience.Token);
        }
        catch (Exception error) when (error is IOException or HttpRequestException
            || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw Broken(error.Message, error);
        }
    }

    private PassingFailure Broken(string cause, Exception? inner)
    {
        Close(ref _answer, ref _body);
        return new PassingFailure($"the download broke at byte {_position}: {cause}", null, inner, answered: true);
    }

    private async Task<Stream> OpenAsync(CancellationToken cancel)
    {
        var answer = await transport.SendOnceAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, address);
                request.Headers.Range = _position > 0 ? new RangeHeaderValue(_position, null) : null;
                return request;
            },
            cancel);
        if (answer.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            answer.Dispose();
            throw Wrong($"the registry has only {_position} of its {size} bytes");
        }

        if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
        {
            throw await transport.FailureAsync(answer, subject, cancel);
        }

        _answer = answer;
        var body = await answer.Content.ReadAsStreamAsync(cancel);
        var start = answer.StatusCode == HttpStatusCode.PartialContent ? answer.Content.Headers.ContentRange?.From ?? _position : 0;
        if (start != _position)
        {
            // It does not know ranges: what is here already comes again.
            await SkipAsync(body, _position - start, cancel);
        }

        return body;
    }

    private async Task SkipAsync(Stream body, long count, CancellationToken cancel)
    {
        if (count < 0)
        {
            throw new RegistryException(RegistryFault.Protocol, subject, "the registry continues at another byte than asked", "check the registry");
        }

        var buffer = new byte[64 << 10];
        while (count > 0)
        {
            var read = await ReadPatientlyAsync(body, buffer.AsMemory(0, (int)Math.Min(buffer.Length, count)), cancel);
            count -= read > 0 ? read : throw Broken("it ended", null);
        }
    }

    private void Verify()
    {
        var found = Registry.Digest.From(_hash.GetHashAndReset());
        _verified = _position == size && found == digest;
        if (!_verified)
        {
            throw Wrong($"its {_position} bytes have the digest {found}, not {digest}");
        }
    }

    private RegistryException Wrong(string cause) =>
        new(RegistryFault.Integrity, subject, cause, "the registry or the way to it is corrupt: do not use this image");

    private static void Close(ref HttpResponseMessage? answer, ref Stream? body)
    {
        body?.Dispose();
        answer?.Dispose();
        body = null;
        answer = null;
    }
}
