using Guests.Engine;

namespace Guests.Seal;

/// <summary>
/// Where a guest's sshd looks for keys, by its own words: <c>AuthorizedKeysFile</c> and <c>HostKey</c> of sshd_config(5), in
/// every Match block too.
/// </summary>
internal sealed class SshdConfiguration
{
    private const string Folder = "/etc/ssh/";
    private const int MaximumFiles = 100, MaximumPatterns = 100;

    private static readonly string[] Roots = [Folder + "sshd_config", "/usr/etc/ssh/sshd_config", Folder + "sshd_config.d/*.conf", "/usr/etc/ssh/sshd_config.d/*.conf"];

    private readonly List<string> _authorizedKeys = [];
    private readonly List<string> _hostKeys = [];
    private readonly List<string> _includes = [];

    /// <summary>Files of authorized keys as they are written: absolute or relative to a home, with %h, %u, %U and %%.</summary>
    public IReadOnlyList<string> AuthorizedKeysFiles => _authorizedKeys;

    /// <summary>Files of host keys.</summary>
    public IReadOnlyList<string> HostKeys => _hostKeys;

    /// <summary>Reads the guest's files, with those that they include.</summary>
    public static SshdConfiguration Read(SealWork work, string operation)
    {
        var configuration = new SshdConfiguration();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(Roots);
        while (waiting.TryDequeue(out var pattern))
        {
            foreach (var path in work.Guest.Glob(pattern).Where(known.Add))
            {
                if (known.Count > MaximumFiles || work.Guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: > SealWork.MaximumText })
                {
                    work.Beyond(path, $"is too large, or one of more than {MaximumFiles} files of sshd's configuration: not read", operation);
                    return configuration;
                }

                configuration._includes.Clear();
                configuration.Add(work.ReadText(path) ?? "");
                configuration._includes.ForEach(waiting.Enqueue);
            }
        }

        if (configuration._authorizedKeys.Count + configuration._hostKeys.Count > MaximumPatterns)
        {
            work.Beyond(Roots[0], $"names more than {MaximumPatterns} files of keys", operation);
        }

        return configuration;
    }

    /// <summary>Reads one file's text.</summary>
    internal void Add(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            var words = Words(line);
            if (words.Count < 2)
            {
                continue;
            }

            switch (words[0].ToUpperInvariant())
            {
                case "AUTHORIZEDKEYSFILE":
                    _authorizedKeys.AddRange(words.Skip(1).Where(word => !word.Equals("none", StringComparison.OrdinalIgnoreCase)));
                    break;
                case "HOSTKEY" when words[1].StartsWith('/'):
                    _hostKeys.Add(words[1]);
                    break;
                case "INCLUDE":
                    _includes.AddRange(words.Skip(1).Take(MaximumFiles).Select(word => word.StartsWith('/') ? word : Folder + word));
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Shell patterns of what a name means, for every user at once.</summary>
    /// <param name="name">As in <see cref="AuthorizedKeysFiles"/>.</param>
    /// <param name="homes">Homes of all users.</param>
    internal static IEnumerable<string> Patterns(string name, IReadOnlyList<string> homes)
    {
        // In a user's name's place may stand any name.
        const string percent = "\u0001";
        var plain = name.Replace("%%", percent, StringComparison.Ordinal).Replace("%u", "*", StringComparison.Ordinal).Replace("%U", "*", StringComparison.Ordinal);
        if (!plain.StartsWith('/') && !plain.StartsWith("%h", StringComparison.Ordinal))
        {
            plain = "%h/" + plain;
        }

        return (plain.Contains("%h", StringComparison.Ordinal) ? homes.Select(home => plain.Replace("%h", home, StringComparison.Ordinal)) : [plain])
            .Select(path => path.Replace(percent, "%", StringComparison.Ordinal));
    }

    /// <summary>A keyword and its arguments; '=' may stand between them, quotes around each, and '#' begins a comment.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var at = 0;
        while (at < line.Length)
        {
            if (line[at] is ' ' or '\t' or '\r' or '\f' || (line[at] == '=' && words.Count == 1))
            {
                at++;
                continue;
            }

            if (line[at] == '#')
            {
                break;
            }

            var quoted = line[at] == '"';
            var start = quoted ? at + 1 : at;
            var end = start;
            while (end < line.Length && (quoted ? line[end] != '"' : line[end] is not (' ' or '\t' or '\r' or '\f') && !(line[end] == '=' && words.Count == 0)))
            {
                end++;
            }

            words.Add(line[start..end]);
            at = quoted ? end + 1 : end;
        }

        return words;
    }
}
