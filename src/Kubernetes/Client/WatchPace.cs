namespace Kubernetes.Client;

/// <summary>How one connection of a watch ended.</summary>
internal enum WatchEnd
{
    /// <summary>The server ended it, or it broke.</summary>
    Closed,

    /// <summary>It was silent for too long, although bookmarks had come regularly.</summary>
    Silent,

    /// <summary>It was silent for too long, and no bookmark was to be expected.</summary>
    SilentFromTheStart,

    /// <summary>What came was no change.</summary>
    Garbage,
}

/// <summary>When a watch is opened again: at once as long as it gets on, else with pauses that grow, so that a server that ends it at once is not stormed.</summary>
internal sealed class WatchPace(ClientOptions options)
{
    private const int MostGarbage = 5;
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(10);

    private string? _version;
    private long _opened;
    private int _failures;
    private int _silences;
    private int _garbage;

    /// <summary>How long the next connection may be silent before bookmarks come regularly.</summary>
    internal TimeSpan Silence
    {
        get
        {
            // A server that never sends bookmarks must not be asked again every few minutes: after 3, 15 and 63 minutes, then once an hour.
            var longest = options.WatchLength + TimeSpan.FromSeconds(30);
            var silence = options.BookmarkSilence * Math.Pow(4, Math.Min(_silences, 10));
            return silence < longest ? silence : longest;
        }
    }

    internal void Opened(string version)
    {
        _version = version;
        _opened = options.Time.GetTimestamp();
    }

    /// <summary>A connection has ended.</summary>
    /// <param name="end">How.</param>
    /// <param name="version">Where the next one goes on.</param>
    /// <param name="fault">What was wrong with what came.</param>
    internal void Closed(WatchEnd end, string? version, KubernetesException? fault)
    {
        _silences = end == WatchEnd.SilentFromTheStart ? _silences + 1 : 0;
        _garbage = end == WatchEnd.Garbage ? _garbage + 1 : 0;
        if (_garbage >= MostGarbage)
        {
            throw fault!;
        }

        var gotOn = (version is not null && version != _version) || options.Time.GetElapsedTime(_opened) > Long;
        _failures = gotOn && end != WatchEnd.Garbage ? 0 : _failures + 1;
    }

    /// <summary>Waits as long as it is due.</summary>
    internal async Task PauseAsync(CancellationToken cancellation)
    {
        // The first time is nothing special: servers end watches now and then.
        if (_failures > 1)
        {
            var pause = options.FirstDelay * Math.Pow(2, Math.Min(_failures - 2, 20)) * (0.5 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(pause < options.LongestDelay ? pause : options.LongestDelay, options.Time, cancellation);
        }
    }
}
