using Guests.Engine;
using Guests.Inspect;

namespace Guests.Seal;

/// <summary>What all operations of one pass share: the guest, what was read of it, and careful removal.</summary>
/// <param name="guest">The guest.</param>
/// <param name="system">Its operating system.</param>
/// <param name="plan">What was asked for.</param>
/// <param name="log">Lines for people.</param>
/// <param name="beyond">Takes what lies beyond a limit: sealing ends there, the check makes a finding of it.</param>
internal sealed class SealWork(IGuest guest, GuestSystem system, SealPlan plan, Action<string> log, Action<SealFinding> beyond)
{
    /// <summary>More than any folder of logs has, some minutes of work; a hostile guest has millions.</summary>
    private const int MaximumFiles = 200_000;

    /// <summary>More users than any image has.</summary>
    private const int MaximumHomes = 2000;

    /// <summary>Text files of a system are smaller; what is larger is not read.</summary>
    internal const int MaximumText = 1 << 20;

    private const string Passwd = "/etc/passwd";

    private static readonly string[] NoShells = ["/nologin", "/false", "/sync", "/shutdown", "/halt"];

    /// <summary>Folders whose content a link must not make us remove: the guest would not start, or lose its users' data.</summary>
    private static readonly string[] Trees = ["/etc", "/usr", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/dev", "/proc", "/sys"];
    private static readonly string[] Folders = ["/", "/var", "/var/lib", "/root", "/home", "/opt", "/srv", "/run"];

    private readonly Dictionary<string, bool> _trusted = [];
    private readonly Dictionary<string, IReadOnlyList<string>> _homeNames = [];
    private (IReadOnlyList<string> Login, IReadOnlyList<string> All)? _homes;
    private IReadOnlyList<string>? _sshFolders;

    /// <summary>The guest.</summary>
    public IGuest Guest { get; } = guest;

    /// <summary>Its operating system.</summary>
    public GuestSystem System { get; } = system;

    /// <summary>What was asked for.</summary>
    public SealPlan Plan { get; } = plan;

    /// <summary>Lines for people.</summary>
    public Action<string> Log { get; } = log;

    /// <summary>Paths that were removed or emptied.</summary>
    public int Removed { get; private set; }

    /// <summary>Whether files were made, which carry no SELinux label.</summary>
    public bool MadeFiles { get; private set; }

    /// <summary>Homes of root and of the users with a shell, from passwd(5), and whatever stands in /home.</summary>
    public IReadOnlyList<string> Homes => (_homes ??= ReadHomes()).Login;

    /// <summary>Homes of all users, also of those without a shell, whom sshd may let in for files alone.</summary>
    public IReadOnlyList<string> AllHomes => (_homes ??= ReadHomes()).All;

    /// <summary>What stands at <c>.ssh</c> in the homes of all users.</summary>
    public IReadOnlyList<string> SshFolders => _sshFolders ??= [.. AllHomes.Select(home => home + "/.ssh").Where(path => Guest.Stat(path) is not null)];

    /// <summary>Counts something that an operation did by itself.</summary>
    /// <param name="made">Whether a file was made for it.</param>
    public void Count(bool made = false)
    {
        Removed++;
        MadeFiles |= made;
    }

    /// <summary>Tells that something was not looked at in whole.</summary>
    public void Beyond(string path, string what, string operation) => beyond(new SealFinding(path, what, operation) { IsRemovable = false });

    /// <summary>What of <paramref name="name"/> (a name, or a path of names) stands in a home; by one listing of the home.</summary>
    public IEnumerable<string> InHome(string home, string name)
    {
        if (!_homeNames.TryGetValue(home, out var names))
        {
            _homeNames[home] = names = Guest.List(home);
        }

        var path = $"{home}/{name}";
        var slash = name.IndexOf('/');
        return slash < 0
            ? names.Contains(name) ? [path] : []
            : names.Contains(name[..slash]) && Guest.Stat(path) is not null ? [path] : [];
    }

    /// <summary>A file of the guest as text; null when it is absent, no regular file, or has more than 1 MiB.</summary>
    public string? ReadText(string path) =>
        Guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: <= MaximumText } ? GuestText.Decode(Guest.Read(path)) : null;

