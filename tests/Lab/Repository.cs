namespace Lab;

/// <summary>Where this checkout's files are.</summary>
public static class Repository
{
    /// <summary>The checkout's root: the folder of <c>Tasks.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>What builds leave behind.</summary>
    public static string Artifacts => Path.Combine(Root, "artifacts");

    /// <summary>The executable of a step, as <c>make build</c> leaves it.</summary>
    public static string Step(string name) => Path.Combine(Artifacts, "steps", name, name);

    /// <summary>The prebuilt libguestfs appliance, as <c>make build</c> leaves it.</summary>
    public static string Appliance => Path.Combine(Artifacts, "appliance");

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Tasks.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not inside the checkout");
        }

        return folder;
    }
}
