namespace GoldenImages;

/// <summary>The version that a rollback goes to, or why there is none.</summary>
/// <param name="Version">The version; null when there is none.</param>
/// <param name="Refusal">Why there is none, and what to do; null when there is one.</param>
public sealed record RollbackTarget(ImageVersion? Version, string? Refusal)
{
    /// <summary>The word for the version before the current one.</summary>
    public const string Previous = "previous";

    /// <summary>
    /// Finds it. <c>previous</c> is the most recently published one before the current that is still there and complete; a
    /// name is that version, which may be the current one itself (then nothing is to be done).
    /// </summary>
    /// <param name="versions">All versions of one DataSource, in any order.</param>
    /// <param name="wanted"><see cref="Previous"/>, or a version's name.</param>
    public static RollbackTarget Find(IEnumerable<ImageVersion> versions, string wanted)
    {
        var ordered = versions.Order(ImageVersion.NewestFirst).ToList();
        return wanted == Previous ? FindPrevious(ordered) : FindByName(ordered, wanted);
    }

    private static RollbackTarget FindPrevious(List<ImageVersion> ordered)
    {
        var current = ordered.Find(version => version.IsCurrent);
        var before = ordered
            .Where(version => !version.IsCurrent && version.State == VersionState.Published)
            .Where(version => current is null || ImageVersion.NewestFirst.Compare(version, current) > 0)
            .ToList();
        var target = before.Find(version => version.Incomplete is null);
        if (target is not null)
        {
            return new(target, null);
        }

        return new(null, before.Count == 0
            ? "no version was published before the current one; name one that was, or build again"
            : $"of the {before.Count} versions before the current one none is complete ({before[0].Name}: {before[0].Incomplete}); build again");
    }

    private static RollbackTarget FindByName(List<ImageVersion> ordered, string name)
    {
        var target = ordered.Find(version => version.Name == name);
        if (target is null)
        {
            var known = ordered.Where(version => version.State == VersionState.Published).Take(5).Select(version => version.Name).ToList();
            return new(null, known.Count == 0 ? "there is no such version, and no other" : $"there is no such version; there are {string.Join(", ", known)}");
        }

        if (target is { State: not VersionState.Published, IsCurrent: false })
        {
            return new(null, $"{name} was never published; name a version that was");
        }

        return target.Incomplete is { } why ? new(null, $"{name} cannot be used: {why}; name another version") : new(target, null);
    }
}
