using System.Text;
using Lab;

namespace Guests.Tests.Seal;

/// <summary>
/// A disk as guestfish sees it, in one read-only session: every path with its kind, size and mode, and the content of small
/// files, as a tar of the whole tree.
/// </summary>
internal sealed class Judge
{
    private readonly Dictionary<string, (string Kind, long Size, int Mode, string Link, byte[] Content)> _entries = [];

    public Judge(string disk, string temporary)
    {
        // The large sparse file of a hostile guest would fill the tar; sealed disks have none, others exclude it by themselves.
        var result = Tool.TryWith(
            "guestfish",
            ["--ro", "--format=raw", "-a", disk, "run", ":", "mount-ro", "/dev/sda1", "/", ":", "tar-out", "/", temporary],
            new Dictionary<string, string>
            {
                ["LIBGUESTFS_BACKEND"] = "direct",
                ["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg",
                ["LIBGUESTFS_PATH"] = Repository.Appliance,
            },
            TimeSpan.FromMinutes(3));
        Assert.True(result.ExitCode == 0, result.All);
        using var tar = new System.Formats.Tar.TarReader(File.OpenRead(temporary));
        while (tar.GetNextEntry() is { } entry)
        {
            var path = "/" + entry.Name.TrimStart('.').Trim('/');
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            var kind = entry.EntryType switch
            {
                System.Formats.Tar.TarEntryType.RegularFile => "File",
                System.Formats.Tar.TarEntryType.Directory => "Directory",
                System.Formats.Tar.TarEntryType.SymbolicLink => "Link",
                _ => entry.EntryType.ToString(),
            };
            _entries[path] = (kind, entry.Length, (int)entry.Mode, entry.LinkName, content.ToArray());
        }
    }

    public bool Has(string path) => _entries.ContainsKey(path);

    public (string Kind, long Size) Kind(string path) => (_entries[path].Kind, _entries[path].Size);

    public int Mode(string path) => _entries[path].Mode;

    public string Link(string path) => _entries[path].Link;

    public string Text(string path) => Encoding.UTF8.GetString(_entries[path].Content);

    public IEnumerable<string> Below(string folder) =>
        _entries.Keys.Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
