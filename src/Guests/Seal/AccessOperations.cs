using Guests.Engine;

namespace Guests.Seal;

/// <summary><c>ssh-userdir</c>: what lets a user in by SSH, and a user's own keys and known hosts.</summary>
internal sealed class SshUserKeysOperation : SealOperation
{
    /// <summary>Where sshd_config(5) AuthorizedKeysFile points on some systems, beside the home.</summary>
    private static readonly string[] Central = ["/etc/ssh/authorized_keys", "/etc/ssh/authorized_keys.d/*", "/etc/ssh/authorized_keys/*", "/etc/ssh/keys/*"];

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        var guest = work.Guest;
        foreach (var folder in work.SshFolders)
        {
            var real = guest.Stat(folder) is { Kind: GuestFileKind.Directory };
            var names = real ? guest.List(folder) : [];
            var kept = names.Where(name => IsAuthorizedKeys(name) && Filter(work, $"{folder}/{name}")).ToHashSet();
            if (kept.Count == 0)
            {
                work.Remove(folder);
                continue;
            }

            foreach (var name in names.Where(name => !kept.Contains(name)))
            {
                work.Remove($"{folder}/{name}");
            }
        }

        foreach (var path in Central.SelectMany(guest.Glob).Where(path => !Filter(work, path)))
        {
            work.Remove(path);
        }

        foreach (var path in Configured(work))
        {
            RemoveKeys(work, path);
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work)
    {
        var files = work.SshFolders
            .SelectMany(folder => work.Guest.List(folder).Select(name => $"{folder}/{name}"))
            .Concat(Central.SelectMany(work.Guest.Glob));
        foreach (var path in files)
        {
            var name = path[(path.LastIndexOf('/') + 1)..];
            if (!IsAuthorizedKeys(name) && !path.StartsWith("/etc/", StringComparison.Ordinal))
            {
                continue;
            }

            if (work.Guest.StatTarget(path) is not { Kind: GuestFileKind.File } file)
            {
                continue;
            }

            if (work.ReadText(path) is not { } text)
            {
                yield return new SealFinding(path, $"authorized keys of {file.Size} bytes, too large to read", Name);
                continue;
            }

            foreach (var line in text.Split('\n').Where(line => AuthorizedKeys.IsEntry(line) && !work.Plan.KeptKeys.Allows(line)).Take(100))
            {
                yield return new SealFinding(path, $"authorized key {AuthorizedKeys.Describe(line)}", Name);
            }
        }

        foreach (var path in Configured(work))
        {
            if (work.Guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: > SealWork.MaximumText } file)
            {
                yield return new SealFinding(path, $"authorized keys of {file.Size} bytes, too large to read", Name);
            }

            foreach (var line in (work.ReadText(path) ?? "").Split('\n').Where(line => IsForeignKey(work, line)).Take(100))
            {
                yield return new SealFinding(path, $"authorized key {AuthorizedKeys.Describe(line)}", Name);
            }
        }
    }

    /// <summary>
    /// Files that the guest's sshd_config(5) names and that are not among the usual ones. It may name any file, so of these
    /// only lines are taken that hold a key.
    /// </summary>
    private IEnumerable<string> Configured(SealWork work)
    {
        const int many = 10_000;
        var patterns = SshdConfiguration.Read(work, Name).AuthorizedKeysFiles.SelectMany(name => SshdConfiguration.Patterns(name, work.AllHomes))
            .Where(pattern => !pattern.Contains("/.ssh/authorized_keys", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).ToList();
        if (patterns.Count > many)
        {
            work.Beyond("/etc/ssh/sshd_config", $"names more than {many} files of authorized keys: not all were looked at", Name);
        }

        return patterns.Take(many).SelectMany(work.Guest.Glob).Distinct(StringComparer.Ordinal);
    }

    private static bool IsForeignKey(SealWork work, string line) => AuthorizedKeys.HasKey(line) && !work.Plan.KeptKeys.Allows(line);

    private static void RemoveKeys(SealWork work, string path)
    {
        if (work.ReadText(path) is not { } text || text.Contains('\0', StringComparison.Ordinal) || !text.Split('\n').Any(line => IsForeignKey(work, line)))
        {
            return;
        }

        work.Guest.Write(path, GuestText.Encode(string.Join('\n', text.Split('\n').Where(line => !IsForeignKey(work, line)))));
        work.Count();
        work.Log($"{GuestText.Printable(path)}: authorized keys removed, where sshd_config names it");
    }

    private static bool IsAuthorizedKeys(string name) => name.StartsWith("authorized_keys", StringComparison.Ordinal);

    /// <summary>Leaves only the kept keys in a file; whether any was there.</summary>
    private static bool Filter(SealWork work, string path)
    {
        if (work.Plan.KeptKeys.Count == 0 || work.Guest.Stat(path) is not { Kind: GuestFileKind.File } || work.ReadText(path) is not { } text)
        {
            return false;
        }

        var lines = text.Split('\n');
        var kept = lines.Where(work.Plan.KeptKeys.Allows).ToList();
        if (kept.Count == 0)
        {
            return false;
        }

        if (lines.Any(line => AuthorizedKeys.IsEntry(line) && !work.Plan.KeptKeys.Allows(line)))
        {
            work.Guest.Write(path, GuestText.Encode(string.Join('\n', kept) + "\n"));
            work.Count();
        }

        work.Log($"{GuestText.Printable(path)}: {kept.Count} authorized key(s) kept");
        return true;
    }
}

