using System.Text;

namespace Guests.Inspect;

/// <summary>The fields of os-release(5) that matter here.</summary>
/// <param name="Id"><c>ID</c>, lower case; <c>linux</c> when absent, as the manual says.</param>
/// <param name="IdLike"><c>ID_LIKE</c>, split at blanks.</param>
/// <param name="VersionId"><c>VERSION_ID</c>, or empty.</param>
/// <param name="PrettyName"><c>PRETTY_NAME</c>, else <c>NAME</c>, else <c>Linux</c>; one printable line of at most 80 characters.</param>
public sealed record OsRelease(string Id, IReadOnlyList<string> IdLike, string VersionId, string PrettyName)
{
    /// <summary>Reads the file's text: shell-like assignments, the last of a name wins, anything else is passed over.</summary>
    public static OsRelease Parse(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            var trimmed = line.Trim();
            var equals = trimmed.IndexOf('=');
            if (equals > 0 && trimmed[0] != '#')
            {
                fields[trimmed[..equals]] = Unquote(trimmed[(equals + 1)..]);
            }
        }

        var id = Word(fields.GetValueOrDefault("ID", ""));
        var like = fields.GetValueOrDefault("ID_LIKE", "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Word).Where(word => word.Length > 0);
        var pretty = Line(fields.GetValueOrDefault("PRETTY_NAME", ""));
        if (pretty.Length == 0)
        {
            pretty = Line(fields.GetValueOrDefault("NAME", ""));
        }

        return new OsRelease(
            id.Length > 0 ? id : "linux", [.. like.Take(16)], Word(fields.GetValueOrDefault("VERSION_ID", "")), pretty.Length > 0 ? pretty : "Linux");
    }

    /// <summary>Shell quoting as os-release(5) allows it: one pair of quotes around all, a backslash before a special character.</summary>
    private static string Unquote(string value)
    {
        var quote = value.Length >= 2 && value[0] is '"' or '\'' && value[^1] == value[0] ? value[0] : '\0';
        if (quote != '\0')
        {
            value = value[1..^1];
        }

        if (quote == '\'')
        {
            return value;
        }

        var plain = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\' && i + 1 < value.Length)
            {
                i++;
            }

            plain.Append(value[i]);
        }

        return plain.ToString();
    }

    /// <summary>IDs and versions: lower-case letters, digits, '.', '_' and '-' only, as the manual demands.</summary>
    private static string Word(string value) =>
        new([.. value.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-').Take(40)]);

    private static string Line(string value) =>
        new string([.. value.Where(c => !char.IsControl(c) && !char.IsSurrogate(c)
            && char.GetUnicodeCategory(c) is not (System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator)).Take(80)]).Trim();
}
