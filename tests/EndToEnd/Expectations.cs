using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Lab;

namespace EndToEnd;

/// <summary>
/// What a customization must have left in the booted machine, read from its commands by a reader of its own: a judge
/// does not share the judged one's code. Commands whose effect cannot be foretold are not looked at.
/// </summary>
public sealed partial class Expectations
{
    private readonly SortedDictionary<string, string> files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> units = new(StringComparer.Ordinal);
    private readonly List<AuthorizedKey> keys = [];

    /// <summary>The host name that was set; null when none was.</summary>
    public string? HostName { get; private set; }

    /// <summary>The time zone that was set; null when none was.</summary>
    public string? TimeZone { get; private set; }

    /// <summary>SHA-256 by path, of files that were written or uploaded and not touched afterwards.</summary>
    public IReadOnlyDictionary<string, string> Files => files;

    /// <summary>State by name, of units that the guest's own systemctl enabled or disabled.</summary>
    public IReadOnlyDictionary<string, string> Units => units;

    /// <summary>The SSH keys that were injected.</summary>
    public IReadOnlyList<AuthorizedKey> Keys => keys;

    /// <summary>Reads a commands file.</summary>
    public static Expectations Of(string commandsFile)
    {
        var expected = new Expectations();
        var folder = Path.GetDirectoryName(Path.GetFullPath(commandsFile))!;

        // A backslash at a line's end continues the command with a newline, as in virt-customize.
        var text = File.ReadAllText(commandsFile).Replace("\\\n", "\r");
        foreach (var line in text.Split('\n'))
        {
            var command = line.TrimStart().Replace('\r', '\n');
            var space = command.IndexOf(' ');
            if (space > 0 && command[0] != '#')
            {
                expected.Add(command[..space], command[(space + 1)..], folder);
            }
        }

        return expected;
    }

    private void Add(string name, string argument, string folder)
    {
        switch (name)
        {
            case "chmod" or "chown" or "touch":
                break; // the bytes stay
            case "hostname":
                HostName = argument;
                break;
            case "timezone":
                TimeZone = argument;
                break;
            case "write" when Pair(argument) is var (path, content):
                files[path] = Hash(Encoding.UTF8.GetBytes(content));
                break;
            case "upload" when Pair(argument) is var (local, path) && File.Exists(Path.Combine(folder, local)):
                files[path] = Hash(File.ReadAllBytes(Path.Combine(folder, local)));
                break;
            case "ssh-inject" when argument.Split(':', 3) is [var user, var selector, var key]:
                var lines = selector == "string" ? [key]
                    : File.Exists(Path.Combine(folder, key)) ? File.ReadAllLines(Path.Combine(folder, key)) : [];
                keys.AddRange(lines.Where(line => line.Trim() is { Length: > 0 } and not ['#', ..]).Select(line => new AuthorizedKey(user, line.Trim())));
                break;
            case "run-command":
                foreach (Match call in SystemctlCall().Matches(argument))
                {
                    foreach (var unit in call.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    {
                        if (!unit.StartsWith('-'))
                        {
                            units[unit.Contains('.') ? unit : unit + ".service"] = call.Groups[1].Value + "d";
                        }
                    }
                }

                Forget(argument);
                break;
            default:
                Forget(argument);
                break;
        }
    }

    // A later command that names a file may have changed it.
    private void Forget(string argument)
    {
        foreach (var path in files.Keys.Where(path => argument.Contains(path)).ToList())
        {
            files.Remove(path);
        }
    }

    private static (string, string)? Pair(string argument) =>
        argument.IndexOf(':') is > 0 and var colon ? (argument[..colon], argument[(colon + 1)..]) : null;

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    [GeneratedRegex(@"\bsystemctl\s+(enable|disable)((?:\s+[\w@.:\\-]+)+)")]
    private static partial Regex SystemctlCall();
}
