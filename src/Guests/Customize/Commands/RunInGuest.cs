using System.Runtime.InteropServices;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Commands;

/// <summary>An operation that runs a program of the guest's.</summary>
abstract class RunInGuest(CommandOrigin origin) : Operation(origin)
{
    public override void Check(Preflight check)
    {
        var guest = check.System.Architecture;
        var here = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64";
        if (guest.Length > 0 && guest != here && !(here == "x86_64" && guest is "i386" or "i486" or "i586" or "i686"))
        {
            throw new GuestException(
                GuestFault.Unsupported, Origin.ToString(), $"the guest is for {guest}, and its programs do not run here ({here})",
                "use firstboot-command, or run the step on a node of that architecture");
        }

        check.IsUnpredictable = true;
    }

    public override void Apply(Session session) => session.Commands.Add(Origin, Program(session));

    /// <summary>The program: a script with its interpreter in the first line, or a binary.</summary>
    protected abstract byte[] Program(Session session);
}

/// <summary><c>run-command COMMAND</c>, by the guest's /bin/sh; the last command's exit code counts.</summary>
sealed class RunCommand(CommandOrigin origin, string command) : RunInGuest(origin)
{
    // A file's command may hold a secret: only an option's text is known to hold none.
    public override string Describe() => Origin.IsInline ? Shorten(command) : $"({command.Length} characters)";

    protected override byte[] Program(Session session) => GuestCommands.Shell(command);

    internal static string Shorten(string text)
    {
        var line = text.Split('\n')[0];
        return line.Length <= 60 && line.Length == text.Length ? text : string.Concat(line.AsSpan(0, Math.Min(60, line.Length)), "...");
    }
}

/// <summary><c>run SCRIPT</c>: a local file, by the interpreter that its first line names, else by /bin/sh.</summary>
sealed class RunScript(CommandOrigin origin, string local, byte[] content) : RunInGuest(origin)
{
    public override string Describe() => local;

    protected override byte[] Program(Session session) => WithInterpreter(content);

    internal static byte[] WithInterpreter(byte[] content) =>
        content.AsSpan().StartsWith("#!"u8) || content.AsSpan().StartsWith("\x7fELF"u8) ? content : [.. "#!/bin/sh\n"u8, .. content];
}
