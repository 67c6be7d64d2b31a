using System.Text;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Accounts;

/// <summary><c>group NAME[:GID]</c>: makes a group; one that is there with that number is left as it is.</summary>
sealed class CreateGroup(CommandOrigin origin, string name, int? gid) : Operation(origin)
{
    public override string Describe() => gid is null ? name : $"{name}, gid {gid}";

    public override void Apply(Session session)
    {
        if (AccountFiles.Read(session.Files, "/etc/group").Find(name) is { Length: > 2 } there)
        {
            if (gid is not null && there[2] != $"{gid}")
            {
                throw new GuestException(GuestFault.Change, name, $"the group is there already, with gid {there[2]}", "leave the gid out, or choose another name");
            }

            return;
        }

        Add(session.Files, name, gid, isSystem: false);
    }

    /// <summary>Appends a group to group(5) and gshadow(5), and gives its number.</summary>
    public static int Add(GuestFiles files, string name, int? gid, bool isSystem)
    {
        var groups = AccountFiles.Read(files, "/etc/group");
        var number = gid ?? IdRange.Groups(files, isSystem).Next(groups);
        if (groups.Rows.FirstOrDefault(row => row.Length > 2 && row[2] == $"{number}") is { } other)
        {
            throw new GuestException(GuestFault.Change, name, $"gid {number} belongs to group {AccountTable.Printable(other[0])}", "choose another number");
        }

        groups.Set([name, "x", $"{number}", ""]);
        AccountFiles.Write(files, "/etc/group", groups);
        if (AccountFiles.TryRead(files, "/etc/gshadow") is { } shadow)
        {
            shadow.Set([name, "!", "", ""]);
            AccountFiles.Write(files, "/etc/gshadow", shadow);
        }

        return number;
    }

    /// <summary>Adds a user to a group that must be there.</summary>
    public static void AddMember(GuestFiles files, string group, string user)
    {
        var groups = AccountFiles.Read(files, "/etc/group");
        var fields = groups.Find(group) is { Length: > 3 } found
            ? found
            : throw new GuestException(GuestFault.Change, group, "the guest has no such group", $"make it first: group {group}");
        fields[3] = AccountTable.WithMember(fields[3], user);
        groups.Set(fields);
        AccountFiles.Write(files, "/etc/group", groups);
        if (AccountFiles.TryRead(files, "/etc/gshadow") is { } shadow && shadow.Find(group) is { Length: > 3 } secret)
        {
            secret[3] = AccountTable.WithMember(secret[3], user);
            shadow.Set(secret);
            AccountFiles.Write(files, "/etc/gshadow", shadow);
        }
    }
}

/// <summary>Numbers that new accounts may have, see login.defs(5).</summary>
sealed record IdRange(int First, int Last, bool IsSystem = false)
{
    /// <summary>For users.</summary>
    public static IdRange Users(GuestFiles files, bool isSystem) => Read(files, "UID", isSystem);

    /// <summary>For groups.</summary>
    public static IdRange Groups(GuestFiles files, bool isSystem) => Read(files, "GID", isSystem);

    /// <summary>As useradd(8): one above the highest that is used, for system accounts one below the lowest; else the first free.</summary>
    public int Next(AccountTable table)
    {
        var used = table.Rows.Where(row => row.Length > 2 && int.TryParse(row[2], out _)).Select(row => int.Parse(row[2])).ToHashSet();
        if (IsSystem)
        {
            var below = used.Where(id => id >= First && id <= Last).DefaultIfEmpty(Last + 1).Min() - 1;
            for (var id = below >= First ? below : Last; id >= First; id--)
            {
                if (!used.Contains(id))
                {
                    return id;
                }
            }
        }

        var highest = used.Where(id => id >= First && id <= Last).DefaultIfEmpty(First - 1).Max();
        for (var (id, tries) = (highest < Last ? highest + 1 : First, 0); tries <= used.Count; id++, tries++)
        {
            if (id <= Last && !used.Contains(id))
            {
                return id;
            }
        }

        throw new GuestException(GuestFault.Change, "accounts", $"no number from {First} to {Last} is free", "give the number yourself");
    }

    private static IdRange Read(GuestFiles files, string what, bool isSystem)
    {
        var prefix = isSystem ? "SYS_" : "";
        var settings = LoginSettings.Read(files);
        var (first, last) = isSystem ? (101, 999) : (1000, 60000);
        var range = new IdRange(settings.Number($"{prefix}{what}_MIN") ?? first, settings.Number($"{prefix}{what}_MAX") ?? last, isSystem);
        return range.First <= range.Last ? range : new IdRange(first, last, isSystem);
    }
}

/// <summary>The guest's login.defs(5): a name and a value a line.</summary>
sealed class LoginSettings
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Reads what the guest has; nothing where it has none.</summary>
    public static LoginSettings Read(GuestFiles files)
    {
        var settings = new LoginSettings();
        foreach (var line in Encoding.Latin1.GetString(files.Read("/etc/login.defs") ?? []).Split('\n'))
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && words[0][0] != '#')
            {
                settings._values[words[0]] = words[1];
            }
        }

        return settings;
    }

    /// <summary>A number above 0.</summary>
    public int? Number(string name) => _values.TryGetValue(name, out var text) && int.TryParse(text, out var value) && value > 0 ? value : null;

    /// <summary>The mode of new home directories, as useradd(8) finds it.</summary>
    public int HomeMode => Octal("HOME_MODE") ?? (Modes.Link & ~(Octal("UMASK") ?? 0x3F));

    private int? Octal(string name) =>
        _values.TryGetValue(name, out var text) && text.Length is > 0 and <= 5 && text.All(digit => digit is >= '0' and <= '7')
            ? Convert.ToInt32(text, 8) & Modes.Link
            : null;
}
