using System.Text;

namespace Guests.Customize.Language;

/// <summary>One command of a commands file, as it is written: nothing in it is checked yet.</summary>
/// <param name="Line">The line it starts at, from 1.</param>
/// <param name="Name">What stands before the first space.</param>
/// <param name="Argument">What stands behind it, verbatim; null when there is no space.</param>
public sealed record CommandLine(int Line, string Name, string? Argument)
{
    /// <summary>
    /// Splits a text as <c>virt-customize --commands-from-file</c> does: a backslash at a line's end continues the line
    /// with a newline in between, blanks in front are dropped, empty lines and those that start with <c>#</c> are skipped,
    /// and the rest is split once, at the first space. There are no quotes, escapes or variables.
    /// </summary>
    public static IReadOnlyList<CommandLine> Parse(string text)
    {
        var commands = new List<CommandLine>();
        var lines = text.Split('\n');
        var logical = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            var first = i + 1;
            logical.Clear().Append(lines[i]);
            while (logical.Length > 0 && logical[^1] == '\\')
            {
                // At the text's end it is continued with nothing.
                logical[^1] = '\n';
                if (++i < lines.Length)
                {
                    logical.Append(lines[i]);
                }
            }

            var line = logical.ToString().TrimStart(' ', '\t', '\n', '\r', '\f', '\v');
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var space = line.IndexOf(' ', StringComparison.Ordinal);
            commands.Add(space < 0
                ? new CommandLine(first, line, null)
                : new CommandLine(first, line[..space], line[(space + 1)..]));
        }

        return commands;
    }

    /// <summary>The command as a commands file has it: parsed again, it gives the same name and argument.</summary>
    public override string ToString() =>
        (Argument is null ? Name : $"{Name} {Argument}").Replace("\n", "\\\n", StringComparison.Ordinal);
}
