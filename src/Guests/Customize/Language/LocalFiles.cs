using System.Text;
using Guests.Customize.Files;
using Guests.Engine;

namespace Guests.Customize.Language;

/// <summary>
/// The local files that commands name, looked at before anything starts. A relative name is resolved in the content folder.
/// </summary>
/// <param name="content">The content folder; null when relative names have none.</param>
sealed class LocalFiles(string? content)
{
    /// <summary>Largest file that is taken into memory: scripts, keys, password files.</summary>
    private const int SmallFile = 1 << 20;

    private readonly List<NamedLocal> _named = [];

    /// <summary>What was asked for, in that order.</summary>
    public IReadOnlyList<NamedLocal> Named => _named;

    /// <summary>The full path of a local name; it need not exist.</summary>
    public string Locate(string name)
    {
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            throw new MistakeException("the local file has no name", "name a local file");
        }

        if (Path.IsPathRooted(name))
        {
            return Path.GetFullPath(name);
        }

        return content is null
            ? throw new MistakeException(
                "a relative local file needs a folder to be relative to", "name that folder with --content, or write the whole path")
            : Path.GetFullPath(Path.Combine(content, name));
    }

    /// <summary>An existing regular file that can be read (links are followed), and that the guest gets with its mode.</summary>
    public string File(string name) => Require(name, keepsMode: true);

    /// <summary>A file or a folder with all that is in it, which the guest gets with their modes.</summary>
    public LocalTree Tree(string name)
    {
        var tree = LocalTree.Scan(Locate(name).TrimEnd('/'));
        _named.Add(new NamedLocal(name, tree.Root, KeepsMode: true, tree));
        return tree;
    }

    /// <summary>Throws when a path is not a regular file that can be read. It is looked at first: opening a pipe would wait.</summary>
    public static void RequireFile(string path)
    {
        if (Libc.Status(path) is not { } status)
        {
            throw new MistakeException($"local file {path} is not there", "check the name, and that its ConfigMap, Secret or volume is mounted");
        }

        if (status.IsDirectory)
        {
            throw new MistakeException($"local file {path} is a directory", "use copy-in for a directory");
        }

        if (!status.IsRegularFile)
        {
            throw new MistakeException($"local file {path} is a device, pipe or socket", "name a regular file");
        }

        try
        {
            using var stream = System.IO.File.OpenHandle(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MistakeException($"local file {path} may not be read", "make it readable for the step's user");
        }
    }

    /// <summary>A small file's content, at most 1 MiB.</summary>
    public byte[] Content(string name)
    {
        var path = Require(name, keepsMode: false);
        using var stream = System.IO.File.OpenRead(path);
        if (stream.Length > SmallFile)
        {
            throw new MistakeException($"local file {path} is larger than 1 MiB", "use upload for large files");
        }

        // One more byte than the limit is asked for: special files have no length.
        var buffer = new byte[SmallFile + 1];
        var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= SmallFile
            ? buffer[..length]
            : throw new MistakeException($"local file {path} is larger than 1 MiB", "use upload for large files");
    }

    /// <summary>A small text file, UTF-8.</summary>
    public string Text(string name)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Content(name));
        }
        catch (DecoderFallbackException)
        {
            throw new MistakeException($"local file {Locate(name)} is not UTF-8 text", "check that it is the right file");
        }
    }

    private string Require(string name, bool keepsMode)
    {
        var path = Locate(name);
        RequireFile(path);
        _named.Add(new NamedLocal(name, path, keepsMode, null));
        return path;
    }
}

/// <summary>A local file or tree that a command names.</summary>
/// <param name="Name">As it is written in the command.</param>
/// <param name="Path">Where it is.</param>
/// <param name="KeepsMode">Whether the guest gets its mode; otherwise only its bytes.</param>
/// <param name="Tree">The tree; null for a file.</param>
sealed record NamedLocal(string Name, string Path, bool KeepsMode, LocalTree? Tree);
