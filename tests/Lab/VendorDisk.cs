namespace Lab;

/// <summary>The vendor's disk that <c>images/vendor-debian12</c> describes: made once, then taken from the cache.</summary>
public static class VendorDisk
{
    /// <summary>The disk (qcow2), as <see cref="Ensure"/> leaves it.</summary>
    public static string Path => System.IO.Path.Combine(Repository.Artifacts, "vendor", "debian12.qcow2");

    /// <summary>What identifies this very disk: lines of <c>name=value</c> (the SSH host keys' fingerprints).</summary>
    public static IReadOnlyList<string> Identity => File.ReadAllLines(Path + ".identity");

    /// <summary>The program that makes it; does nothing when the recipe has not changed.</summary>
    public static string Recipe => System.IO.Path.Combine(Repository.Root, "images", "vendor-debian12", "build");

    /// <summary>Makes the disk if it isn't there or its recipe has changed, and gives its path.</summary>
    public static string Ensure()
    {
        Tool.Run(Recipe, System.IO.Path.GetDirectoryName(Path)!);
        return Path;
    }
}
