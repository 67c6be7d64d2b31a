using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>Says where a volume stands, for whoever has to find out why it does not become ready: a line each.</summary>
internal static class VolumeReport
{
    private const int MostEvents = 8;

    /// <summary>The most events that are held until it is known which of them are of this very volume.</summary>
    private const int MostHeld = 200;

    private static readonly string[] Told =
        [CdiAnnotations.CloneType, CdiAnnotations.CloneFallbackReason, CdiAnnotations.ClonePhase, CdiAnnotations.CloneError, CdiAnnotations.PodPhase];

    /// <summary>What the DataVolume itself says.</summary>
    internal static List<string> Of(DataVolume volume)
    {
        var (status, restarts) = (volume.Status, volume.Status?.RestartCount ?? 0);
        var lines = new List<string>
        {
            $"{Kinds.DataVolumes.Describe(volume.Metadata.Namespace, volume.Metadata.Name)}: phase {Word(status?.Phase)}, progress {Word(status?.Progress)}"
                + (restarts > 0 ? $", {restarts} restarts" : ""),
        };
        lines.AddRange((status?.Conditions ?? []).OfType<Condition>().Take(10).Select(condition =>
            $"condition {Word(condition.Type)} {Word(condition.Status)} {Refusals.Printable(condition.Reason)}: {Refusals.Printable(condition.Message)}".TrimEnd(' ', ':')));
        return lines;
    }

    /// <summary>What the DataVolume, its claim and their events say. What can't be read is said instead of failing.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The DataVolume.</param>
    /// <param name="last">It, as it was seen last.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="cancellation">Stops; what is known by then is told.</param>
    internal static async Task<List<string>> ReadAsync(
        KubernetesClient client, string inNamespace, string name, DataVolume? last, TimeSpan limit, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stop.CancelAfter(limit);
        var claimName = ClaimName(last, name);
        var claim = TryAsync(() => client.FindAsync(Kinds.PersistentVolumeClaims, inNamespace, claimName, stop.Token), "the claim");
        var events = TryAsync(() => EventsAsync(client, inNamespace, claimName, stop.Token), "the events");
        var (found, claimFault) = await claim;
        var (happened, eventsFault) = await events;

        var lines = last is null ? [$"{Kinds.DataVolumes.Describe(inNamespace, name)}: never seen"] : Of(last);
        lines.Add(claimFault ?? Describe(inNamespace, claimName, found));
        if (eventsFault is not null)
        {
            lines.Add(eventsFault);
        }

        lines.AddRange(Mine(happened, last, found).TakeLast(MostEvents).Select(Describe));
        return lines;
    }

    /// <summary>Why a volume may stand still that is not in trouble: what its claim waits for, who uses the source of a clone, and the other warnings.</summary>
    /// <param name="client">The cluster.</param>
    /// <param name="inNamespace">The namespace.</param>
    /// <param name="name">The DataVolume.</param>
    /// <param name="last">It, as it was seen last.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="cancellation">Stops.</param>
    internal static async Task<List<string>> StandstillAsync(
        KubernetesClient client, string inNamespace, string name, DataVolume? last, TimeSpan limit, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stop.CancelAfter(limit);
        var (happened, _) = await TryAsync(() => EventsAsync(client, inNamespace, ClaimName(last, name), stop.Token), "the events");
        cancellation.ThrowIfCancellationRequested();

        var mine = Mine(happened, last, null).ToList();
        var lines = new List<string>();
        if (Condition.Of(last?.Status?.Conditions, "Bound") is { IsTrue: false } bound && Refusals.Printable(bound.Message) is { Length: > 0 } said)
        {
            lines.Add(said);
        }

        // Older releases had a reason of this end for each way of cloning.
        lines.AddRange(mine.Where(IsInUse).Select(one => Refusals.Printable(one.Message)).Distinct().TakeLast(MostEvents)
            .Select(text => $"the clone waits until its source is no longer used: {text}"));
        lines.AddRange(mine.Where(one => one.Type == "Warning" && !IsInUse(one)).TakeLast(MostEvents).Select(Describe));
        return lines;

        static bool IsInUse(Event one) => one.Reason?.EndsWith("CloneSourceInUse", StringComparison.Ordinal) == true;
    }

