using Guests.Engine;

namespace Guests.Seal;

/// <summary>Public keys, told apart by type and bytes: options and comments of sshd(8)'s AUTHORIZED_KEYS format do not count.</summary>
public sealed class AuthorizedKeys
{
    private readonly HashSet<string> _keys;

    private AuthorizedKeys(HashSet<string> keys) => _keys = keys;

    /// <summary>No key.</summary>
    public static AuthorizedKeys None { get; } = new([]);

    /// <summary>How many.</summary>
    public int Count => _keys.Count;

    /// <summary>Whether the key of this line is one of them.</summary>
    public bool Allows(string line) => KeyOf(line) is { } key && _keys.Contains(key);

    /// <summary>
    /// Reads the option <c>keep-authorized-keys</c>: lines in authorized_keys format, or the path of a file of such lines.
    /// </summary>
    /// <param name="option">The option.</param>
    /// <param name="folder">What a relative path is relative to; empty for the current folder.</param>
    /// <exception cref="GuestException"><see cref="GuestFault.Input"/>: the file is not there, or a line is no key.</exception>
    public static AuthorizedKeys Parse(string option, string folder = "")
    {
        if (string.IsNullOrWhiteSpace(option))
        {
            return None;
        }

        var text = option;
        var subject = "keep-authorized-keys";
        if (KeyOf(option.Split('\n')[0]) is null && !option.Contains('\n', StringComparison.Ordinal) && !option.TrimStart().StartsWith('#'))
        {
            subject = Path.Combine(folder, option);
            try
            {
                text = File.ReadAllText(subject);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                throw new GuestException(GuestFault.Input, "keep-authorized-keys", $"{GuestText.Printable(subject)} is neither a key nor a file that can be read", "give lines as in authorized_keys, or the path of a file", e);
            }
        }

        var keys = new HashSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.Trim() is { Length: > 0 } content && content[0] != '#')
            {
                keys.Add(KeyOf(content) ?? throw new GuestException(
                    GuestFault.Input, $"{subject}:{number}", "is not a public key", "give lines as in authorized_keys: type, key in base64, comment"));
            }
        }

        return new AuthorizedKeys(keys);
    }

    /// <summary>Whether a line of an authorized_keys file lets anyone in: not blank and not a comment.</summary>
    public static bool IsEntry(string line) => line.Trim() is { Length: > 0 } content && content[0] != '#';

    /// <summary>Whether a line holds a key that sshd would take.</summary>
    public static bool HasKey(string line) => KeyOf(line) is not null;

    /// <summary>The end of a key and its comment, enough to recognize it in a log.</summary>
    public static string Describe(string line)
    {
        if (KeyOf(line) is not { } key)
        {
            return "unreadable line";
        }

        var bytes = key[(key.IndexOf(' ') + 1)..];
        var comment = line[(line.IndexOf(bytes, StringComparison.Ordinal) + bytes.Length)..].Trim();
        return $"{key.Split(' ')[0]} ...{key[^Math.Min(8, key.Length)..]}{(comment.Length > 0 ? " " + GuestText.Printable(comment, 60) : "")}";
    }

    /// <summary>"type base64" of a line, or null. Options before the type may hold blanks inside quotes.</summary>
    private static string? KeyOf(string line)
    {
        var words = IsEntry(line) ? Words(line) : [];
        for (var i = 0; i + 1 < words.Count && i < 2; i++)
        {
            if ((words[i].StartsWith("ssh-", StringComparison.Ordinal) || words[i].StartsWith("ecdsa-sha2-", StringComparison.Ordinal)
                    || words[i].StartsWith("sk-", StringComparison.Ordinal))
                && words[i + 1].Length >= 16 && Convert.TryFromBase64String(words[i + 1], new byte[words[i + 1].Length], out _))
            {
                return $"{words[i]} {words[i + 1]}";
            }
        }

        return null;
    }

    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var start = -1;
        var quoted = false;
        for (var i = 0; i <= line.Length; i++)
        {
            var blank = i == line.Length || (!quoted && line[i] is ' ' or '\t' or '\r');
            if (blank)
            {
                if (start >= 0)
                {
                    words.Add(line[start..i]);
                }

                start = -1;
                continue;
            }

            start = start < 0 ? i : start;
            quoted ^= line[i] == '"' && (i == 0 || line[i - 1] != '\\');
        }

        return words;
    }
}
