using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalCluster.Tekton;

/// <summary>Durations as Go writes them (package time, ParseDuration): <c>1h30m</c>.</summary>
internal static partial class Durations
{
    /// <summary>What Tekton gives a run that says nothing (config-defaults, default-timeout-minutes).</summary>
    internal static readonly TimeSpan Default = TimeSpan.FromMinutes(60);

    /// <summary>A duration; null where the text is none.</summary>
    internal static TimeSpan? Parse(string text)
    {
        if (text == "0")
        {
            return TimeSpan.Zero;
        }

        var match = Whole().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var seconds = match.Groups["part"].Captures.Sum(part =>
        {
            var unit = part.Value.AsSpan().TrimStart("0123456789.");
            return double.Parse(part.ValueSpan[..^unit.Length], CultureInfo.InvariantCulture)
                * unit switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3, "ns" => 1e-9, _ => 1e-6 };
        });
        return seconds > TimeSpan.FromDays(36500).TotalSeconds ? null : TimeSpan.FromSeconds(seconds);
    }

    /// <summary>A field's duration, or what holds without it; zero is "no limit".</summary>
    /// <exception cref="RunFailure">It is none.</exception>
    internal static TimeSpan? Of(string? text, TimeSpan? otherwise, string reason, string field)
    {
        if (string.IsNullOrEmpty(text))
        {
            return otherwise;
        }

        return Parse(text) ?? throw new RunFailure(reason, $"{field}: \"{text}\" is no duration; write one as 1h30m");
    }

    /// <summary>As Go prints it: <c>1h30m0s</c>.</summary>
    internal static string Print(TimeSpan time)
    {
        var seconds = (time.Seconds + ((time.Ticks % TimeSpan.TicksPerSecond) / (double)TimeSpan.TicksPerSecond)).ToString("0.#######", CultureInfo.InvariantCulture);
        var hours = (long)time.TotalHours;
        return hours > 0 ? $"{hours}h{time.Minutes}m{seconds}s" : time.Minutes > 0 ? $"{time.Minutes}m{seconds}s" : $"{seconds}s";
    }

    [GeneratedRegex(@"\A(?<part>[0-9]+(\.[0-9]+)?(h|ms|m|s|us|µs|ns))+\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Whole();
}
