using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>What stands in a table's columns: by JSONPath, or computed as Kubernetes does it (pkg/printers/internalversion/printers.go).</summary>
internal static class Cells
{
    private const string Unknown = "<unknown>";

    /// <summary>The first column.</summary>
    internal static string Name(ApiResource resource, JsonObject item)
    {
        var name = Text(item, ".metadata.name");
        return resource.Kind == "StorageClass" && (string?)item["metadata"]?["annotations"]?["storageclass.kubernetes.io/is-default-class"] == "true" ? $"{name} (default)" : name;
    }

    /// <summary>Another one's cell; null where there is nothing.</summary>
    internal static JsonNode? Of(TableColumn column, JsonObject item, DateTimeOffset now)
    {
        var source = column.Source;
        if (source.StartsWith('.'))
        {
            var found = Find(item, source);
            return column.Type switch
            {
                "date" => Age(found, now),
                "string" => found is null ? null : found.ToString(),
                _ => found?.DeepClone(),
            };
        }

        return source.Split('(')[0] switch
        {
            "count" => source[6..^1].Split(' ').Sum(path => Find(item, path) switch { JsonObject map => map.Count, JsonArray list => list.Count, _ => 0 }),
            "ready" => $"{Containers(item).Count(one => (bool?)one["ready"] == true)}/{(Find(item, ".spec.containers") as JsonArray)?.Count ?? 0}",
            "podStatus" => PodStatus(item),
            "restarts" => Containers(item).Sum(one => (int?)one["restartCount"] ?? 0).ToString(CultureInfo.InvariantCulture),
            "claimStatus" => Find(item, ".metadata.deletionTimestamp") is null ? Text(item, ".status.phase") : "Terminating",
            "accessModes" => string.Join(',', (Find(item, ".status.accessModes") as JsonArray ?? []).Select(one => (string?)one switch { "ReadOnlyMany" => "ROX", "ReadWriteMany" => "RWX", "ReadWriteOncePod" => "RWOP", _ => "RWO" })),
            "roleRef" => $"{Text(item, ".roleRef.kind")}/{Text(item, ".roleRef.name")}",
            "lastSeen" => Age(Find(item, ".lastTimestamp") ?? Find(item, ".eventTime") ?? Find(item, ".firstTimestamp"), now),
            "involved" => $"{Text(item, ".involvedObject.kind").ToLowerInvariant()}/{Text(item, ".involvedObject.name")}",
            "orFalse" => Find(item, source.AsSpan(8, source.Length - 9))?.ToString() ?? "false",
            var other => throw new InvalidDataException($"schema files: there is no function {other}"),
        };
    }

    /// <summary>How long ago, as kubectl writes it (apimachinery, util/duration HumanDuration).</summary>
    internal static string Age(TimeSpan passed)
    {
        var seconds = (long)passed.TotalSeconds;
        var (minutes, hours) = ((long)passed.TotalMinutes, (long)passed.TotalHours);
        var (days, years) = (hours / 24, hours / 24 / 365);
        return seconds switch
        {
            < -1 => "<invalid>",
            < 0 => "0s",
            < 120 => $"{seconds}s",
            _ when minutes < 10 => Two(minutes, "m", seconds % 60, "s"),
            _ when minutes < 180 => $"{minutes}m",
            _ when hours < 8 => Two(hours, "h", minutes % 60, "m"),
            _ when hours < 48 => $"{hours}h",
            _ when days < 8 => Two(days, "d", hours % 24, "h"),
            _ when years < 2 => $"{days}d",
            _ when years < 8 => Two(years, "y", days % 365, "d"),
            _ => $"{years}y",
        };

        static string Two(long first, string unit, long second, string smaller) => second == 0 ? $"{first}{unit}" : $"{first}{unit}{second}{smaller}";
    }

    /// <summary>The first value at a path of the form <c>.a.b[?(@.c=="d")].e</c>; null where there is none.</summary>
    internal static JsonNode? Find(JsonNode? node, ReadOnlySpan<char> path)
    {
        while (node is not null && path.Length > 0)
        {
            if (path.StartsWith("[?(@."))
            {
                var end = path.IndexOf(")]");
                var condition = path[5..end];
                var equals = condition.IndexOf("==");
                var (name, value) = (condition[..equals].ToString(), condition[(equals + 2)..].Trim('"').ToString());
                node = (node as JsonArray)?.FirstOrDefault(one => (one as JsonObject)?[name]?.ToString() == value);
                path = path[(end + 2)..];
                continue;
            }

            var rest = path[1..];
            var length = rest.IndexOfAny('.', '[');
            node = (node as JsonObject)?[(length < 0 ? rest : rest[..length]).ToString()];
            path = length < 0 ? [] : rest[length..];
        }

        return node;
    }

    private static string Age(JsonNode? since, DateTimeOffset now) =>
        since is JsonValue value && value.GetValueKind() == JsonValueKind.String && DateTimeOffset.TryParse((string)value!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var when)
            ? Age(now - when)
            : Unknown;

    private static string Text(JsonNode item, string path) => Find(item, path)?.ToString() ?? "";

    private static IReadOnlyList<JsonObject> Containers(JsonObject pod) => [.. (Find(pod, ".status.containerStatuses") as JsonArray ?? []).OfType<JsonObject>()];

    private static string PodStatus(JsonObject pod)
    {
        var status = Text(pod, ".status.reason") is { Length: > 0 } reason ? reason : Text(pod, ".status.phase");
        var runs = false;
        foreach (var container in Containers(pod).Reverse())
        {
            if (Text(container, ".state.waiting.reason") is { Length: > 0 } waiting)
            {
                status = waiting;
            }
            else if (Find(container, ".state.terminated") is { } ended)
            {
                status = Text(ended, ".reason") is { Length: > 0 } why ? why
                    : Find(ended, ".signal") is { } signal && signal.ToString() != "0" ? $"Signal:{signal}" : $"ExitCode:{Text(ended, ".exitCode")}";
            }
            else if ((bool?)container["ready"] == true && Find(container, ".state.running") is not null)
            {
                runs = true;
            }
        }

        if (status == "Completed" && runs)
        {
            status = Text(pod, ".status.conditions[?(@.type==\"Ready\")].status") == "True" ? "Running" : "NotReady";
        }

        return Find(pod, ".metadata.deletionTimestamp") is null ? status : "Terminating";
    }
}
