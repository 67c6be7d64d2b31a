using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Accounts;

/// <summary>
/// <c>user NAME[:KEY=VALUE,...]</c>: makes a user with a locked password, and its home directory from <c>/etc/skel</c>. One
/// that is there only joins further groups; anything else that differs is a fault.
/// </summary>
sealed class CreateUser(CommandOrigin origin, string name, UserOptions options) : Operation(origin)
{
    /// <summary>Largest skeleton that is copied: entries, and bytes of one file.</summary>
    private const int MostSkeleton = 1000;
    private const int LargestSkeletonFile = 1 << 20;

    /// <summary>As many subordinate numbers as useradd(8) gives (SUB_UID_COUNT).</summary>
    private const int SubordinateIds = 65536;

    public override string Describe() =>
        name
        + (options.Uid is { } uid ? $", uid {uid}" : "")
        + (options.Groups.Count > 0 ? $", in {string.Join(", ", options.Groups)}" : "")
        + (options.IsSystem ? ", system" : "");

    public override void Check(Preflight check) => check.Users.Add(name);

    public override void Apply(Session session)
    {
        var files = session.Files;
        var passwd = AccountFiles.Read(files, "/etc/passwd");
        if (passwd.Find(name) is { } there)
        {
            Compare(there);
        }
        else
        {
            Create(session, passwd);
        }

        foreach (var group in options.Groups)
        {
            CreateGroup.AddMember(files, group, name);
        }
    }

    private void Compare(string[] there)
    {
        if ((options.Uid is { } uid && there.ElementAtOrDefault(2) != $"{uid}")
            || (options.Home is { } home && there.ElementAtOrDefault(5) != home)
            || (options.Shell is { } shell && there.ElementAtOrDefault(6) != shell))
        {
            throw new GuestException(GuestFault.Change, name, "the user is there already, with another uid, home or shell", "leave those out, or choose another name");
        }
    }

    private void Create(Session session, AccountTable passwd)
    {
        var files = session.Files;
        var uid = options.Uid ?? IdRange.Users(files, options.IsSystem).Next(passwd);
        if (passwd.Rows.FirstOrDefault(row => row.Length > 2 && row[2] == $"{uid}") is { } other)
        {
            throw new GuestException(GuestFault.Change, name, $"uid {uid} belongs to user {AccountTable.Printable(other[0])}", "choose another number");
        }

        var gid = Group(files, uid);
        var home = options.Home ?? (options.IsSystem ? "/nonexistent" : $"/home/{name}");
        passwd.Set([name, "x", $"{uid}", $"{gid}", AccountTable.Field(options.Comment), AccountTable.Field(home), AccountTable.Field(Shell(files))]);
        AccountFiles.Write(files, "/etc/passwd", passwd);

        var shadow = AccountFiles.Read(files, "/etc/shadow");
        var today = (long)(session.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalDays;
        shadow.Set(options.IsSystem
            ? [name, "!", $"{today}", "", "", "", "", "", ""]
            : [name, "!", $"{today}", "0", "99999", "7", "", "", ""]);
        AccountFiles.Write(files, "/etc/shadow", shadow);

        if (!options.IsSystem)
        {
            AddSubordinates(files, "/etc/subuid");
            AddSubordinates(files, "/etc/subgid");
        }

        if (options.HasHome)
        {
            MakeHome(session, home, uid, gid);
        }
    }

    private int Group(GuestFiles files, int uid)
    {
        if (options.Group is { } group)
        {
            return AccountFiles.Id(files, "/etc/group", group);
        }

        var groups = AccountFiles.Read(files, "/etc/group");
        if (groups.Find(name) is { Length: > 2 } own && int.TryParse(own[2], out var gid))
        {
            return gid;
        }

        // The same number as the user's, where it is free.
        var isFree = !groups.Rows.Any(row => row.Length > 2 && row[2] == $"{uid}");
        return CreateGroup.Add(files, name, isFree ? uid : null, options.IsSystem);
    }

    private string Shell(GuestFiles files)
    {
        if (options.Shell is { } shell)
        {
            return shell;
        }

        var candidates = options.IsSystem ? ["/usr/sbin/nologin", "/sbin/nologin", "/bin/false"] : new[] { "/bin/bash", "/bin/sh" };
        return candidates.FirstOrDefault(candidate => files.Find(candidate) is not null) ?? candidates[^1];
    }

    private void AddSubordinates(GuestFiles files, string path)
    {
        if (AccountFiles.TryRead(files, path) is { } table && table.Find(name) is null)
        {
            var next = table.Rows
                .Where(row => row.Length > 2 && long.TryParse(row[1], out _) && long.TryParse(row[2], out _))
                .Select(row => long.Parse(row[1]) + long.Parse(row[2]))
                .Append(100_000)
                .Max();
            table.Set([name, $"{next}", $"{SubordinateIds}"]);
            AccountFiles.Write(files, path, table);
        }
    }

    private static void MakeHome(Session session, string home, int uid, int gid)
    {
        var files = session.Files;
        if (files.Find(home) is not null)
        {
            return;
        }

        var root = files.MakeDirectories(home, LoginSettings.Read(files).HomeMode, uid, gid);
        if (files.Find("/etc/skel")?.Kind != GuestFileKind.Directory)
        {
            return;
        }

        // The skeleton is read from the guest, so what this customization put into it must be there.
        var skeleton = files.Real("/etc/skel");
        if (files.IsPending(skeleton))
        {
            files.Flush(session.Cancellation);
        }

        foreach (var path in session.Guest.Find(skeleton).Order(StringComparer.Ordinal).Take(MostSkeleton))
        {
            var entry = path.StartsWith(skeleton + "/", StringComparison.Ordinal) ? path[skeleton.Length..].Trim('/') : "";
            if (entry.Length == 0 || session.Guest.Stat(path) is not { Kind: not GuestFileKind.Other } file)
            {
                continue;
            }

            files.Put(new StagedFile
            {
                Path = $"{root}/{entry}",
                Kind = file.Kind,
                Mode = file.Mode & 0x1FF,
                Uid = uid,
                Gid = gid,
                Content = file.Kind == GuestFileKind.File ? session.Guest.Read(path, LargestSkeletonFile) : null,
                Target = file.Kind == GuestFileKind.Link ? session.Guest.ReadLink(path) : null,
            });
        }
    }
}
