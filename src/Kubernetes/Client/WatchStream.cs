using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kubernetes.Configuration;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>One connection of a watch: lines of JSON until it ends.</summary>
internal sealed class WatchStream<T> : IAsyncDisposable
    where T : KubernetesObject
{
    /// <summary>After so many bookmarks the next one is expected. Measured: servers send none for kinds that have not changed for a while.</summary>
    private const int Regular = 3;

    private readonly HttpResponseMessage? _response;
    private readonly PipeReader? _reader;
    private readonly ResourceKind<T> _kind;
    private readonly ClientOptions _options;
    private readonly ClusterAccess _access;
    private readonly string _subject;
    private TimeSpan _silence;
    private int _bookmarks;

    private WatchStream(
        HttpResponseMessage? response, PipeReader? reader, ResourceKind<T> kind, ClientOptions options, ClusterAccess access, string subject, string? version, TimeSpan silence)
    {
        _silence = silence;
        _response = response;
        _reader = reader;
        _kind = kind;
        _options = options;
        _access = access;
        _subject = subject;
        Version = version;
    }

    /// <summary>Where the next connection goes on; null when that is past and everything has to be listed anew.</summary>
    internal string? Version { get; private set; }

    /// <summary>How it has ended.</summary>
    internal WatchEnd End { get; private set; }

    /// <summary>What was wrong with what came, if that ended it.</summary>
    internal KubernetesException? Fault { get; private set; }

    internal static async Task<WatchStream<T>> OpenAsync(
        Transport transport, ClientOptions options, ClusterAccess access, ResourceKind<T> kind, string? inNamespace, WatchScope scope, string version,
        TimeSpan silence, Trust trust, CancellationToken cancellation)
    {
        var subject = kind.Describe(inNamespace, null);
        var query = $"?watch=1&allowWatchBookmarks=true&timeoutSeconds={(int)options.WatchLength.TotalSeconds}&resourceVersion={Uri.EscapeDataString(version)}";
        query += scope.Labels is { Length: > 0 } labels ? $"&labelSelector={Uri.EscapeDataString(labels)}" : "";
        query += scope.Fields is { Length: > 0 } fields ? $"&fieldSelector={Uri.EscapeDataString(fields)}" : "";
        try
        {
            var response = await transport.OpenAsync(
                () => new HttpRequestMessage(HttpMethod.Get, transport.Address(kind.Path(inNamespace) + query)), subject, trust, cancellation);
            var body = await response.Content.ReadAsStreamAsync(cancellation);
            return new WatchStream<T>(response, PipeReader.Create(body), kind, options, access, subject, version, silence);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Gone)
        {
            return new WatchStream<T>(null, null, kind, options, access, subject, null, silence);
        }
    }

    /// <summary>The next change; null when the connection is at its end.</summary>
    internal async Task<WatchEvent<T>?> NextAsync(CancellationToken cancellation)
    {
        try
        {
            while (await LineAsync(cancellation) is { Length: > 0 } line)
            {
                var raw = Bodies.Parse(line, WatchJson.Default.RawWatchEvent, _subject);
                switch (raw.Type)
                {
                    case "BOOKMARK":
                        _silence = ++_bookmarks >= Regular ? _options.BookmarkSilence : _silence;
                        Version = Read(raw.Object, _kind.Json).Metadata.ResourceVersion ?? Version;
                        break;
                    case "ERROR":
                        return Failed(raw.Object);
                    case "ADDED" or "MODIFIED" or "DELETED":
                        var changed = Read(raw.Object, _kind.Json);
                        Version = changed.Metadata.ResourceVersion ?? Version;
                        return new WatchEvent<T>(
                            raw.Type switch { "ADDED" => WatchEventType.Added, "MODIFIED" => WatchEventType.Modified, _ => WatchEventType.Deleted }, changed);
                    default:
                        throw new KubernetesException(KubernetesFault.Protocol, _subject, "what a watch is answered with is no change", "check that the address is an API server's");
                }
            }
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Protocol)
        {
            _options.Log($"{fault.Message}; opening the watch again");
            (End, Fault) = (WatchEnd.Garbage, fault);
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_reader is not null)
        {
            await _reader.CompleteAsync();
        }

        _response?.Dispose();
    }

    private WatchEvent<T>? Failed(JsonElement element)
    {
        var status = Read(element, KubernetesJson.Default.Status);
        var fault = Refusals.From(status.Code ?? 500, status, _subject, _access);
        if (fault is KubernetesException { Kind: not KubernetesFault.Gone } final)
        {
            throw final;
        }

        // Gone: list anew. What may pass is met by listing anew as well, which is repeated with pauses.
        _options.Log($"{fault.Message}: listing anew");
        Version = null;
        return null;
    }

    private TRead Read<TRead>(JsonElement element, JsonTypeInfo<TRead> json)
    {
        try
        {
            return element.Deserialize(json) ?? throw new JsonException("null");
        }
        catch (JsonException fault)
        {
            throw new KubernetesException(KubernetesFault.Protocol, _subject, $"a change that is no {typeof(TRead).Name}: {Refusals.Printable(fault.Message)}", "", fault);
        }
    }

    /// <summary>The next line; null when the connection is at its end, has broken, or has been silent for too long.</summary>
    private async Task<byte[]?> LineAsync(CancellationToken cancellation)
    {
        if (_reader is null)
        {
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_silence);
        var looked = 0L;
        try
        {
            while (true)
            {
                var result = await _reader.ReadAsync(limit.Token);
                var buffer = result.Buffer;
                if (buffer.Slice(looked).PositionOf((byte)'\n') is { } end)
                {
                    looked = 0;
                    var line = buffer.Slice(0, end).ToArray();
                    _reader.AdvanceTo(buffer.GetPosition(1, end));
                    if (line.Length > 0)
                    {
                        return line;
                    }

                    continue;
                }

                if (buffer.Length > Bodies.MostOfObject)
                {
                    throw new KubernetesException(KubernetesFault.Protocol, _subject, $"a change of more than {Bodies.MostOfObject >> 20} MiB");
                }

                looked = buffer.Length;
                _reader.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                {
                    return null;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            End = _bookmarks >= Regular ? WatchEnd.Silent : WatchEnd.SilentFromTheStart;
            _options.Log($"{_subject}: the watch has been silent for too long; opening it again");
            return null;
        }
        catch (InvalidDataException fault)
        {
            throw new KubernetesException(KubernetesFault.Protocol, _subject, "what a watch is answered with can't be unpacked", "check what stands between here and the API server", fault);
        }
        catch (Exception fault) when (fault is IOException or HttpRequestException)
        {
            _options.Log($"{_subject}: the watch broke ({Refusals.Printable(fault.Message)}); opening it again");
            return null;
        }
    }
}
