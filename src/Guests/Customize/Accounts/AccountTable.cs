using System.Text;

namespace Guests.Customize.Accounts;

/// <summary>
/// One of passwd(5), shadow(5), group(5), gshadow(5), subuid(5): a line per account, fields separated by colons, the
/// account's name first. Lines that are not touched come back byte for byte, whatever is in them.
/// </summary>
sealed class AccountTable
{
    private readonly List<string> _lines;

    private AccountTable(List<string> lines) => _lines = lines;

    /// <summary>Every account's name.</summary>
    public IEnumerable<string> Names => _lines.Where(IsAccount).Select(line => line[..line.IndexOf(':', StringComparison.Ordinal)]);

    /// <summary>Every account's fields.</summary>
    public IEnumerable<string[]> Rows => _lines.Where(IsAccount).Select(line => line.Split(':'));

    /// <summary>Reads a table. Bytes are taken as Latin-1 and come back as they were.</summary>
    public static AccountTable Parse(ReadOnlySpan<byte> content)
    {
        var lines = Encoding.Latin1.GetString(content).Split('\n').ToList();
        if (lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return new AccountTable(lines);
    }

    /// <summary>An account's fields, or null.</summary>
    public string[]? Find(string name) => IndexOf(name) is var i and >= 0 ? _lines[i].Split(':') : null;

    /// <summary>Replaces an account's line, or appends it.</summary>
    public void Set(string[] fields)
    {
        var line = string.Join(':', fields);
        var i = IndexOf(fields[0]);
        if (i >= 0)
        {
            _lines[i] = line;
        }
        else
        {
            _lines.Add(line);
        }
    }

    /// <summary>The table's bytes, every line ended.</summary>
    public byte[] ToBytes() => Encoding.Latin1.GetBytes(string.Concat(_lines.Select(line => line + "\n")));

    /// <summary>UTF-8 text as a field of such a table holds it.</summary>
    public static string Field(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>A field of the guest as a message may show it.</summary>
    public static string Printable(string field) =>
        string.Concat(field.Take(32).Select(c => c is > ' ' and < '\x7f' ? c : '?'));

    /// <summary>A member list of a group with one more member.</summary>
    public static string WithMember(string members, string name) =>
        members.Split(',').Contains(name, StringComparer.Ordinal) ? members : members.Length == 0 ? name : $"{members},{name}";

    // Names of NIS (+name, -name) are not accounts of this guest.
    private static bool IsAccount(string line) => line.IndexOf(':', StringComparison.Ordinal) > 0 && line[0] is not ('#' or '+' or '-');

    private int IndexOf(string name) => _lines.FindIndex(line => line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.Ordinal));
}
