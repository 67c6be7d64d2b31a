using Registry;

namespace ContainerDisks.Push;

/// <summary>Collects a layer's bytes into chunks; while one is sent, the next is filled. Two buffers, never more.</summary>
internal sealed class ChunkedSender : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly BlobUpload _upload;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _cancel;
    private byte[] _filling;
    private byte[] _sending;
    private int _filled;
    private Task _sent = Task.CompletedTask;

    internal ChunkedSender(BlobUpload upload, CancellationToken cancel)
    {
        _upload = upload;
        _cancel = cancel;
        _filling = GC.AllocateUninitializedArray<byte>(upload.ChunkSize);
        _sending = GC.AllocateUninitializedArray<byte>(upload.ChunkSize);
    }

    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var count = Math.Min(bytes.Length, _filling.Length - _filled);
            bytes.Span[..count].CopyTo(_filling.AsSpan(_filled));
            _filled += count;
            bytes = bytes[count..];
            if (_filled == _filling.Length)
            {
                await SendAsync();
            }
        }
    }

    /// <summary>Sends what is left and waits until the registry has all of it.</summary>
    internal async Task FinishAsync()
    {
        if (_filled > 0)
        {
            await SendAsync();
        }

        await _sent.WaitAsync(_cancel);
    }

    /// <summary>
    /// Waits for the chunk that is on its way, if any, and stops it when that takes long: a registry can only forget
    /// an upload that stands where both sides know.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _stop.CancelAfter(Patience);
        await _sent.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        await _sent.WaitAsync(_cancel);
        (_filling, _sending) = (_sending, _filling);
        _sent = _upload.SendAsync(_sending.AsMemory(0, _filled), _stop.Token);
        _filled = 0;
    }
}
