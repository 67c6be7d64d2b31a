namespace Kubernetes.Client;

/// <summary>How a client behaves.</summary>
public sealed record ClientOptions
{
    /// <summary>Who asks, in the server's log.</summary>
    public string UserAgent { get; init; } = "golden-image-tasks";

    /// <summary>Who changes, in <c>managedFields</c>.</summary>
    public string FieldManager { get; init; } = "golden-image-tasks";

    /// <summary>How long one attempt may take until its whole answer is there; of a watch, until it begins.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a request is sent again when it fails in a way that may pass: 12, about 90 seconds in all.</summary>
    public int Retries { get; init; } = 12;

    /// <summary>The first pause before a repetition; it doubles, with jitter.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause, Retry-After included.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long one watch is asked for; the server ends it then and it is opened again.</summary>
    public TimeSpan WatchLength { get; init; } = TimeSpan.FromMinutes(55);

    /// <summary>
    /// How long a watch may be silent: busy servers send a bookmark about every minute, so silence may mean that something between here and
    /// there has forgotten the watch. It is opened again then; where bookmarks don't come regularly, with a time that grows fourfold.
    /// </summary>
    public TimeSpan BookmarkSilence { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How long a connection that is waited on may be silent before it is pinged (HTTP/2).</summary>
    public TimeSpan PingDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the answer to a ping may take before the connection counts as dead.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The most objects of one page of a list.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>Takes lines for the log: repetitions, refusals.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Wraps the handler that sends; for tests.</summary>
    public Func<HttpMessageHandler, HttpMessageHandler> Handler { get; init; } = static handler => handler;
}
