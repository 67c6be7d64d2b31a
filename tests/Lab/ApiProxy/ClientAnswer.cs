using Microsoft.AspNetCore.Http;

namespace Lab.ApiProxy;

/// <summary>What the proxy says to its client.</summary>
internal static class ClientAnswer
{
    private const byte NewLine = (byte)'\n';

    /// <summary>An answer that is not the server's, or none.</summary>
    public static async Task ApplyAsync(HttpContext context, Verdict verdict, CancellationToken cancellation)
    {
        switch (verdict)
        {
            case Verdict.ResetVerdict reset:
                throw new StreamCutException(reset.WholeConnection);
            case Verdict.SilenceVerdict:
                await Task.Delay(Timeout.Infinite, cancellation);
                break;
            case Verdict.AnswerVerdict answer:
                context.Response.StatusCode = answer.Status;
                context.Response.ContentType = answer.ContentType;
                foreach (var (name, value) in answer.Headers)
                {
                    context.Response.Headers[name] = value;
                }

                await context.Response.WriteAsync(answer.Body, cancellation);
                break;
        }
    }

    /// <summary>The server's status and headers.</summary>
    public static void CopyHead(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Connection" or "Keep-Alive" or "Content-Length"))
            {
                context.Response.Headers[name] = values.ToArray();
            }
        }
    }

    /// <summary>A watch: each piece goes to the client when it comes. Events are lines of JSON.</summary>
    public static async Task StreamAsync(HttpContext context, HttpResponseMessage answer, Verdict.WatchVerdict? limit, CancellationToken cancellation)
    {
        CopyHead(context, answer);
        await context.Response.StartAsync(cancellation);
        // Without it HTTP/1.1 clients get the headers with the first event.
        await context.Response.Body.FlushAsync(cancellation);
        var left = limit?.Events ?? int.MaxValue;
        var buffer = new byte[1 << 16];
        await using var events = await answer.Content.ReadAsStreamAsync(cancellation);
        while (left > 0)
        {
            var count = await events.ReadAsync(buffer, cancellation);
            if (count == 0)
            {
                return;
            }

            var end = UpTo(buffer.AsSpan(0, count), ref left);
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, end), cancellation);
            await context.Response.Body.FlushAsync(cancellation);
        }

        switch (limit!.End)
        {
            case WatchEnd.Reset:
                // A reset throws away what its receiver has not read yet; nothing tells when it has.
                await Task.Delay(100, cancellation);
                throw new StreamCutException(WholeConnection: false);
            case WatchEnd.Silence:
                await Task.Delay(Timeout.Infinite, cancellation);
                break;
        }
    }

    /// <summary>Where the last event that is still allowed ends.</summary>
    private static int UpTo(ReadOnlySpan<byte> piece, ref int left)
    {
        var at = 0;
        while (left > 0 && piece[at..].IndexOf(NewLine) is >= 0 and var line)
        {
            at += line + 1;
            left--;
        }

        return left > 0 ? piece.Length : at;
    }
}

/// <summary>A verdict to break the client's stream.</summary>
internal sealed class StreamCutException(bool WholeConnection) : Exception
{
    public bool WholeConnection { get; } = WholeConnection;
}
