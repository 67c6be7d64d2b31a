using System.Net;
using System.Net.Sockets;

namespace Lab.ApiServers;

/// <summary>Ports for servers that can't be told to take any (kube-apiserver: port 0 is none).</summary>
internal static class FreePort
{
    /// <summary>
    /// A loopback port that nobody listens on, below those that the kernel gives to outgoing connections (ip(7),
    /// ip_local_port_range: from 32768), so that it is still free when the server was stopped and starts again.
    /// </summary>
    public static int Find()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: another one.
            }
        }
    }
}
