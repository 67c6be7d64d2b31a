using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary>
/// The guest's files as the customization sees them: the guest's own, with new ones staged on top until <see cref="Flush"/>
/// sends them all in one tar, and edits of existing ones kept back until then too. A new file costs nothing that way, where
/// each call to the appliance would cost up to 250 ms.
/// </summary>
/// <remarks>Files that exist keep their inode, owner, mode and extended attributes: they are written in place.</remarks>
sealed class GuestFiles(IGuest guest, TimeProvider time) : IGuestTree
{
    /// <summary>Largest file that is edited: appended to, or parsed as a system file.</summary>
    public const int LargestEdit = 4 << 20;

    // What tar says of the write that took the last free block; those after it get "No space left on device".
    private const string ShortWrite = "Wrote only ";

    private readonly Dictionary<string, StagedFile> _staged = new(StringComparer.Ordinal);
    private readonly List<StagedFile> _order = [];
    private readonly Dictionary<string, GuestFile?> _seen = new(StringComparer.Ordinal);

    // Contents of the guest's own files, each read once; those that were changed are written at the next flush.
    private readonly Dictionary<string, byte[]> _contents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CommandOrigin?> _edited = new(StringComparer.Ordinal);

    /// <summary>The command that is carried out: what it stages is its own.</summary>
    public CommandOrigin? Current { get; set; }

    /// <inheritdoc/>
    public GuestFile? Look(string realPath)
    {
        if (_staged.TryGetValue(realPath, out var staged))
        {
            return staged.Look();
        }

        if (realPath == "/")
        {
            return new GuestFile(GuestFileKind.Directory, Modes.Directory, 0, 0, 0);
        }

        // Nothing but the staged stands in a staged directory.
        if (_staged.ContainsKey(GuestPaths.Parent(realPath)))
        {
            return null;
        }

        if (!_seen.TryGetValue(realPath, out var file))
        {
            file = guest.Stat(realPath);
            _seen[realPath] = file;
        }

        return file;
    }

    /// <inheritdoc/>
    public string ReadLink(string realPath) =>
        _staged.TryGetValue(realPath, out var staged) ? staged.Target! : guest.ReadLink(realPath);

    /// <summary>A path with every link followed.</summary>
    public string Real(string path) => GuestPaths.Resolve(this, path, followLast: true);

    /// <summary>A path with every link but the last component's followed.</summary>
    public string RealParent(string path) => GuestPaths.Resolve(this, path, followLast: false);

    /// <summary>What stands at a path, links followed; null when nothing does.</summary>
    public GuestFile? Find(string path) => Look(Real(path));

    /// <summary>A regular file's content, links followed; null when there is no file.</summary>
    public byte[]? Read(string path, int limit = LargestEdit)
    {
        var real = Real(path);
        var file = Look(real);
        if (file is null)
        {
            return null;
        }

        if (file.Kind != GuestFileKind.File)
        {
            throw new GuestException(GuestFault.Change, path, "this is not a regular file", "choose another path, or repair the image");
        }

        if (_staged.TryGetValue(real, out var staged))
        {
            return staged.Content ?? ReadSent(real, limit);
        }

        if (!_contents.TryGetValue(real, out var content))
        {
            content = guest.Read(real, limit);
            _contents[real] = content;
        }

        return content;
    }

    /// <summary>Writes a file, links followed. One that exists keeps its attributes; a new one gets those given.</summary>
    public void Write(string path, byte[] content, int mode = Modes.File, int uid = 0, int gid = 0)
    {
        var real = Real(path);
        switch (Look(real))
        {
            case null:
                Put(new StagedFile
                {
                    Path = real,
                    Kind = GuestFileKind.File,
                    Mode = mode,
                    Uid = uid,
                    Gid = gid,
                    Content = content,
                });
                break;
            case { Kind: GuestFileKind.File } file when _staged.ContainsKey(real):
                Stage(new StagedFile
                {
                    Path = real,
                    Kind = GuestFileKind.File,
                    Mode = file.Mode,
                    Uid = file.Uid,
                    Gid = file.Gid,
                    Content = content,
                });
                break;
            case { Kind: GuestFileKind.File }:
                _contents[real] = content;
                _edited[real] = Current;
                break;
            default:
                throw new GuestException(GuestFault.Change, path, "something other than a file stands there", "choose another path, or delete it first");
        }
    }

    /// <summary>
    /// Puts a file, directory or link in place of whatever file or link is there; its parent must be a directory. A
    /// directory that exists stays as it is, whatever its mode.
    /// </summary>
    public void Put(StagedFile file)
    {
        var parent = GuestPaths.Parent(file.Path);
        if (Look(parent) is not { Kind: GuestFileKind.Directory })
        {
            throw new GuestException(GuestFault.Change, file.Path, $"the directory {parent} is not there", $"make it first: mkdir {parent}");
        }

        var there = Look(file.Path)?.Kind;
        if (there == GuestFileKind.Directory)
        {
            if (file.Kind != GuestFileKind.Directory)
            {
                throw new GuestException(GuestFault.Change, file.Path, "a directory stands there", "choose another path, or delete it first");
            }

            return;
        }

        if (file.Kind == GuestFileKind.Directory && there is not null)
        {
            throw new GuestException(GuestFault.Change, file.Path, "something other than a directory stands there", "choose another path, or delete it first");
        }

        Stage(file);
    }

