namespace GoldenImages;

/// <summary>What becomes of a version.</summary>
/// <param name="Version">The version.</param>
/// <param name="Delete">Whether it goes.</param>
/// <param name="Reason">Why it goes or stays, for a log.</param>
public sealed record RetentionVerdict(ImageVersion Version, bool Delete, string Reason);

/// <summary>Which versions of a DataSource stay. What is doubtful stays.</summary>
public static class Retention
{
    /// <summary>How many versions stay unless said otherwise.</summary>
    public const int DefaultKeep = 3;

    /// <summary>How long a version may be on its way to publication; older ones are what a run left that died.</summary>
    public static readonly TimeSpan PublishingTime = TimeSpan.FromHours(24);

    /// <summary>
    /// Judges every version, newest first. The current one counts among those that are kept, so <c>keep = 1</c> leaves
    /// nothing to roll back to. Never deleted are the current one, one that is read, one whose publication may still go on,
    /// and one of unknown state; of those that were published, the newest stay.
    /// </summary>
    /// <param name="versions">All versions of one DataSource, in any order.</param>
    /// <param name="keep">How many stay; 1 or more.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyList<RetentionVerdict> Judge(IEnumerable<ImageVersion> versions, int keep, DateTimeOffset now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        var ordered = versions.Order(ImageVersion.NewestFirst).ToList();
        var places = keep - (ordered.Any(version => version.IsCurrent) ? 1 : 0);
        var verdicts = new List<RetentionVerdict>(ordered.Count);
        foreach (var version in ordered)
        {
            if (version.IsCurrent)
            {
                verdicts.Add(new(version, Delete: false, "it is the current version"));
                continue;
            }

            var (delete, reason) = version.State switch
            {
                // A place is for what can be rolled back to.
                VersionState.Published when version.Incomplete is { } why => (false, $"it is not complete ({why}), which is for people to judge"),
                VersionState.Published when places-- > 0 => (false, $"it is among the {keep} versions to keep"),
                VersionState.Published => (true, $"{keep} newer or current versions are kept"),
                VersionState.Publishing when now - version.CreatedAt < PublishingTime => (false, "its publication may still go on"),
                VersionState.Publishing => (true, "its publication was begun more than 24 h ago and never finished"),
                _ => (false, $"its annotation {Names.State} is neither {Names.PublishedState} nor {Names.PublishingState}"),
            };
            verdicts.Add(delete && version.InUse is { } use ? new(version, Delete: false, use) : new(version, delete, reason));
        }

        return verdicts;
    }
}
