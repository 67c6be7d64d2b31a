using Lab;

namespace EndToEnd;

/// <summary>
/// Where a run keeps its files, and how its outcome gets to its place. A run has a folder of its own, which goes whatever happens; only
/// a golden outcome takes the place of the last one.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private readonly Place place;
    private readonly FileStream guard;

    private string Checked => Path.Combine(place.Outcome, "checked");

    private RunFolder(Place place, FileStream guard, string folder) => (this.place, this.guard, Folder) = (place, guard, folder);

    /// <summary>This run's folder.</summary>
    public string Folder { get; }

    /// <summary>Opens a folder for this run; what a killed run left is removed first.</summary>
    public static RunFolder Open(Place place)
    {
        Directory.CreateDirectory(place.Outcome);
        FileStream taken;
        try
        {
            taken = new FileStream(Path.Combine(place.Outcome, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new FlowException(3, $"{place.Outcome}: another golden-image runs in this checkout; wait for its end");
        }

        foreach (var left in Directory.EnumerateDirectories(place.Outcome, "run-*").ToList())
        {
            Directory.Delete(left, recursive: true);
        }

        return new RunFolder(place, taken, Directory.CreateDirectory(Path.Combine(place.Outcome, $"run-{Guid.NewGuid():N}"[..12])).FullName);
    }

    /// <summary>Whether a run has found this version golden: the last one, or one before it that somebody has gone back to.</summary>
    public bool HasChecked(string version) =>
        File.Exists(place.SummaryFile) && File.Exists(place.Qcow2) && File.Exists(Checked) && File.ReadLines(Checked).Contains(version);

    /// <summary>Puts a golden outcome in the last one's place; the summary last, as the sign that the rest is whole.</summary>
    public void Keep(Summary summary, string disk)
    {
        File.Delete(place.SummaryFile);
        // The second is what a run without a cluster once left.
        foreach (var old in (string[])[Path.GetDirectoryName(place.FailedConsole)!, Path.Combine(place.Outcome, "volume")])
        {
            if (Directory.Exists(old))
            {
                Directory.Delete(old, recursive: true);
            }
        }

        File.Move(disk, place.Qcow2, overwrite: true);
        File.Move(Path.Combine(Folder, "console.log"), place.Console, overwrite: true);
        summary.Write(place.SummaryFile);
        File.AppendAllText(Checked, $"{summary.Version}\n");
    }

    /// <summary>Keeps what explains a failure; the last golden outcome stays.</summary>
    public void KeepFailure(Summary summary)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(place.FailedConsole)!);
        File.Delete(place.FailedConsole);
        if (File.Exists(Path.Combine(Folder, "console.log")))
        {
            File.Move(Path.Combine(Folder, "console.log"), place.FailedConsole);
        }

        summary.Write(Path.Combine(place.Outcome, "failed", "summary.json"));
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
