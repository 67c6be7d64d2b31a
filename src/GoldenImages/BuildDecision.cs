namespace GoldenImages;

/// <summary>Why a build is needed, or is not.</summary>
public enum BuildCause
{
    /// <summary>Nothing changed, and it is young enough.</summary>
    Unchanged,

    /// <summary>This very build was published and rolled back.</summary>
    RolledBack,

    /// <summary>The user says so.</summary>
    Forced,

    /// <summary>The DataSource is not there, or points to nothing.</summary>
    NothingPublished,

    /// <summary>The volume that the DataSource points to is gone or not ready.</summary>
    CurrentUnusable,

    /// <summary>The current volume carries no key: something else made it.</summary>
    NotOurs,

    /// <summary>The source, the customization, the sealing or the guest steps' behaviour changed.</summary>
    InputsChanged,

    /// <summary>It is older than the longest age.</summary>
    TooOld,
}

/// <summary>The volume that a DataSource points to now, as far as a plan needs it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unusable">Why nobody can clone it (it is not there, not ready); null when all is well.</param>
/// <param name="BuildKey">Annotation <see cref="Names.BuildKey"/>.</param>
/// <param name="Inputs">Annotation <see cref="Names.BuildInputs"/>.</param>
/// <param name="SourceDigest">Annotation <see cref="Names.SourceDigest"/>.</param>
/// <param name="PublishedAt">Annotation <see cref="Names.PublishedAt"/> of the DataSource: when it was last pointed here, by a publication or a rollback.</param>
/// <param name="CreatedAt">Its <c>metadata.creationTimestamp</c>.</param>
public sealed record CurrentVersion(
    string Name, string? Unusable, string? BuildKey, BuildInputs? Inputs, string? SourceDigest, DateTimeOffset? PublishedAt, DateTimeOffset? CreatedAt)
{
    /// <summary>Reads the annotations of a volume that is there, and when its DataSource says that it was pointed to it.</summary>
    public static CurrentVersion Of(
        string name, string? unusable, IReadOnlyDictionary<string, string>? annotations, DateTimeOffset? created, string? publishedAt = null)
    {
        string? Get(string annotation) => annotations?.GetValueOrDefault(annotation) is { Length: > 0 } text ? text : null;
        return new(
            name, unusable, Get(Names.BuildKey), GoldenImages.BuildInputs.Parse(Get(Names.BuildInputs)), Get(Names.SourceDigest),
            Timestamp.Parse(publishedAt), created);
    }
}

/// <summary>What a build's necessity is decided from.</summary>
/// <param name="Key">The key of a build now.</param>
/// <param name="SourceDigest">The source's digest now.</param>
/// <param name="Now">The time.</param>
public sealed record BuildQuestion(BuildKey Key, string SourceDigest, DateTimeOffset Now)
{
    /// <summary>How old an image gets whose customization uses the network and that has no age of its own.</summary>
    public static readonly TimeSpan NetworkAge = TimeSpan.FromDays(7);

    /// <summary>What the DataSource points to; null when it is not there or points to nothing.</summary>
    public CurrentVersion? Current { get; init; }

    /// <summary>Annotation <see cref="Names.RolledBackKey"/> of the DataSource: all keys (<see cref="TurnedAway"/>).</summary>
    public string? RolledBackKey { get; init; }

    /// <summary>The longest age that the user asks for; null for <see cref="NetworkAge"/> or none.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary>Whether the customization fetches anything.</summary>
    public bool UsesNetwork { get; init; }

    /// <summary>Whether to build whatever is there.</summary>
    public bool Force { get; init; }
}

/// <summary>Whether a build is needed, and why.</summary>
/// <param name="Cause">Why.</param>
/// <param name="Reason">The same for people: a sentence without its full stop, at most a few hundred bytes.</param>
public sealed record BuildDecision(BuildCause Cause, string Reason)
{
    private const int ShownDigest = 19;

    /// <summary>Whether anything is to be done.</summary>
    public bool Needed => Cause is not (BuildCause.Unchanged or BuildCause.RolledBack);

    /// <summary>Decides. The first cause in the order of the checks counts; of the inputs all that changed are named.</summary>
    public static BuildDecision Of(BuildQuestion question)
    {
        var key = question.Key;
        if (question.Force)
        {
            return new(BuildCause.Forced, "a build is forced");
        }

        if (question.Current is not { } current)
        {
            return new(BuildCause.NothingPublished, "nothing is published yet");
        }

        if (current.Unusable is { } why)
        {
            return new(BuildCause.CurrentUnusable, $"the current volume {current.Name} cannot be used: {why}");
        }

        // Before the comparison with what the rollback went back to, which differs from it by its nature. But not for ever: patches must arrive again.
        if (key.Value != current.BuildKey && TurnedAway.Has(question.RolledBackKey, key.Value))
        {
            return TooOld(question, current, "a build of these very inputs was rolled back")
                ?? new(BuildCause.RolledBack, $"a build of these very inputs was published and rolled back, and {current.Name} stays; change an input, or force it");
        }

        if (current.BuildKey is null)
        {
            return new(BuildCause.NotOurs, $"the current volume {current.Name} has no build key, so something else made it");
        }

        return key.Value != current.BuildKey
            ? new(BuildCause.InputsChanged, Changes(question, current))
            : TooOld(question, current, "nothing changed") ?? new(BuildCause.Unchanged, $"nothing changed since {current.Name} was published");
    }

    /// <summary>Null while it is young enough.</summary>
    private static BuildDecision? TooOld(BuildQuestion question, CurrentVersion current, string otherwise)
    {
        var limit = question.MaxAge ?? (question.UsesNetwork ? BuildQuestion.NetworkAge : null);
        // An annotation from the future would never get old; the server's own time can be trusted.
        var since = current.PublishedAt <= question.Now ? current.PublishedAt : current.CreatedAt;
        var age = question.Now - since;
        if (limit is null || age < limit)
        {
            return null;
        }

        var whose = question.MaxAge is null ? "the default where the network is used" : "the longest age";
        return age is null
            ? new(BuildCause.TooOld, $"{otherwise}, but the age of {current.Name} is not known, and {Text(limit.Value)} is {whose}")
            : new(BuildCause.TooOld, $"{otherwise}, but {current.Name} is {Text(age.Value)} old, and {Text(limit.Value)} is {whose}");
    }

    private static string Changes(BuildQuestion question, CurrentVersion current)
    {
        var (now, then) = (question.Key.Inputs, current.Inputs);
        var changes = new List<string>();
        if (question.SourceDigest != current.SourceDigest)
        {
            changes.Add($"the source changed ({Short(current.SourceDigest ?? "unknown")} to {Short(question.SourceDigest)})");
        }

        if (then is not null && then.Customization != now.Customization)
        {
            changes.Add("the customization changed");
        }

        if (then is not null && then.Sealing != now.Sealing)
        {
            changes.Add("the sealing operations changed");
        }

        if (then is not null && then.Behaviour != now.Behaviour)
        {
            changes.Add($"the guest steps do something else now (behaviour {then.Behaviour} to {now.Behaviour})");
        }

        return changes.Count > 0 ? string.Join(", and ", changes) : "the inputs changed";
    }

    private static string Short(string digest) => digest.Length > ShownDigest ? digest[..ShownDigest] : digest;

    private static string Text(TimeSpan span) =>
        span.TotalDays >= 2 ? $"{(int)span.TotalDays}d" : span.TotalHours >= 2 ? $"{(int)span.TotalHours}h" : span.TotalMinutes >= 2 ? $"{(int)span.TotalMinutes}m" : $"{span.TotalSeconds:0.###}s";
}
