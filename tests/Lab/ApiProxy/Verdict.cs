using System.Text.Json;

namespace Lab.ApiProxy;

/// <summary>What the proxy does with a request, or with its answer.</summary>
public abstract record Verdict
{
    private Verdict()
    {
    }

    /// <summary>Goes on as it is.</summary>
    public static Verdict Pass { get; } = new PassVerdict();

    /// <summary>The client never gets an answer: its stream is reset (HTTP/2), its connection (HTTP/1.1).</summary>
    public static Verdict Reset { get; } = new ResetVerdict(WholeConnection: false);

    /// <summary>The whole connection breaks, with everything else that runs on it.</summary>
    public static Verdict ResetConnection { get; } = new ResetVerdict(WholeConnection: true);

    /// <summary>
    /// The client hears nothing more until it gives up. A watch gets its headers, and no event. Before: the server is not asked.
    /// </summary>
    public static Verdict Silence { get; } = new SilenceVerdict();

    /// <summary>A watch ends properly after so many events.</summary>
    public static Verdict EndWatchAfter(int events) => new WatchVerdict(events, WatchEnd.Close);

    /// <summary>A watch breaks after so many events.</summary>
    public static Verdict CutWatchAfter(int events) => new WatchVerdict(events, WatchEnd.Reset);

    /// <summary>A watch stays open after so many events and delivers nothing more.</summary>
    public static Verdict SilenceWatchAfter(int events) => new WatchVerdict(events, WatchEnd.Silence);

    /// <summary>Another answer than the server's: any status, headers and body.</summary>
    public static Verdict Answer(int status, string body, string contentType = "application/json", params (string Name, string Value)[] headers) =>
        new AnswerVerdict(status, body, contentType, headers);

    /// <summary>An answer in the API's form for errors: a <c>Status</c> object.</summary>
    public static Verdict Error(int status, string reason, string message, params (string Name, string Value)[] headers) => new AnswerVerdict(
        status,
        $$"""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":{{Json(message)}},"reason":{{Json(reason)}},"code":{{status}}}""",
        "application/json",
        headers);

    /// <summary>429, with how long to wait.</summary>
    public static Verdict TooManyRequests(int retryAfterSeconds) =>
        Error(429, "TooManyRequests", "too many requests, please try again later", ("Retry-After", retryAfterSeconds.ToString()));

    /// <summary>410: the resourceVersion is too old.</summary>
    public static Verdict Gone { get; } = Error(410, "Expired", "too old resource version: 1 (2)");

    /// <summary>409: somebody else has changed the object.</summary>
    public static Verdict Conflict { get; } = Error(409, "Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again");

    private static string Json(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    internal sealed record PassVerdict : Verdict;

    internal sealed record ResetVerdict(bool WholeConnection) : Verdict;

    internal sealed record SilenceVerdict : Verdict;

    internal sealed record WatchVerdict(int Events, WatchEnd End) : Verdict;

    internal sealed record AnswerVerdict(int Status, string Body, string ContentType, (string Name, string Value)[] Headers) : Verdict;
}

/// <summary>How a watch ends.</summary>
internal enum WatchEnd
{
    Close,
    Reset,
    Silence,
}
