using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kubernetes.Client;

/// <summary>Reads bodies with a limit: a broken server must not fill the memory.</summary>
internal static class Bodies
{
    /// <summary>The most bytes of one object; etcd takes 1.5 MiB.</summary>
    internal const int MostOfObject = 4 << 20;

    /// <summary>The most bytes of one page of a list; larger ones are asked for again with fewer objects.</summary>
    internal const int MostOfPage = 8 << 20;

    /// <summary>A whole body.</summary>
    internal static async Task<MemoryStream> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellation)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellation);
        var body = new MemoryStream(response.Content.Headers.ContentLength is { } length and > 0 && length <= most ? (int)length : 4096);
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await UnpackedAsync(stream, buffer, cancellation)) > 0)
        {
            if (body.Length + read > most)
            {
                throw new KubernetesException(KubernetesFault.Protocol, response.RequestMessage?.RequestUri?.Authority ?? "API server", $"an answer of more than {most >> 20} MiB") { TooLarge = true };
            }

            body.Write(buffer, 0, read);
        }

        return body;
    }

    /// <summary>The next bytes of a body that may be packed (gzip): one that can't be unpacked is as good as one that broke off.</summary>
    /// <exception cref="IOException">It breaks off, or can't be unpacked.</exception>
    internal static async ValueTask<int> UnpackedAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellation);
        }
        catch (InvalidDataException fault)
        {
            throw new IOException("it can't be unpacked", fault);
        }
    }

    /// <summary>An object of a body.</summary>
    internal static T Parse<T>(ReadOnlySpan<byte> body, JsonTypeInfo<T> json, string subject)
    {
        try
        {
            return JsonSerializer.Deserialize(body, json) ?? throw new JsonException("null");
        }
        catch (JsonException fault)
        {
            throw new KubernetesException(
                KubernetesFault.Protocol, subject, $"the answer is no {typeof(T).Name}: {Refusals.Printable(fault.Message)}",
                "check that the address is an API server's", fault);
        }
    }
}
