using Guests.Customize.Files;
using Guests.Engine;

namespace Guests.Customize.Accounts;

/// <summary>The guest's account files: read, changed in place, written back with their attributes kept.</summary>
static class AccountFiles
{
    /// <summary>Reads a table that must be there.</summary>
    public static AccountTable Read(GuestFiles files, string path) =>
        TryRead(files, path) ?? throw new GuestException(
            GuestFault.Unsupported, path, "the guest has no such file", "use an image with local accounts");

    /// <summary>Reads a table; null when the guest has none.</summary>
    public static AccountTable? TryRead(GuestFiles files, string path) =>
        files.Read(path) is { } content ? AccountTable.Parse(content) : null;

    /// <summary>Writes a table; a new one is readable by root alone when it holds hashes.</summary>
    public static void Write(GuestFiles files, string path, AccountTable table) =>
        files.Write(path, table.ToBytes(), path.EndsWith("shadow", StringComparison.Ordinal) ? Modes.PrivateFile : Modes.File);

    /// <summary>The number of a user or group that is given by number or by name.</summary>
    public static int Id(GuestFiles files, string path, string account)
    {
        if (account.All(char.IsAsciiDigit))
        {
            return int.Parse(account);
        }

        return Read(files, path).Find(account) is { Length: > 2 } fields && int.TryParse(fields[2], out var id)
            ? id
            : throw new GuestException(GuestFault.Change, account, $"{path} of the guest has no such name", "use a number, or make the account first");
    }

    /// <summary>A user of the guest, with what passwd(5) says.</summary>
    public static GuestUser User(GuestFiles files, string name)
    {
        var fields = Read(files, "/etc/passwd").Find(name)
            ?? throw new GuestException(GuestFault.Change, name, "the guest has no such user", $"make it first: user {name}");
        return fields.Length >= 7
            && int.TryParse(fields[2], out var uid) && int.TryParse(fields[3], out var gid) && uid >= 0 && gid >= 0
            && fields[5].StartsWith('/')
            ? new GuestUser(name, uid, gid, fields[5])
            : throw new GuestException(GuestFault.Integrity, "/etc/passwd", $"the line of user {name} is broken", "repair or replace the image");
    }
}

/// <summary>A user of the guest.</summary>
sealed record GuestUser(string Name, int Uid, int Gid, string Home);
