using System.Net;
using System.Net.Sockets;

namespace Kubernetes.Tests.Client;

/// <summary>A wire to a real server that can fall silent: its connections stay open and deliver nothing. New ones work.</summary>
internal sealed class SilentWire : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _upstream;
    private int _silenced;
    private int _connections;

    private SilentWire(string upstream)
    {
        _upstream = IPEndPoint.Parse(upstream);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Host => _listener.LocalEndpoint.ToString()!;

    public static SilentWire Start(string upstream) => new(upstream);

    /// <summary>Silences the connections that are there now.</summary>
    public void Silence() => Volatile.Write(ref _silenced, Volatile.Read(ref _connections));

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = ServeAsync(client, Interlocked.Increment(ref _connections));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client, int number)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(_upstream, _stop.Token);
                await Task.WhenAny(
                    CopyAsync(client.GetStream(), server.GetStream(), number), CopyAsync(server.GetStream(), client.GetStream(), number));
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, int number)
    {
        var buffer = new byte[16 << 10];
        int count;
        while ((count = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (number > Volatile.Read(ref _silenced))
            {
                await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
    }
}
