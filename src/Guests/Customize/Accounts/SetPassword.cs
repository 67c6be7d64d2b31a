using Guests.Customize.Files;
using Guests.Customize.Language;

namespace Guests.Customize.Accounts;

/// <summary>What a password is to become.</summary>
/// <param name="Text">The new password; null for none.</param>
/// <param name="IsLocked">Whether it cannot be used until it is unlocked.</param>
sealed record PasswordChange(string? Text, bool IsLocked)
{
    /// <summary>Reads a selector of virt-customize. Its text is never repeated in a mistake: it may be the password itself.</summary>
    public static PasswordChange Parse(string selector, bool isInline, LocalFiles local)
    {
        const string Forms = "use file:PATH, disabled, locked, locked:file:PATH, or password:TEXT in a commands file";
        var colon = selector.IndexOf(':', StringComparison.Ordinal);
        var kind = colon < 0 ? selector : selector[..colon];
        var rest = colon < 0 ? null : selector[(colon + 1)..];
        switch (kind, rest)
        {
            case ("disabled", null):
                return new PasswordChange(null, IsLocked: false);
            case ("locked", null):
                return new PasswordChange(null, IsLocked: true);
            case ("locked", not null):
                return Parse(rest, isInline, local) with { IsLocked = true };
            case ("random", _):
                throw new MistakeException("a random password would have to be printed into the log", "use ssh-inject, or file:PATH with a password of your own");
            case ("password", not null) when isInline:
                throw new MistakeException(
                    "a password in inline commands can be read in the pod's specification and in the log",
                    "put the commands into a Secret and name its file with --commands-file, or use file:PATH");
            case ("password", { Length: > 0 }):
                return new PasswordChange(Usable(rest), IsLocked: false);
            case ("file", { Length: > 0 }):
                return new PasswordChange(Usable(local.Text(rest).Split('\n')[0].TrimEnd('\r')), IsLocked: false);
            default:
                throw new MistakeException("the password's selector is not known", Forms);
        }
    }

    /// <summary>The field in shadow(5): <c>*</c> for none, <c>!!</c> in front when locked.</summary>
    public string Field(PasswordCrypto crypto) => (IsLocked ? "!!" : "") + (Text is null ? "*" : Crypt.Hash(Text, crypto));

    private static string Usable(string text) =>
        text.Length is > 0 and <= 511 && !text.Contains('\0', StringComparison.Ordinal) && !text.Contains('\n', StringComparison.Ordinal)
            ? text
            : throw new MistakeException("the password is empty, or longer than 511 characters, or has a line break in it", "choose another; for none use disabled");
}

/// <summary><c>password USER:SELECTOR</c> and <c>root-password SELECTOR</c></summary>
sealed class SetPassword(CommandOrigin origin, string user, PasswordChange change) : Operation(origin)
{
    /// <summary>How it is hashed; null for what suits the guest.</summary>
    public PasswordCrypto? Crypto { get; set; }

    /// <summary>Whose password it is.</summary>
    public string User { get; } = user;

    public override string Describe() =>
        $"of {User}" + (change.Text is null ? ": none" : "") + (change.IsLocked ? ", locked" : "");

    public override void Check(Preflight check) => UserCheck.Require(check, Origin, User);

    public override void Apply(Session session)
    {
        var files = session.Files;
        var passwd = AccountFiles.Read(files, "/etc/passwd");
        _ = AccountFiles.User(files, User);
        var shadow = AccountFiles.Read(files, "/etc/shadow");
        var fields = shadow.Find(User) ?? [User, "", "", "0", "99999", "7", "", "", ""];
        if (fields.Length < 2)
        {
            fields = [User, "", "", "0", "99999", "7", "", "", ""];
        }

        fields[1] = change.Field(Crypto ?? Crypt.DefaultFor(session.System));
        shadow.Set(fields);
        AccountFiles.Write(files, "/etc/shadow", shadow);

        // Only an x sends login programs to the shadow file.
        var account = passwd.Find(User)!;
        if (account[1] != "x")
        {
            account[1] = "x";
            passwd.Set(account);
            AccountFiles.Write(files, "/etc/passwd", passwd);
        }
    }
}

/// <summary>Users that an operation needs, looked for before anything is changed.</summary>
static class UserCheck
{
    public static void Require(Preflight check, CommandOrigin origin, string user)
    {
        if (!check.IsUnpredictable && !check.Users.Contains(user))
        {
            throw new Engine.GuestException(
                Engine.GuestFault.Change, origin.ToString(), $"the guest has no user {user}", $"make it first: user {user}");
        }
    }
}
