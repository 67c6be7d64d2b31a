using System.Text;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary><c>write FILE:CONTENT</c>: exactly that content, with no newline added.</summary>
sealed class WriteFile(CommandOrigin origin, string path, byte[] content) : Operation(origin)
{
    public override string Describe() => $"{path} ({content.Length} bytes)";

    public override void Check(Preflight check) => check.MayBeReplaced(path);

    public override void Apply(Session session) => session.Files.Write(path, content);
}

/// <summary><c>upload FILE:DEST</c>: with the local file's mode; the owner is root.</summary>
sealed class UploadFile(CommandOrigin origin, string local, string path) : Operation(origin)
{
    public override string Describe() => $"{local} to {path}";

    public override void Check(Preflight check) => check.MayBeReplaced(path);

    public override void Apply(Session session)
    {
        var real = session.Files.Real(path);
        if (session.Files.Look(real)?.Kind == GuestFileKind.Directory)
        {
            real = session.Files.Real(GuestPaths.Below(real, Path.GetFileName(local)));
        }

        session.Files.Put(LocalTree.Stage(local, real));
    }
}

/// <summary><c>copy-in LOCAL:DIRECTORY</c>: a local file or tree, into a directory of the guest that exists.</summary>
sealed class CopyIn(CommandOrigin origin, LocalTree tree, string directory) : Operation(origin)
{
    public override string Describe() => $"{tree.Root} into {directory} ({tree.Count} entries)";

    public override void Check(Preflight check) => check.MayBeReplaced(directory);

    public override void Apply(Session session)
    {
        var files = session.Files;
        var root = files.Existing(directory);
        if (files.Look(root)!.Kind != GuestFileKind.Directory)
        {
            throw new GuestException(GuestFault.Change, directory, "this is not a directory", "name a directory, or use upload for a file");
        }

        // Where each local folder ended up: links to directories in the guest are followed, never replaced.
        var places = new Dictionary<string, string>(StringComparer.Ordinal) { [""] = root };
        foreach (var (relative, local) in tree.Entries())
        {
            session.Cancellation.ThrowIfCancellationRequested();
            var slash = relative.LastIndexOf('/');
            var parent = places[slash < 0 ? "" : relative[..slash]];
            var path = GuestPaths.Below(parent, relative[(slash + 1)..]);
            var file = LocalTree.Stage(local, path);
            if (file.Kind != GuestFileKind.Directory)
            {
                files.Put(file);
                continue;
            }

            var real = files.Real(path);
            if (files.Look(real)?.Kind != GuestFileKind.Directory)
            {
                files.Put(file);
                real = path;
            }

            places[relative] = real;
        }
    }
}

/// <summary><c>mkdir DIRECTORY</c>: with its missing parents.</summary>
sealed class MakeDirectory(CommandOrigin origin, string path) : Operation(origin)
{
    public override string Describe() => path;

    public override void Apply(Session session) => session.Files.MakeDirectories(path);
}

/// <summary><c>append-line FILE:LINE</c>: the file's last newline is added if it is missing; CRLF files get CRLF.</summary>
sealed class AppendLine(CommandOrigin origin, string path, string line) : Operation(origin)
{
    /// <summary>How much of the file decides on its line ends.</summary>
    private const int Sample = 8192;

    public override string Describe() => path;

    public override void Apply(Session session)
    {
        var content = session.Files.Read(path) ?? [];
        session.Files.Write(path, Append(content, line));
    }

    internal static byte[] Append(byte[] content, string line)
    {
        var newline = content.AsSpan(0, Math.Min(content.Length, Sample)).IndexOf("\r\n"u8) >= 0 ? "\r\n" : "\n";
        var missing = content.Length > 0 && content[^1] != (byte)'\n' ? newline : "";
        return [.. content, .. Encoding.UTF8.GetBytes(missing + line + newline)];
    }
}

/// <summary><c>link TARGET:LINK[:LINK...]</c>: symbolic links, in place of what is there.</summary>
sealed class MakeLink(CommandOrigin origin, string target, IReadOnlyList<string> links) : Operation(origin)
{
    public override string Describe() => $"{string.Join(", ", links)} to {target}";

    public override void Apply(Session session)
    {
        foreach (var link in links)
        {
            // As ln(1): a link that names a directory means one in that directory.
            var real = session.Files.Find(link)?.Kind == GuestFileKind.Directory
                ? GuestPaths.Below(session.Files.Real(link), GuestPaths.Name(target))
                : session.Files.RealParent(link);
            session.Files.Put(new StagedFile { Path = real, Kind = GuestFileKind.Link, Mode = Modes.Link, Target = target });
        }
    }
}

