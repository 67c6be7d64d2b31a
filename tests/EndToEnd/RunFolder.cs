using Lab;

namespace EndToEnd;

/// <summary>
/// Where a run works, and where its outcome lies. A run works in a folder of its own, which goes whatever happens; only
/// a golden outcome takes the place of the last one.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private static readonly string Base = Path.Combine(Repository.Artifacts, "golden-image");
    private readonly FileStream guard;

    private RunFolder(FileStream guard, string folder) => (this.guard, Folder) = (guard, folder);

    /// <summary>The last golden volume: a folder with <c>disk.img</c>.</summary>
    public static string GoldenVolume => Path.Combine(Base, "volume");

    /// <summary>The last golden disk, as it came back from the registry.</summary>
    public static string GoldenQcow2 => Path.Combine(Base, "disk.qcow2");

    /// <summary>The last golden run's summary.</summary>
    public static string SummaryFile => Path.Combine(Base, "summary.json");

    /// <summary>The console of the last failed run, if it came to its boot.</summary>
    public static string FailedConsole => Path.Combine(Base, "failed", "console.log");

    /// <summary>What lies where after a golden run.</summary>
    public static IReadOnlyDictionary<string, string> Files => new Dictionary<string, string>
    {
        ["volume"] = GoldenVolume,
        ["qcow2"] = GoldenQcow2,
        ["console"] = Path.Combine(Base, "console.log"),
        ["summary"] = SummaryFile,
    };

    /// <summary>This run's folder.</summary>
    public string Folder { get; }

    /// <summary>The working volume.</summary>
    public string Volume => Path.Combine(Folder, "volume");

    /// <summary>Its disk.</summary>
    public string Disk => Path.Combine(Volume, "disk.img");

    /// <summary>The steps' results.</summary>
    public string Results => Path.Combine(Folder, "results");

    /// <summary>Opens a folder for this run; what a killed run left is removed first.</summary>
    public static RunFolder Open()
    {
        Directory.CreateDirectory(Base);
        FileStream taken;
        try
        {
            taken = new FileStream(Path.Combine(Base, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new FlowException(3, $"{Base}: another golden-image runs in this checkout; wait for its end");
        }

        foreach (var left in Directory.EnumerateDirectories(Base, "run-*").ToList())
        {
            Directory.Delete(left, recursive: true);
        }

        return new RunFolder(taken, Directory.CreateDirectory(Path.Combine(Base, $"run-{Guid.NewGuid():N}"[..12])).FullName);
    }

    /// <summary>Puts a golden outcome in the last one's place; the summary last, as the sign that the rest is whole.</summary>
    public void Keep(Summary summary)
    {
        File.Delete(SummaryFile);
        foreach (var old in (string[])[GoldenVolume, Path.Combine(Base, "failed")])
        {
            if (Directory.Exists(old))
            {
                Directory.Delete(old, recursive: true);
            }
        }

        Directory.Move(Volume, GoldenVolume);
        File.Move(Path.Combine(Folder, "disk", "disk.qcow2"), GoldenQcow2, overwrite: true);
        File.Move(Path.Combine(Folder, "console.log"), Path.Combine(Base, "console.log"), overwrite: true);
        summary.Write(SummaryFile);
    }

    /// <summary>Keeps what explains a failure; the last golden outcome stays.</summary>
    public void KeepFailure(Summary summary)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FailedConsole)!);
        File.Delete(FailedConsole);
        if (File.Exists(Path.Combine(Folder, "console.log")))
        {
            File.Move(Path.Combine(Folder, "console.log"), FailedConsole);
        }

        summary.Write(Path.Combine(Base, "failed", "summary.json"));
    }

    /// <summary>Bytes that a file takes on the disk.</summary>
    public static long Allocated(string path) => long.Parse(Tool.Run("du", "--block-size=1", "--", path).Output.Split('\t')[0]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        guard.Dispose();
    }
}