    /// <summary>Makes a directory and its missing parents; links to directories are followed. Gives its real path.</summary>
    public string MakeDirectories(string path, int mode = Modes.Directory, int uid = 0, int gid = 0)
    {
        var real = Real(path);
        switch (Look(real))
        {
            case { Kind: GuestFileKind.Directory }:
                return real;
            case not null:
                throw new GuestException(GuestFault.Change, path, "something other than a directory stands there", "choose another path, or delete it first");
        }

        var parent = GuestPaths.Parent(real);
        MakeDirectories(parent);
        Stage(new StagedFile { Path = real, Kind = GuestFileKind.Directory, Mode = mode, Uid = uid, Gid = gid });
        return real;
    }

    /// <summary>Sets permission bits, links followed.</summary>
    public void ChangeMode(string path, int mode)
    {
        var real = Existing(path);
        if (_staged.TryGetValue(real, out var staged))
        {
            staged.Mode = mode;
        }
        else
        {
            guest.ChangeMode(real, mode);
            _seen.Remove(real);
        }
    }

    /// <summary>Sets owner and group, links followed.</summary>
    public void ChangeOwner(string path, int uid, int gid)
    {
        var real = Existing(path);
        if (_staged.TryGetValue(real, out var staged))
        {
            (staged.Uid, staged.Gid) = (uid, gid);
        }
        else
        {
            guest.ChangeOwner(real, uid, gid);
            _seen.Remove(real);
        }
    }

    /// <summary>The real path of something that must be there.</summary>
    public string Existing(string path)
    {
        var real = Real(path);
        return Look(real) is not null
            ? real
            : throw new GuestException(GuestFault.Change, path, "there is no such file in the guest", "check the path");
    }

    /// <summary>The names that are staged in a directory.</summary>
    public IEnumerable<string> StagedBelow(string directory)
    {
        var real = Real(directory);
        return _order.Where(file => GuestPaths.Parent(file.Path) == real).Select(file => GuestPaths.Name(file.Path)).ToList();
    }

    /// <summary>Whether anything that waits is at a path or below it.</summary>
    public bool IsPending(string realPath) =>
        _order.Select(file => file.Path).Concat(_edited.Keys)
            .Any(path => path == realPath || path.StartsWith(realPath + "/", StringComparison.Ordinal));

    /// <summary>Sends everything that waits; afterwards the guest may be changed by calls of its own.</summary>
    public void Flush(CancellationToken cancellation)
    {
        if (_order.Count > 0)
        {
            try
            {
                TarStream.Send(guest, _order, time, cancellation);
            }
            catch (GuestException fault)
            {
                throw Explain(fault);
            }
        }

        foreach (var (path, origin) in _edited)
        {
            try
            {
                guest.Write(path, _contents[path]);
            }
            catch (GuestException fault) when (origin is not null)
            {
                throw new GuestException(fault.Fault, origin.ToString(), $"{path}: {fault.Cause}", fault.Next, fault);
            }
        }

        _order.Clear();
        _staged.Clear();
        _edited.Clear();
        _seen.Clear();
    }

    /// <summary>Forgets what the guest had, after a change that did not come through here; nothing may be waiting.</summary>
    public void Forget()
    {
        _seen.Clear();
        _contents.Clear();
    }

    private byte[] ReadSent(string real, int limit)
    {
        // A streamed local file that is edited further must be in the guest first.
        Flush(CancellationToken.None);
        return guest.Read(real, limit);
    }

    // tar names the file that it failed on ("tar: PATH: Cannot write: No space left on device"), and with it the command.
    private GuestException Explain(GuestException fault)
    {
        bool Failed(StagedFile file, string how) => fault.Message.Contains($"tar: {file.Path[1..]}: {how}", StringComparison.Ordinal);
        var file = _order.Find(file => Failed(file, "Cannot ") || Failed(file, ShortWrite));
        var subject = (file?.Origin ?? Current)?.ToString() ?? fault.Subject;
        var isFull = fault.Message.Contains("No space left on device", StringComparison.Ordinal)
            || fault.Message.Contains(ShortWrite, StringComparison.Ordinal);
        return isFull
            ? new GuestException(
                GuestFault.Change, subject, $"the guest's filesystem is full{(file is null ? "" : $", at {file.Path}")}",
                "clone into a larger volume and grow its filesystem, or add less", fault)
            : new GuestException(fault.Fault, subject, fault.Subject == "/" ? fault.Cause : $"{fault.Subject}: {fault.Cause}", fault.Next, fault);
    }

    private void Stage(StagedFile file)
    {
        if (_staged.TryGetValue(file.Path, out var earlier))
        {
            _order.Remove(earlier);
        }

        file.Origin = Current;
        _contents.Remove(file.Path);
        _edited.Remove(file.Path);
        _staged[file.Path] = file;
        _order.Add(file);
    }
}