    private static string ClaimName(DataVolume? last, string name) => last?.Status?.ClaimName is { Length: > 0 } named ? named : name;

    /// <summary>The DataVolume and its claim have one name, so that one request gets the events of both: the latest ones.</summary>
    private static async Task<List<Event>?> EventsAsync(KubernetesClient client, string inNamespace, string name, CancellationToken cancellation)
    {
        try
        {
            return await LatestAsync(client.EachAsync(Kinds.Events, inNamespace, cancellation, fields: $"involvedObject.name={name}"), name);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Usage)
        {
            // A server that knows events as objects of no special kind selects by name and namespace only.
            return await LatestAsync(client.EachAsync(Kinds.Events, inNamespace, cancellation), name);
        }
    }

    /// <summary>The latest events of a name, however many there are.</summary>
    private static async Task<List<Event>> LatestAsync(IAsyncEnumerable<Event> all, string name)
    {
        var latest = new PriorityQueue<Event, DateTimeOffset>();
        await foreach (var said in all)
        {
            if (said.InvolvedObject.Name != name)
            {
                continue;
            }

            latest.Enqueue(said, When(said));
            if (latest.Count > MostHeld)
            {
                latest.Dequeue();
            }
        }

        return [.. latest.UnorderedItems.Select(item => item.Element)];
    }

    /// <summary>The events of this DataVolume and its claim, not of earlier ones of the name; the latest last.</summary>
    private static IEnumerable<Event> Mine(List<Event>? events, DataVolume? volume, PersistentVolumeClaim? claim) => (events ?? [])
        .Where(said => said.InvolvedObject.Kind switch
        {
            "DataVolume" => Same(said.InvolvedObject.Uid, volume?.Metadata.Uid),
            "PersistentVolumeClaim" => Same(said.InvolvedObject.Uid, claim?.Metadata.Uid),
            _ => false,
        })
        .OrderBy(When);

    private static bool Same(string? uid, string? known) => string.IsNullOrEmpty(uid) || string.IsNullOrEmpty(known) || uid == known;

    private static DateTimeOffset When(Event said) => said.LastTimestamp ?? said.FirstTimestamp ?? said.Metadata.CreationTimestamp ?? default;

    private static string Describe(Event said) =>
        $"event {When(said):yyyy-MM-dd'T'HH:mm:ss'Z'} {Word(said.Type)} {Word(said.Reason)} on {Word(said.InvolvedObject.Kind)}"
        + (said.Count > 1 ? $", {said.Count} times" : "") + $": {Refusals.Printable(said.Message)}";

    private static string Describe(string inNamespace, string name, PersistentVolumeClaim? claim)
    {
        var line = Kinds.PersistentVolumeClaims.Describe(inNamespace, name);
        if (claim is null)
        {
            return $"{line}: not there";
        }

        line += $": phase {Word(claim.Status?.Phase)}";
        foreach (var key in Told)
        {
            if (claim.Metadata.Annotation(key) is { Length: > 0 } value)
            {
                line += $", {key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..]} {Refusals.Printable(value)}";
            }
        }

        return line;
    }

    private static string Word(string? text) => Refusals.Printable(text) is { Length: > 0 } word ? word : "-";

    private static async Task<(T? Value, string? Fault)> TryAsync<T>(Func<Task<T?>> read, string what)
        where T : class
    {
        try
        {
            return (await read(), null);
        }
        catch (KubernetesException fault)
        {
            return (null, $"{what} can't be read: {fault.Cause}");
        }
        catch (OperationCanceledException)
        {
            return (null, $"{what} can't be read in time");
        }
    }
}
