using System.Text;

namespace Guests.Inspect;

/// <summary>A line of fstab(5).</summary>
/// <param name="Device">What to mount: <c>UUID=...</c>, <c>LABEL=...</c>, a device.</param>
/// <param name="MountPoint">Where; absolute, without a slash at its end.</param>
/// <param name="Type">The filesystem's type, or <c>auto</c>.</param>
/// <param name="Options">Mount options, split at commas.</param>
public sealed record FstabEntry(string Device, string MountPoint, string Type, IReadOnlyList<string> Options);

/// <summary>The guest's table of filesystems.</summary>
public static class Fstab
{
    /// <summary>More lines than any machine has; what follows is not read.</summary>
    private const int MaximumEntries = 64;

    /// <summary>The entries with a place in the tree, parents before children; swap and what is malformed is passed over.</summary>
    public static IReadOnlyList<FstabEntry> Parse(string text)
    {
        var entries = new List<FstabEntry>();
        foreach (var line in text.Split('\n'))
        {
            var fields = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 3 || fields[0][0] == '#' || entries.Count == MaximumEntries)
            {
                continue;
            }

            var place = Normalize(Unescape(fields[1]));
            if (place is not null)
            {
                entries.Add(new FstabEntry(
                    Unescape(fields[0]).Replace("\"", "", StringComparison.Ordinal), place, fields[2], fields.Length > 3 ? fields[3].Split(',') : []));
            }
        }

        // A stable sort: of two lines for one place the later one would win at boot, and is mounted later here too.
        return [.. entries.OrderBy(entry => entry.MountPoint == "/" ? 0 : entry.MountPoint.Count(c => c == '/'))];
    }

    /// <summary>Without double and trailing slashes; null when it is not absolute or climbs.</summary>
    private static string? Normalize(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return path.StartsWith('/') && !parts.Contains("..") && !parts.Contains(".") ? "/" + string.Join('/', parts) : null;
    }

    /// <summary>Blanks stand as three octal digits after a backslash (fstab(5), getmntent(3)).</summary>
    private static string Unescape(string field)
    {
        var plain = new StringBuilder(field.Length);
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 4 <= field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                var code = ((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0');
                plain.Append((char)(code & 0x7f));
                i += 3;
            }
            else
            {
                plain.Append(field[i]);
            }
        }

        return plain.ToString();
    }
}
