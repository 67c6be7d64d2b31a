using System.Net;
using System.Net.Sockets;

namespace Lab;

/// <summary>A wire to a real server that is cut: a connection ends after so many bytes from the client.</summary>
public sealed class CutProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _upstream;
    private readonly Lock _lock = new();
    private readonly Queue<long> _cuts;
    private int _made;

    private CutProxy(string upstream, IEnumerable<long> cuts)
    {
        _upstream = upstream;
        _cuts = new Queue<long>(cuts);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Host and port.</summary>
    public string Host => _listener.LocalEndpoint.ToString()!;

    /// <summary>How many connections were cut.</summary>
    public int Made
    {
        get
        {
            lock (_lock)
            {
                return _made;
            }
        }
    }

    /// <summary>Starts it on a free loopback port.</summary>
    /// <param name="upstream">Host and port of the real server.</param>
    /// <param name="cuts">
    /// After how many bytes each large transfer is cut, one after another; later ones are left alone. A connection
    /// counts from its first byte.
    /// </param>
    public static CutProxy Start(string upstream, params long[] cuts) => new(upstream, cuts);

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                var end = IPEndPoint.Parse(_upstream);
                await server.ConnectAsync(end, _stop.Token);
                var back = server.GetStream().CopyToAsync(client.GetStream(), _stop.Token);
                await ForwardAsync(client.GetStream(), server.GetStream());
                server.Client.Shutdown(SocketShutdown.Send);
                await back;
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task ForwardAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[16 << 10];
        var sent = 0L;
        int count;
        while ((count = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            sent += count;
            await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            if (IsCut(sent))
            {
                throw new IOException("cut");
            }
        }
    }

    /// <summary>Whether this connection is the next that is cut; connections run side by side.</summary>
    private bool IsCut(long sent)
    {
        lock (_lock)
        {
            if (!_cuts.TryPeek(out var cut) || sent < cut)
            {
                return false;
            }

            _cuts.Dequeue();
            _made++;
            return true;
        }
    }
}