/// <summary>
/// <c>password-hashes</c>: shadow(5), gshadow(5), and a hash in passwd(5) itself. A hash becomes <c>*</c>: no password
/// fits, and a locked hash (<c>!$6$...</c>) is taken out as well, since it can be cracked and unlocked. It runs before the
/// change only, so a password that the customization sets stays.
/// </summary>
internal sealed class PasswordHashesOperation : SealOperation
{
    private static readonly string[] Files = ["/etc/shadow", "/etc/gshadow", "/etc/passwd"];

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var path in Files)
        {
            if (work.Guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: > SealWork.MaximumText })
            {
                work.Beyond(path, "is too large to read", Name);
            }

            if (work.ReadText(path) is not { } text || text.Contains('\0', StringComparison.Ordinal))
            {
                continue;
            }

            var lines = text.Split('\n');
            var users = new List<string>();
            for (var i = 0; i < lines.Length; i++)
            {
                if (Judge(path, lines[i]) is not null)
                {
                    var fields = lines[i].Split(':');
                    fields[1] = "*";
                    lines[i] = string.Join(':', fields);
                    users.Add(fields[0]);
                }
            }

            if (users.Count > 0)
            {
                work.Guest.Write(path, GuestText.Encode(string.Join('\n', lines)));
                work.Count();
                work.Log($"{path}: password of {GuestText.Printable(string.Join(", ", users))} locked");
            }
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work)
    {
        foreach (var path in Files)
        {
            if (work.Guest.StatTarget(path) is { Kind: GuestFileKind.File, Size: > 1 << 20 })
            {
                yield return new SealFinding(path, "is too large to read", Name);
            }

            foreach (var line in (work.ReadText(path) ?? "").Split('\n'))
            {
                if (Judge(path, line) is { } what)
                {
                    yield return new SealFinding(path, $"{what} of {GuestText.Printable(line.Split(':')[0], 40)}", Name);
                }
            }
        }
    }

    /// <summary>What is wrong with a line's second field, or null. An empty field in shadow lets everyone in; in gshadow nobody.</summary>
    private static string? Judge(string path, string line)
    {
        if (line.Split(':') is not [var user, var password, _, ..] || user.Length == 0 || user[0] == '#')
        {
            return null;
        }

        var hash = password.TrimStart('!');
        return hash switch
        {
            "" when password.Length == 0 => path == "/etc/gshadow" ? null : "empty password",
            "" or "*" or "x" or "*NP*" or "*LK*" or "NP" => null,
            _ when hash.Length < 13 && !hash.Contains('$', StringComparison.Ordinal) => null,
            _ => password.Length == hash.Length ? "password hash" : "locked password hash",
        };
    }
}

/// <summary>
/// <c>private-keys</c>: told by their content, among files whose name or place suggests one. Keys that the customization
/// brings stay; the check reports them, for the user to accept by <c>--operations=defaults,-private-keys</c>.
/// </summary>
internal sealed class PrivateKeysOperation : SealOperation
{
    private const int MaximumCandidates = 2000, MaximumNames = 50_000, ReadBytes = 65536;

    private static readonly string[] Suffixes = [".key", ".pem", "_key", ".priv", ".p12", ".pfx", ".jks", ".keystore", ".ppk"];
    private static readonly string[] Binary = [".p12", ".pfx", ".jks", ".keystore"];
    private static readonly string[] Marks = ["PRIVATE KEY-----", "PuTTY-User-Key-File", "PGP PRIVATE KEY BLOCK"];

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var path in Keys(work))
        {
            work.Remove(path);
            work.Log($"{GuestText.Printable(path)}: private key removed");
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) => Keys(work).Select(path => new SealFinding(path, "private key", Name));

    private IEnumerable<string> Keys(SealWork work)
    {
        // Homes first: a folder full of names must not keep us from them.
        var candidates = work.SshFolders.SelectMany(folder => work.Guest.List(folder).Select(name => $"{folder}/{name}"))
            .Concat(work.Homes.SelectMany(home => work.Guest.List(home).Where(IsCandidate).Select(name => $"{home}/{name}")))
            .Concat(work.Guest.Find("/etc").Where(IsCandidate))
            .Where(path => !IsHostKey(path));
        var (names, files) = (0, 0);
        foreach (var path in candidates)
        {
            if (++names > MaximumNames)
            {
                work.Beyond(path, $"more than {MaximumNames} names of private keys, not all looked at", Name);
                yield break;
            }

            if (work.Guest.Stat(path) is not { Kind: GuestFileKind.File, Size: > 0 })
            {
                continue;
            }

            if (++files > MaximumCandidates)
            {
                work.Beyond(path, $"more than {MaximumCandidates} files that may be private keys, not all looked at", Name);
                yield break;
            }

            if (IsPrivate(work.Guest, path))
            {
                yield return path;
            }
        }
    }

    private static bool IsCandidate(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        return name.StartsWith("id_", StringComparison.Ordinal) || Array.Exists(Suffixes, suffix => name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            || path.StartsWith("/etc/ssl/private/", StringComparison.Ordinal) || path.StartsWith("/etc/pki/tls/private/", StringComparison.Ordinal);
    }

    /// <summary>Those belong to <c>ssh-hostkeys</c>.</summary>
    private static bool IsHostKey(string path) => path.StartsWith("/etc/ssh/ssh_host_", StringComparison.Ordinal);

    /// <summary>Whether a file begins like a private key.</summary>
    internal static bool IsPrivate(IGuest guest, string path)
    {
        if (Array.Exists(Binary, suffix => path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)))
        {
            return true;
        }

        var text = GuestText.Decode(guest.ReadStart(path, ReadBytes));
        return Array.Exists(Marks, mark => text.Contains(mark, StringComparison.Ordinal));
    }
}
