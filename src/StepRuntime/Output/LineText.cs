using System.Globalization;
using System.Text;

namespace StepRuntime.Output;

/// <summary>Text from guests, registries and API servers, made fit for a log: no line break, no control sequence.</summary>
public static class LineText
{
    /// <summary>One line: line breaks become "; ", other control and format characters become visible escapes.</summary>
    public static string Clean(string text)
    {
        if (!text.Any(IsUnsafe))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length + 16);
        foreach (var character in text.TrimEnd('\r', '\n').Replace("\r\n", "\n", StringComparison.Ordinal))
        {
            _ = character switch
            {
                '\n' => clean.Append("; "),
                '\t' => clean.Append(' '),
                _ when IsUnsafe(character) => clean.Append(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}"),
                _ => clean.Append(character),
            };
        }

        return clean.ToString();
    }

    // Format characters (Cf) hold the bidirectional overrides, which can turn a line around on a terminal.
    private static bool IsUnsafe(char character) =>
        char.IsControl(character) || char.GetUnicodeCategory(character) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
