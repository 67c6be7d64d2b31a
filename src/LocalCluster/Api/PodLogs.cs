using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>Answers <c>kubectl logs</c> from the files that the containers' output goes to.</summary>
internal sealed class PodLogs(ObjectStore store, string folder)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly string[] NotHad = ["timestamps", "previous"];

    internal async Task AnswerAsync(ApiRequest request, Stored pod)
    {
        if (Array.Find(NotHad, request.Flag) is { } option)
        {
            throw ApiException.BadRequest($"this API server keeps no {(option == "previous" ? "logs of previous containers" : "times of log lines")}: leave out --{option}");
        }

        if (request.Query("sinceSeconds") is not null || request.Query("sinceTime") is not null)
        {
            throw ApiException.BadRequest("this API server keeps no times of log lines: leave out --since and --since-time");
        }

        var containers = pod.Item.Objects("spec", "initContainers").Concat(pod.Item.Objects("spec", "containers")).Select(one => one.Text("name") ?? "").ToList();
        var container = request.Query("container") ?? (containers.Count == 1 ? containers[0]
            : throw ApiException.BadRequest($"a container name must be specified for pod {pod.Name}, choose one of: [{string.Join(' ', containers)}]"));
        if (!containers.Contains(container))
        {
            throw ApiException.BadRequest($"container {ApiRequest.Printable(container)} is not valid for pod {pod.Name}");
        }

        var state = State(pod, container);
        if (state?["terminated"] is null && state?["running"] is null)
        {
            throw ApiException.BadRequest($"container \"{container}\" in pod \"{pod.Name}\" is waiting to start: {state.Text("waiting", "reason") ?? "PodInitializing"}");
        }

        // Names are DNS labels, and the uid is the server's own: no way out of the folder.
        var path = Path.Combine(folder, pod.Uid!, $"{container}.log");
        var limit = request.Number("limitBytes") ?? long.MaxValue;
        request.Http.Response.ContentType = "text/plain";
        await request.Http.Response.StartAsync(request.Aborted);
        FileStream? file = null;
        try
        {
            var isFirst = true;
            while (limit > 0)
            {
                // Looked at before the file is read: what a container wrote before its end was told is read then.
                var isOver = !request.Flag("follow") || HasEnded(pod, container);
                file ??= Open(path);
                if (file is not null)
                {
                    if (isFirst)
                    {
                        await SeekAsync(file, request.Number("tailLines"), request.Aborted);
                        isFirst = false;
                    }

                    limit -= await CopyAsync(file, request, limit);
                }

                if (isOver)
                {
                    break;
                }

                await Task.Delay(Look, request.Aborted);
            }
        }
        finally
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }
        }
    }

    private static FileStream? Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static JsonNode? State(Stored pod, string container) =>
        pod.Item.Objects("status", "initContainerStatuses").Concat(pod.Item.Objects("status", "containerStatuses")).FirstOrDefault(one => one.Text("name") == container)?["state"];

    private bool HasEnded(Stored pod, string container) =>
        store.Find(pod.Resource, pod.Namespace, pod.Name) is not { } now || now.Uid != pod.Uid || State(now, container)?["terminated"] is not null;

    private static async Task<long> CopyAsync(FileStream file, ApiRequest request, long limit)
    {
        var (buffer, copied) = (new byte[64 << 10], 0L);
        while (copied < limit && await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, limit - copied)), request.Aborted) is > 0 and var read)
        {
            await request.Http.Response.Body.WriteAsync(buffer.AsMemory(0, read), request.Aborted);
            copied += read;
        }

        await request.Http.Response.Body.FlushAsync(request.Aborted);
        return copied;
    }

    /// <summary>To where the last lines begin; an unfinished line counts.</summary>
    private static async Task SeekAsync(FileStream file, long? lines, CancellationToken cancellation)
    {
        if (lines is null)
        {
            return;
        }

        var (buffer, end, left) = (new byte[64 << 10], file.Length, lines.Value);
        for (var position = end; position > 0;)
        {
            var length = (int)Math.Min(buffer.Length, position);
            position -= length;
            file.Position = position;
            await file.ReadExactlyAsync(buffer.AsMemory(0, length), cancellation);
            for (var i = length - 1; i >= 0; i--)
            {
                // The last line's own end begins no other.
                if ((buffer[i] == '\n' && position + i != end - 1 && --left == 0) || (lines == 0))
                {
                    file.Position = lines == 0 ? end : position + i + 1;
                    return;
                }
            }
        }

        file.Position = 0;
    }
}
