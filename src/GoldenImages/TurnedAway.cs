namespace GoldenImages;

/// <summary>
/// What rollbacks turned away from since the last publication, as an annotation has it: versions' names or build keys, separated by
/// commas, which neither contains, the last one last. A second rollback must not forget what the first one was about.
/// </summary>
public static class TurnedAway
{
    /// <summary>How many are remembered; an object's annotations share 256 KiB.</summary>
    public const int Most = 20;

    /// <summary>Whether an item is among them.</summary>
    /// <param name="list">The annotation; null for none.</param>
    /// <param name="item">A name or key; an empty one never is.</param>
    public static bool Has(string? list, string item) => Items(list).Contains(item, StringComparer.Ordinal);

    /// <summary>The list with one more, in last place; the oldest give way beyond <see cref="Most"/>.</summary>
    /// <param name="list">The annotation; null for none.</param>
    /// <param name="item">What is turned away from; nothing when null or empty.</param>
    public static string Add(string? list, string? item) =>
        string.Join(',', Items(list).Where(one => one != item).Append(item ?? "").Where(one => one.Length > 0).TakeLast(Most));

    /// <summary>The list without one that is turned to again.</summary>
    public static string Without(string? list, string item) => string.Join(',', Items(list).Where(one => one != item));

    private static string[] Items(string? list) => (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
}
