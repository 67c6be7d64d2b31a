using System.Text;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Accounts;

/// <summary><c>ssh-inject USER:file:PATH</c> or <c>USER:string:KEY</c>: public keys that may log in as the user.</summary>
sealed class InjectSshKey(CommandOrigin origin, string user, IReadOnlyList<string> keys) : Operation(origin)
{
    public override string Describe() => $"{keys.Count} {(keys.Count == 1 ? "key" : "keys")} for {user}";

    /// <summary>The lines of an authorized_keys text, checked to be public keys.</summary>
    public static IReadOnlyList<string> ParseKeys(string text)
    {
        if (text.Contains("PRIVATE KEY", StringComparison.Ordinal))
        {
            throw new MistakeException("this is a private key", "name the public key, the file that ends with .pub, and replace the private one: it may have been seen");
        }

        var keys = text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToList();
        return keys.Count > 0 && keys.All(IsPublicKey)
            ? keys
            : throw new MistakeException("this is no SSH public key", "a key starts with ssh-ed25519, ecdsa-sha2-..., sk-... or ssh-rsa, and its base64 text follows");
    }

    public override void Check(Preflight check) => UserCheck.Require(check, Origin, user);

    public override void Apply(Session session)
    {
        var files = session.Files;
        var account = AccountFiles.User(files, user);
        var home = files.Real(account.Home);
        if (home == "/" || files.Look(home)?.Kind != GuestFileKind.Directory)
        {
            throw new GuestException(GuestFault.Change, user, $"the home directory {account.Home} is not there", "make it first, or choose another user");
        }

        var folder = NotALink(files, GuestPaths.Below(home, ".ssh"));
        files.MakeDirectories(folder, Modes.PrivateDirectory, account.Uid, account.Gid);
        var path = NotALink(files, GuestPaths.Below(folder, "authorized_keys"));
        var content = files.Read(path);
        var there = Encoding.Latin1.GetString(content ?? []).Split('\n').Select(line => line.Trim()).ToHashSet(StringComparer.Ordinal);
        var result = content ?? [];
        foreach (var key in keys.Where(key => !there.Contains(AccountTable.Field(key))))
        {
            result = AppendLine.Append(result, key);
        }

        files.Write(path, result, Modes.PrivateFile, account.Uid, account.Gid);
    }

    // sshd would follow the link, but then the key is trusted wherever else that file is used; a vendor's image has no such link.
    private static string NotALink(GuestFiles files, string path) =>
        files.Look(path)?.Kind == GuestFileKind.Link
            ? throw new GuestException(GuestFault.Integrity, path, "this is a symbolic link, so the key would land elsewhere", $"delete it first: delete {path}")
            : path;

    // authorized_keys(5): options may stand before the key's type.
    private static bool IsPublicKey(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var type = Array.FindIndex(words, word =>
            word is "ssh-ed25519" or "ssh-rsa" || word.StartsWith("ecdsa-sha2-", StringComparison.Ordinal)
            || (word.StartsWith("sk-", StringComparison.Ordinal) && word.EndsWith("@openssh.com", StringComparison.Ordinal)));
        return type >= 0 && type + 1 < words.Length && words[type + 1].StartsWith("AAAA", StringComparison.Ordinal)
            && Convert.TryFromBase64String(words[type + 1], new byte[words[type + 1].Length], out _);
    }
}
