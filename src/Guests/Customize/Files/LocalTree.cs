using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary>
/// A local file or folder that is copied into a guest. A mounted ConfigMap or Secret is taken as what it shows: its links
/// through <c>..data</c> are followed and the folders behind them left out.
/// </summary>
sealed class LocalTree
{
    /// <summary>Most entries of one copy-in; more than that belongs into an archive.</summary>
    public const int MostEntries = 100_000;

    private LocalTree(string root) => Root = root;

    /// <summary>The local path.</summary>
    public string Root { get; }

    /// <summary>How many files, folders and links there are.</summary>
    public int Count { get; private set; }

    /// <summary>Looks through a tree; throws for what cannot be copied.</summary>
    public static LocalTree Scan(string root)
    {
        if (!Path.Exists(root) && new FileInfo(root).LinkTarget is null)
        {
            throw new MistakeException($"local path {root} is not there", "check the name, and that its ConfigMap, Secret or volume is mounted");
        }

        var tree = new LocalTree(root);
        try
        {
            foreach (var (_, local) in tree.Entries())
            {
                if (++tree.Count > MostEntries)
                {
                    throw new MistakeException($"local path {root} has more than {MostEntries} entries", "upload it as an archive and unpack it with run-command");
                }

                if (local is FileInfo && (local.LinkTarget is null || IsThroughData(local)))
                {
                    LocalFiles.RequireFile(local.FullName);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MistakeException($"local path {root} cannot be read: {error.Message}", "make all of it readable for the step's user");
        }

        return tree;
    }

    /// <summary>Every entry, parents first: its path relative to the destination, and what it is.</summary>
    public IEnumerable<(string Relative, FileSystemInfo Local)> Entries()
    {
        var name = Path.GetFileName(Root.TrimEnd('/'));
        var info = Info(Root);
        yield return (name, info);
        if (info is not DirectoryInfo || info.LinkTarget is not null)
        {
            yield break;
        }

        var pending = new Stack<(string Relative, string Folder)>();
        pending.Push((name, Root));
        while (pending.TryPop(out var next))
        {
            var isMount = new DirectoryInfo(Path.Combine(next.Folder, "..data")).LinkTarget is not null;
            foreach (var local in new DirectoryInfo(next.Folder).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                if (isMount && local.Name.StartsWith("..", StringComparison.Ordinal))
                {
                    continue;
                }

                var relative = $"{next.Relative}/{local.Name}";
                yield return (relative, local);
                if (local is DirectoryInfo && local.LinkTarget is null)
                {
                    pending.Push((relative, local.FullName));
                }
            }
        }
    }

    /// <summary>A local file for the guest, by its path; links are followed.</summary>
    public static StagedFile Stage(string local, string path)
    {
        var info = new FileInfo(local);
        return File(info.FullName, (FileInfo)(info.ResolveLinkTarget(returnFinalTarget: true) ?? info), path);
    }

    /// <summary>A local entry of a tree for the guest: its mode and time, and root as the owner.</summary>
    public static StagedFile Stage(FileSystemInfo local, string path)
    {
        if (local.LinkTarget is { } target && !IsThroughData(local))
        {
            return new StagedFile { Path = path, Kind = GuestFileKind.Link, Mode = Modes.Link, Target = target, Modified = Time(local) };
        }

        if (local is FileInfo)
        {
            return Stage(local.FullName, path);
        }

        return new StagedFile
        {
            Path = path,
            Kind = GuestFileKind.Directory,
            Mode = (int)local.UnixFileMode,
            Modified = Time(local),
        };
    }

    private static StagedFile File(string local, FileInfo info, string path) => new()
    {
        Path = path,
        Kind = GuestFileKind.File,
        Mode = (int)info.UnixFileMode,
        LocalPath = local,
        Modified = Time(info),
    };

    // kubelet shows KEY as a link to ..data/KEY, and ..data as a link to a folder named after the time.
    private static bool IsThroughData(FileSystemInfo local) =>
        local.LinkTarget?.StartsWith("..data/", StringComparison.Ordinal) == true && System.IO.File.Exists(local.FullName);

    private static FileSystemInfo Info(string path) => Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);

    private static DateTimeOffset Time(FileSystemInfo info) => new(info.LastWriteTimeUtc, TimeSpan.Zero);
}
