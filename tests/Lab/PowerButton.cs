using System.Net.Sockets;

namespace Lab;

/// <summary>
/// A virtual machine's power button, by QEMU's machine protocol (docs/interop/qmp-spec): a guest that is up shuts down
/// cleanly, so that everything it wrote is on its disk.
/// </summary>
public static class PowerButton
{
    /// <summary>Presses it.</summary>
    /// <param name="socket">qemu's QMP socket.</param>
    public static async Task Press(string socket, CancellationToken cancellation = default)
    {
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
        await using var stream = new NetworkStream(connection);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        await reader.ReadLineAsync(cancellation); // the greeting
        foreach (var command in (string[])["qmp_capabilities", "system_powerdown"])
        {
            await writer.WriteLineAsync($$"""{"execute":"{{command}}"}""".AsMemory(), cancellation);
            var answer = await reader.ReadLineAsync(cancellation);
            while (answer is not null && answer.Contains("\"event\"", StringComparison.Ordinal))
            {
                answer = await reader.ReadLineAsync(cancellation);
            }

            if (answer is null || !answer.Contains("\"return\"", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"qemu refused {command}: {answer ?? "it closed the connection"}");
            }
        }
    }
}