/// <summary><c>chmod PERMISSIONS:PATH</c></summary>
sealed class ChangeMode(CommandOrigin origin, int mode, string path, bool isDecimal) : Operation(origin)
{
    public override string Describe() =>
        $"{path} to 0{Convert.ToString(mode, 8)}" + (isDecimal ? " (the number was decimal; write a leading 0 for octal)" : "");

    public override void Apply(Session session) => session.Files.ChangeMode(path, mode);
}

/// <summary><c>chown OWNER:GROUP:PATH</c>: numbers, or names of the guest.</summary>
sealed class ChangeOwner(CommandOrigin origin, string owner, string group, string path) : Operation(origin)
{
    public override string Describe() => $"{path} to {owner}:{group}";

    public override void Apply(Session session) => session.Files.ChangeOwner(
        path,
        Accounts.AccountFiles.Id(session.Files, "/etc/passwd", owner),
        Accounts.AccountFiles.Id(session.Files, "/etc/group", group));
}

/// <summary><c>touch FILE</c></summary>
sealed class TouchFile(CommandOrigin origin, string path) : Operation(origin)
{
    public override string Describe() => path;

    public override void Apply(Session session)
    {
        var real = session.Files.Real(path);
        if (session.Files.Look(real) is null)
        {
            session.Files.Write(real, []);
        }
        else
        {
            session.Files.Flush(session.Cancellation);
            session.Guest.Touch(real);
        }
    }
}

/// <summary><c>truncate FILE</c>: to 0 bytes.</summary>
sealed class TruncateFile(CommandOrigin origin, string path) : Operation(origin)
{
    public override string Describe() => path;

    public override void Apply(Session session)
    {
        session.Files.Flush(session.Cancellation);
        session.Guest.Truncate(session.Files.Existing(path));
        session.Files.Forget();
    }
}

/// <summary><c>truncate-recursive PATH</c>: every regular file below it.</summary>
sealed class TruncateTree(CommandOrigin origin, string path) : Operation(origin)
{
    public override string Describe() => path;

    public override void Apply(Session session)
    {
        session.Files.Flush(session.Cancellation);
        foreach (var file in session.Guest.Find(session.Files.Existing(path)))
        {
            session.Cancellation.ThrowIfCancellationRequested();
            if (session.Guest.Stat(file)?.Kind == GuestFileKind.File)
            {
                session.Guest.Truncate(file);
            }
        }

        session.Files.Forget();
    }
}

/// <summary><c>delete PATH</c>: a shell pattern, trees with their content; nothing there is fine.</summary>
sealed class DeletePath(CommandOrigin origin, string pattern) : Operation(origin)
{
    public override string Describe() => pattern;

    public override void Apply(Session session)
    {
        session.Files.Flush(session.Cancellation);
        foreach (var path in session.Guest.Glob(pattern))
        {
            session.Cancellation.ThrowIfCancellationRequested();
            var real = session.Files.RealParent(path);
            if (session.Files.Look(real)?.Kind == GuestFileKind.Directory)
            {
                session.Guest.RemoveTree(real);
            }
            else
            {
                session.Guest.RemoveFile(real);
            }
        }

        session.Files.Forget();
    }
}

/// <summary><c>move SOURCE:DEST</c> and <c>copy SOURCE:DEST</c>, both in the guest; a directory as DEST means into it.</summary>
sealed class Relocate(CommandOrigin origin, string source, string destination, bool copy) : Operation(origin)
{
    public override string Describe() => $"{source} to {destination}";

    public override void Check(Preflight check) => check.MayBeReplaced(destination);

    public override void Apply(Session session)
    {
        var files = session.Files;
        files.Flush(session.Cancellation);
        var from = files.RealParent(source);
        if (files.Look(from) is null)
        {
            throw new GuestException(GuestFault.Change, source, "there is no such file in the guest", "check the path");
        }

        var to = files.Real(destination);
        if (files.Look(to)?.Kind == GuestFileKind.Directory)
        {
            to = GuestPaths.Below(to, GuestPaths.Name(from));
        }

        if (copy)
        {
            session.Guest.Copy(from, to);
        }
        else
        {
            session.Guest.Move(from, to);
        }

        files.Forget();
    }
}
