using System.Text;
using Guests.Customize.Accounts;
using Guests.Customize.Commands;
using Guests.Customize.Files;
using Guests.Customize.Firstboot;
using Guests.Customize.Identity;

namespace Guests.Customize.Language;

/// <summary>What a command's reader works with.</summary>
/// <param name="Origin">Where the command stands.</param>
/// <param name="Argument">Its argument; empty for a command that takes none.</param>
/// <param name="Local">The local files.</param>
sealed record CommandContext(CommandOrigin Origin, string Argument, LocalFiles Local);

/// <summary>A command of the language.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Form">Its argument's form as messages and the reference show it; null for none.</param>
/// <param name="Read">Checks the argument and gives the operation.</param>
sealed record Command(string Name, string? Form, Func<CommandContext, Operation> Read);

/// <summary>The language: every command, and those of virt-customize that are not in it, with what to use instead.</summary>
static class CommandTable
{
    /// <summary>A flag for the whole customization, wherever it stands.</summary>
    public const string PasswordCryptoFlag = "password-crypto";

    /// <summary>Commands by name.</summary>
    public static IReadOnlyDictionary<string, Command> Commands { get; } = new Command[]
    {
        new("append-line", "FILE:LINE", c =>
        {
            var (path, line) = Arguments.Pair(c.Argument, "append-line FILE:LINE");
            return line.Contains('\n', StringComparison.Ordinal)
                ? throw new MistakeException("the line has a line break in it", "use one append-line for each line")
                : new AppendLine(c.Origin, Arguments.GuestPathBelowRoot(path), line);
        }),
        new("chmod", "PERMISSIONS:PATH", c =>
        {
            var (mode, path) = Arguments.Pair(c.Argument, "chmod 0644:/path");
            return new ChangeMode(c.Origin, Arguments.Mode(mode), Arguments.GuestPath(path), !mode.StartsWith('0'));
        }),
        new("chown", "OWNER:GROUP:PATH", c =>
        {
            var (owner, rest) = Arguments.Pair(c.Argument, "chown OWNER:GROUP:/path");
            var (group, path) = Arguments.Pair(rest, "chown OWNER:GROUP:/path");
            return new ChangeOwner(c.Origin, Owner(owner), Owner(group), Arguments.GuestPath(path));
        }),
        new("copy", "SOURCE:DEST", c => Relocation(c, copy: true)),
        new("copy-in", "LOCALPATH:DIRECTORY", c =>
        {
            var (local, directory) = Arguments.Pair(c.Argument, "copy-in LOCALPATH:/directory");
            return new CopyIn(c.Origin, c.Local.Tree(local), Arguments.GuestPath(directory));
        }),
        new("delete", "PATH", c => new DeletePath(c.Origin, Arguments.GuestPathBelowRoot(c.Argument))),
        new("firstboot", "SCRIPT", c =>
        {
            var content = RunScript.WithInterpreter(c.Local.Content(c.Argument));
            return new FirstbootScript(c.Origin, Path.GetFileName(c.Argument), _ => content, c.Argument);
        }),
        new("firstboot-command", "COMMAND", c => new FirstbootScript(
            c.Origin, "command", _ => GuestCommands.Shell(c.Argument), new RunCommand(c.Origin, c.Argument).Describe())),
        new("firstboot-install", "PACKAGE,...", c =>
        {
            var packages = Arguments.Packages(c.Argument);
            return new FirstbootScript(
                c.Origin, "install",
                session => GuestCommands.Shell(PackageManager.Script(session.Files, PackageAction.Install, packages)),
                string.Join(", ", packages));
        }),
        new("group", "NAME[:GID]", c =>
        {
            var colon = c.Argument.IndexOf(':', StringComparison.Ordinal);
            return colon < 0
                ? new CreateGroup(c.Origin, Arguments.AccountName(c.Argument), null)
                : new CreateGroup(c.Origin, Arguments.AccountName(c.Argument[..colon]), Arguments.Id(c.Argument[(colon + 1)..], "gid"));
        }),
        new("hostname", "NAME", c => new SetHostName(c.Origin, Arguments.HostName(c.Argument))),
        new("install", "PACKAGE,...", c => new ChangePackages(c.Origin, PackageAction.Install, Arguments.Packages(c.Argument))),
        new("link", "TARGET:LINK[:LINK...]", c =>
        {
            var (target, links) = Arguments.Pair(c.Argument, "link TARGET:/link");
            return new MakeLink(c.Origin, target, [.. links.Split(':').Select(Arguments.GuestPathBelowRoot)]);
        }),
        new("mkdir", "DIRECTORY", c => new MakeDirectory(c.Origin, Arguments.GuestPath(c.Argument))),
        new("move", "SOURCE:DEST", c => Relocation(c, copy: false)),
        new("password", "USER:SELECTOR", c =>
        {
            var (user, selector) = Arguments.Pair(c.Argument, "password USER:SELECTOR");
            return new SetPassword(
                c.Origin, Arguments.ExistingAccountName(user), PasswordChange.Parse(selector, c.Origin.IsInline, c.Local));
        }),
        new("root-password", "SELECTOR", c => new SetPassword(c.Origin, "root", PasswordChange.Parse(c.Argument, c.Origin.IsInline, c.Local))),
        new("run", "SCRIPT", c => new RunScript(c.Origin, c.Argument, c.Local.Content(c.Argument))),
        new("run-command", "COMMAND", c => new RunCommand(c.Origin, c.Argument)),
        new("ssh-inject", "USER:SELECTOR", c => ReadSshKey(c)),
        new("timezone", "REGION/CITY", c => new SetTimeZone(c.Origin, Arguments.TimeZone(c.Argument))),
        new("touch", "FILE", c => new TouchFile(c.Origin, Arguments.GuestPathBelowRoot(c.Argument))),
        new("truncate", "FILE", c => new TruncateFile(c.Origin, Arguments.GuestPathBelowRoot(c.Argument))),
        new("truncate-recursive", "PATH", c => new TruncateTree(c.Origin, Arguments.GuestPathBelowRoot(c.Argument))),
        new("uninstall", "PACKAGE,...", c => new ChangePackages(c.Origin, PackageAction.Remove, Arguments.Packages(c.Argument))),
        new("update", null, c => new ChangePackages(c.Origin, PackageAction.Update, [])),
        new("upload", "FILE:DEST", c =>
        {
            var (local, path) = Arguments.Pair(c.Argument, "upload FILE:/dest");
            return new UploadFile(c.Origin, c.Local.File(local), Arguments.GuestPathBelowRoot(path));
        }),
        new("user", "NAME[:KEY=VALUE,...]", c =>
        {
            var colon = c.Argument.IndexOf(':', StringComparison.Ordinal);
            return colon < 0
                ? new CreateUser(c.Origin, Arguments.AccountName(c.Argument), new UserOptions())
                : new CreateUser(c.Origin, Arguments.AccountName(c.Argument[..colon]), UserOptions.Parse(c.Argument[(colon + 1)..]));
        }),
        new("write", "FILE:CONTENT", c =>
        {
            var (path, content) = Arguments.Pair(c.Argument, "write /file:CONTENT");
            return new WriteFile(c.Origin, Arguments.GuestPathBelowRoot(path), Encoding.UTF8.GetBytes(content));
        }),
    }.ToDictionary(command => command.Name, StringComparer.Ordinal);