    /// <summary>Whether a path is more than an empty file or an empty folder.</summary>
    public bool HoldsSomething(string path) => Guest.Stat(path) switch
    {
        null => false,
        { Kind: GuestFileKind.File, Size: var size } => size > 0,
        { Kind: GuestFileKind.Directory } => Guest.List(path).Count > 0,
        _ => true,
    };

    /// <summary>Removes a path with all below it, unless a link leads to a place that is not the path's own.</summary>
    public void Remove(string path)
    {
        if (IsTrusted(path))
        {
            Guest.RemoveTree(path);
            Removed++;
        }
    }

    /// <summary>Empties a file and keeps its owner, mode and label.</summary>
    public void Empty(string path)
    {
        if (IsTrusted(path) && Guest.Stat(path) is { Kind: GuestFileKind.File, Size: > 0 })
        {
            Guest.Truncate(path);
            Removed++;
        }
    }

    /// <summary>Removes the files below a folder and keeps the folders, which services expect.</summary>
    public void RemoveFilesBelow(string folder, Func<string, bool> keep)
    {
        var paths = Guest.Find(folder);
        if (paths.Count > MaximumFiles)
        {
            throw new GuestException(
                GuestFault.Unsupported, folder, $"holds {paths.Count} paths, more than the {MaximumFiles} that are removed one by one", "clear it in the source");
        }

        foreach (var path in paths)
        {
            if (!keep(path) && Guest.Stat(path) is { Kind: not GuestFileKind.Directory } && IsTrusted(path))
            {
                Guest.RemoveFile(path);
                Removed++;
            }
        }
    }

    /// <summary>Removes all that a folder holds.</summary>
    public void RemoveContent(string folder)
    {
        foreach (var name in Guest.List(folder))
        {
            Remove(folder + "/" + name);
        }
    }

    /// <summary>
    /// Whether the folder of a path is where its name says, or a link to a place that may be cleaned as well (<c>/var/run</c>
    /// to <c>/run</c>, <c>/var/log</c> to another disk).
    /// </summary>
    private bool IsTrusted(string path)
    {
        var slash = path.LastIndexOf('/');
        var folder = slash <= 0 ? "/" : path[..slash];
        if (_trusted.TryGetValue(folder, out var known))
        {
            return known;
        }

        var real = Guest.RealPath(folder);
        var trusted = real == folder || (real is not null && !Folders.Contains(real)
            && !Array.Exists(Trees, tree => real == tree || real.StartsWith(tree + "/", StringComparison.Ordinal)));
        if (!trusted && real is not null)
        {
            Log($"{GuestText.Printable(folder)} is a link to {GuestText.Printable(real)}: left alone");
        }

        return _trusted[folder] = trusted;
    }

    private (IReadOnlyList<string> Login, IReadOnlyList<string> All) ReadHomes()
    {
        var login = new List<string> { "/root" };
        var others = new List<string>();
        if (Guest.StatTarget(Passwd) is { Kind: GuestFileKind.File, Size: > MaximumText })
        {
            Beyond(Passwd, "is too large to read: not all homes were looked at", "ssh-userdir");
        }

        foreach (var line in (ReadText(Passwd) ?? "").Split('\n'))
        {
            if (line.Split(':') is [_, _, _, _, _, var home, var shell] && home.StartsWith('/'))
            {
                var list = home.Length > 1 && !Array.Exists(NoShells, name => shell.EndsWith(name, StringComparison.Ordinal)) ? login : others;
                list.Add(home.TrimEnd('/'));
            }
        }

        // A home whose user is gone still holds what the user left.
        login.AddRange(Guest.List("/home").Select(name => "/home/" + name));
        var all = login.Concat(others).Distinct().ToList();
        if (all.Count > MaximumHomes)
        {
            Beyond(Passwd, $"names more than {MaximumHomes} homes: not all were looked at", "ssh-userdir");
        }

        // Of the root folder nothing is left but its slash.
        all = [.. all.Take(MaximumHomes).Where(home => home.Length == 0 || Guest.StatTarget(home) is { Kind: GuestFileKind.Directory })];
        return ([.. all.Where(login.ToHashSet().Contains)], all);
    }
}
