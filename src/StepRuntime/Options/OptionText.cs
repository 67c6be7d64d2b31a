using System.Buffers;
using System.Globalization;

namespace StepRuntime.Options;

/// <summary>How an option's text is read; a text that can't be is a <see cref="FormatException"/> that says what can.</summary>
public static class OptionText
{
    private static readonly (string Suffix, decimal Factor)[] SizeUnits =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("P", 1_000_000_000_000_000),
    ];

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly (string Suffix, double Seconds)[] TimeUnits = [("ms", 0.001), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)];

    /// <summary>The longest duration unless an option takes longer ones: every timer takes it.</summary>
    internal static readonly TimeSpan LongestTimer = TimeSpan.FromHours(1000);

    /// <summary><c>true</c> or <c>false</c>, nothing else.</summary>
    public static bool ParseBoolean(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ => throw new FormatException($"'{text}' is neither true nor false"),
    };

    /// <summary>A whole number between two bounds, both allowed.</summary>
    public static int ParseInteger(string text, int minimum, int maximum) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        && number >= minimum && number <= maximum
            ? number
            : throw new FormatException($"'{text}' is not a whole number from {minimum} to {maximum}");

    /// <summary>
    /// Bytes as a Kubernetes quantity: digits, a fraction, and a suffix of Ki, Mi, Gi, Ti, Pi or k, M, G, T, P; rounded up to
    /// a whole byte (apimachinery's resource.Quantity).
    /// </summary>
    public static long ParseSize(string text)
    {
        var (digits, factor) = (text, 1m);
        foreach (var unit in SizeUnits)
        {
            if (text.EndsWith(unit.Suffix, StringComparison.Ordinal))
            {
                (digits, factor) = (text[..^unit.Suffix.Length], unit.Factor);
                break;
            }
        }

        if (digits.Length is 0 or > 19 || !decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            throw new FormatException($"'{text}' is not a size such as 10Gi or 500M");
        }

        return number * factor <= long.MaxValue
            ? (long)decimal.Ceiling(number * factor)
            : throw new FormatException($"'{text}' is more than 8 EiB");
    }

    /// <summary>A duration in Go's form, and with days of 24 hours: numbers with d, h, m, s or ms, in a row (<c>1h30m</c>, <c>7d</c>).</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">The longest that is taken; 1000 hours unless given.</param>
    public static TimeSpan ParseDuration(string text, TimeSpan? longest = null)
    {
        var limit = longest ?? LongestTimer;
        var rest = text.AsSpan();
        var seconds = 0.0;
        while (!rest.IsEmpty)
        {
            var length = rest.IndexOfAnyExcept(NumberCharacters);
            if (length <= 0 || !double.TryParse(rest[..length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                throw new FormatException($"'{text}' is not a duration such as 1h30m or 90s");
            }

            rest = rest[length..];
            seconds += number * TakeUnit(ref rest, text);
        }

        return seconds > 0 && seconds <= limit.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"'{text}' is not a duration between 1ms and {(longest is null ? $"{limit.TotalHours}h" : $"{limit.TotalDays}d")}");
    }

    /// <summary>One of a few words.</summary>
    public static string ParseChoice(string text, IReadOnlyList<string> choices) =>
        choices.Contains(text)
            ? text
            : throw new FormatException($"'{text}' is none of {string.Join(", ", choices)}");

    /// <summary>Words separated by commas or white space, in their order.</summary>
    public static IReadOnlyList<string> ParseList(string text) =>
        text.Split([',', ' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static double TakeUnit(ref ReadOnlySpan<char> rest, string text)
    {
        foreach (var unit in TimeUnits)
        {
            if (rest.StartsWith(unit.Suffix, StringComparison.Ordinal))
            {
                rest = rest[unit.Suffix.Length..];
                return unit.Seconds;
            }
        }

        throw new FormatException($"'{text}' has a number without d, h, m, s or ms");
    }
}
