using Guests.Engine;

namespace Guests.Seal;

/// <summary>
/// <c>machine-id</c>: machine-id(5). The file must stay, empty: absent or <c>uninitialized</c> would make the next boot a
/// "first boot", which resets what the customization enabled and disabled.
/// </summary>
internal sealed class MachineIdOperation : SealOperation
{
    private const string Id = "/etc/machine-id", BusId = "/var/lib/dbus/machine-id";

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        var guest = work.Guest;
        switch (guest.Stat(Id))
        {
            case { Kind: GuestFileKind.File, Size: 0 }:
                break;
            case { Kind: GuestFileKind.File }:
                guest.Truncate(Id);
                work.Count();
                break;
            default:
                // Absent, or a link to wherever.
                guest.RemoveTree(Id);
                guest.Write(Id, default);
                guest.ChangeMode(Id, 0b100_100_100);
                work.Count(made: true);
                break;
        }

        // D-Bus reads its own copy first; as a link it cannot differ. Distributions ship it so.
        if (guest.Stat(BusId) is { Kind: GuestFileKind.File })
        {
            guest.Link(Id, BusId);
            work.Count(made: true);
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work)
    {
        switch (work.Guest.Stat(Id))
        {
            case { Kind: GuestFileKind.File, Size: 0 }:
                break;
            case null:
                yield return new SealFinding(Id, "is absent: the next boot would be a first boot and reset unit presets", Name);
                break;
            case { Kind: GuestFileKind.File }:
                yield return new SealFinding(Id, "machine ID that all clones would share", Name);
                break;
            default:
                yield return new SealFinding(Id, "is no regular file", Name);
                break;
        }

        if (work.Guest.Stat(BusId) is { Kind: GuestFileKind.File, Size: > 0 })
        {
            yield return new SealFinding(BusId, "machine ID that all clones would share", Name);
        }
    }
}

/// <summary>
/// <c>iscsi-initiator</c>. Red Hat's iscsi-init.service makes a name where the file is absent; Debian's iscsid makes one where
/// the file says <c>GenerateName=yes</c>, and does not start without the file.
/// </summary>
internal sealed class IscsiInitiatorOperation : SealOperation
{
    private const string Path = "/etc/iscsi/initiatorname.iscsi";

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        if (!HasName(work))
        {
            return;
        }

        if (work.System.IsLike("debian"))
        {
            work.Guest.Write(Path, "GenerateName=yes\n"u8);
            work.Count();
        }
        else
        {
            work.Remove(Path);
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) =>
        HasName(work) ? [new SealFinding(Path, "iSCSI name that all clones would share", Name)] : [];

    private static bool HasName(SealWork work) =>
        work.ReadText(Path) is { } text && text.Split('\n').Any(line => line.TrimStart().StartsWith("InitiatorName=", StringComparison.Ordinal));
}

/// <summary><c>logfiles</c>: the journal's folder carries the machine ID in its name, every other log the machine's life.</summary>
internal sealed class LogFilesOperation : SealOperation
{
    private const string Folder = "/var/log";

    /// <summary>Logs that the check lists one by one: more than a system has, fewer than a hostile guest can make.</summary>
    private const int ListedLogs = 50;

    /// <summary>Databases of logins, which programs expect to be there: emptied.</summary>
    private static readonly string[] Databases = ["wtmp", "btmp", "lastlog", "faillog", "tallylog", "wtmpdb"];

    private static readonly string[] Elsewhere =
    [
        "/root/anaconda-ks.cfg", "/root/original-ks.cfg", "/root/initial-setup-ks.cfg", "/root/install.log*", "/var/lib/logrotate.status", "/var/lib/logrotate/*status",
        "/var/lib/fprint/*", "/var/cache/fontconfig/*", "/var/cache/gdm/*", "/var/cache/man/*", "/tmp/builder.log", "/builder.log",
    ];

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var journal in work.Guest.Glob(Folder + "/journal/*"))
        {
            work.Remove(journal);
        }

        foreach (var database in Databases)
        {
            work.Empty($"{Folder}/{database}");
        }

        work.RemoveFilesBelow(Folder, IsKept);
        foreach (var path in Elsewhere.SelectMany(work.Guest.Glob))
        {
            work.Remove(path);
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work)
    {
        foreach (var journal in work.Guest.Glob(Folder + "/journal/*"))
        {
            yield return new SealFinding(journal, "journal, named by a machine ID", Name);
        }

        // In an order of their own: the guest's filesystem gives names in the order of their hashes.
        var logs = work.Guest.Find(Folder).Where(path => !IsDocumentation(path) && !path.StartsWith(Folder + "/journal/", StringComparison.Ordinal)
            && work.Guest.Stat(path) is { Kind: GuestFileKind.File, Size: > 0 }).Order(StringComparer.Ordinal).ToList();
        foreach (var log in logs.Take(ListedLogs))
        {
            yield return new SealFinding(log, "log", Name);
        }

        if (logs.Count > ListedLogs)
        {
            yield return new SealFinding(Folder, $"{logs.Count - ListedLogs} more logs", Name);
        }

        foreach (var path in work.Guest.Glob("/root/anaconda-ks.cfg"))
        {
            yield return new SealFinding(path, "installer's record, with password hashes", Name);
        }
    }

    /// <summary>What systemd's package puts there is no log.</summary>
    private static bool IsDocumentation(string path) => path == Folder + "/README";

    private static bool IsKept(string path) => IsDocumentation(path) || Array.Exists(Databases, name => path == $"{Folder}/{name}");
}

/// <summary><c>tmp-files</c>.</summary>
internal sealed class TemporaryFilesOperation : SealOperation
{
    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        work.RemoveContent("/tmp");
        work.RemoveContent("/var/tmp");
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) => [];
}

/// <summary><c>backup-files</c>.</summary>
internal sealed class BackupFilesOperation : SealOperation
{
    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var path in ((string[])["/etc", "/root"]).SelectMany(work.Guest.Find))
        {
            if ((path.EndsWith('~') || path.EndsWith(".bak", StringComparison.Ordinal)) && work.Guest.Stat(path) is { Kind: GuestFileKind.File })
            {
                work.Remove(path);
            }
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) => [];
}

/// <summary><c>net-hwaddr</c>: lines that tie a Red Hat network script to one card or name.</summary>
internal sealed class InterfaceFilesOperation : SealOperation
{
    private static readonly string[] Keys = ["HWADDR=", "HOSTNAME=", "DHCP_HOSTNAME="];

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var (path, text) in Files(work))
        {
            var kept = text.Split('\n').Where(line => !IsTied(line));
            work.Guest.Write(path, GuestText.Encode(string.Join('\n', kept)));
            work.Count();
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) =>
        Files(work).Select(file => new SealFinding(file.Path, "hardware address or host name of one machine", Name));

    private static IEnumerable<(string Path, string Text)> Files(SealWork work)
    {
        foreach (var path in work.Guest.Glob("/etc/sysconfig/network-scripts/ifcfg-*"))
        {
            if (work.ReadText(path) is { } text && !text.Contains('\0', StringComparison.Ordinal) && text.Split('\n').Any(IsTied))
            {
                yield return (path, text);
            }
        }
    }

    private static bool IsTied(string line) => Array.Exists(Keys, key => line.TrimStart().StartsWith(key, StringComparison.Ordinal));
}
