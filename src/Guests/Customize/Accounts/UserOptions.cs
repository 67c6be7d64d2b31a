using Guests.Customize.Language;

namespace Guests.Customize.Accounts;

/// <summary>How a user is to be made: what stands behind the name in <c>user NAME:KEY=VALUE,...</c>.</summary>
sealed record UserOptions
{
    private const string Keys = "use uid=, group=, groups=A+B, home=, shell=, comment=, system, no-home";

    /// <summary>The number; null for the next free one.</summary>
    public int? Uid { get; init; }

    /// <summary>Primary group, by name; null for a group of the user's own name.</summary>
    public string? Group { get; init; }

    /// <summary>Further groups, by name.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Home directory; null for <c>/home/NAME</c>.</summary>
    public string? Home { get; init; }

    /// <summary>Login shell; null for bash where the guest has it, else sh.</summary>
    public string? Shell { get; init; }

    /// <summary>Full name (GECOS).</summary>
    public string Comment { get; init; } = "";

    /// <summary>A number below those of people, no home directory, no login.</summary>
    public bool IsSystem { get; init; }

    /// <summary>Whether the home directory is made.</summary>
    public bool HasHome { get; init; } = true;

    /// <summary>Reads them.</summary>
    public static UserOptions Parse(string text)
    {
        var options = new UserOptions();
        var given = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in text.Split(','))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? item : item[..equals];
            var value = equals < 0 ? null : item[(equals + 1)..];
            if (value is "" || (value?.AsSpan().ContainsAny(':', '\n') ?? false) || !given.Add(key))
            {
                throw new MistakeException("an option of the user is empty, is given twice, or has ':' or a line break in it", Keys);
            }

            options = (key, value) switch
            {
                ("uid", not null) => options with { Uid = Arguments.Id(value, "uid") },
                ("group", not null) => options with { Group = Arguments.ExistingAccountName(value) },
                ("groups", not null) => options with { Groups = [.. value.Split('+').Select(Arguments.ExistingAccountName)] },
                ("home", not null) => options with { Home = Arguments.GuestPathBelowRoot(value) },
                ("shell", not null) => options with { Shell = Arguments.GuestPathBelowRoot(value) },
                ("comment", not null) => options with { Comment = value },
                ("system", null) => options with { IsSystem = true },
                ("no-home", null) => options with { HasHome = false },
                ("password", _) => throw new MistakeException("a user is made without a password", "set it with the command: password USER:file:PATH"),
                _ => throw new MistakeException("an option of the user is not known", Keys),
            };
        }

        return options.IsSystem && options.Home is null ? options with { HasHome = false } : options;
    }
}