    /// <summary>Commands and options of virt-customize that are not in our language, and what to use.</summary>
    public static IReadOnlyDictionary<string, string> Elsewhere { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["edit"] = "its Perl would run outside the guest; use run-command with sed, or write or upload the whole file",
        ["scrub"] = "overwriting does not reach the blocks of a cloned volume; use delete, and the freed blocks are trimmed",
        ["sm-attach"] = "register at the first boot: firstboot-command subscription-manager ...",
        ["sm-credentials"] = "register at the first boot: firstboot-command subscription-manager ...",
        ["sm-register"] = "register at the first boot: firstboot-command subscription-manager ..., for an image must not carry a registration",
        ["sm-remove"] = "use run-command subscription-manager ...; sealing removes a registration anyway",
        ["sm-unregister"] = "use run-command subscription-manager ...; sealing removes a registration anyway",
        ["tar-in"] = "unpack the archive and use copy-in, or upload it and use run-command tar",
        ["inject-qemu-ga"] = "use install qemu-guest-agent",
        ["inject-virtio-win"] = "Windows guests are not customized by this step",
        ["commands-from-file"] = "name one file in --commands-file; files cannot include others",
        ["no-logfile"] = "leave it out: no log is written into the guest",
        ["selinux-relabel"] = "leave it out: a guest with SELinux is relabelled at its first boot when files were changed",
        ["no-selinux-relabel"] = "leave it out: a guest without SELinux is never relabelled",
        ["network"] = "set the step's option --network=true",
        ["no-network"] = "set the step's option --network=false",
        ["memsize"] = "set the step's option --memory",
        ["smp"] = "leave it out: the step has one virtual CPU",
        ["format"] = "set the step's option --disk-format",
        ["add"] = "set the step's option --disk",
    };

    /// <summary>A known name that is a slip away from this one, or null.</summary>
    public static string? Nearest(string name)
    {
        var best = Commands.Keys.Append(PasswordCryptoFlag).Select(known => (known, distance: Spelling.Distance(name, known))).MinBy(pair => pair.distance);
        return best.distance <= Math.Min(3, best.known.Length / 3 + 1) ? best.known : null;
    }

    /// <summary>Reads the flag's argument.</summary>
    public static PasswordCrypto ReadCrypto(string argument) => argument switch
    {
        "yescrypt" => PasswordCrypto.Yescrypt,
        "sha512" => PasswordCrypto.Sha512,
        "sha256" => PasswordCrypto.Sha256,
        "md5" => PasswordCrypto.Md5,
        _ => throw new MistakeException("the hash is not known", "use yescrypt, sha512, sha256 or md5"),
    };

    private static string Owner(string text) =>
        text.All(char.IsAsciiDigit) ? $"{Arguments.Id(text, "owner")}" : Arguments.ExistingAccountName(text);

    private static Relocate Relocation(CommandContext c, bool copy)
    {
        var (source, destination) = Arguments.Pair(c.Argument, "SOURCE:DEST");
        return new Relocate(c.Origin, Arguments.GuestPathBelowRoot(source), Arguments.GuestPath(destination), copy);
    }

    private static InjectSshKey ReadSshKey(CommandContext c)
    {
        const string Forms = "use ssh-inject USER:file:PATH, or USER:string:KEY in a commands file";
        var parts = c.Argument.Split(':', 3);
        var user = Arguments.ExistingAccountName(parts[0]);
        if (parts.Length < 3 || parts[2].Length == 0)
        {
            throw new MistakeException("the key is not named, and the step has no home directory to look for one", Forms);
        }

        return parts[1] switch
        {
            "file" => new InjectSshKey(c.Origin, user, InjectSshKey.ParseKeys(c.Local.Text(parts[2]))),
            "string" when c.Origin.IsInline => throw new MistakeException(
                "key material is not accepted in inline commands", "put the key into a file and use USER:file:PATH, or put the commands into a file"),
            "string" => new InjectSshKey(c.Origin, user, InjectSshKey.ParseKeys(parts[2])),
            _ => throw new MistakeException("the key's selector is not known", Forms),
        };
    }
}
