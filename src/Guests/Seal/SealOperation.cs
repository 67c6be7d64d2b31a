using Guests.Engine;

namespace Guests.Seal;

/// <summary>When an operation runs.</summary>
[Flags]
public enum SealTimes
{
    /// <summary>Before the change: what the source's maker, or the captured machine, has left.</summary>
    Before = 1,

    /// <summary>After the change: what the change itself has left.</summary>
    After = 2,

    /// <summary>Both times.</summary>
    Both = Before | After,
}

/// <summary>Identity or a secret that is left in a guest.</summary>
/// <param name="Path">Where.</param>
/// <param name="What">What it is, in a few words.</param>
/// <param name="Operation">The operation that removes it.</param>
public sealed record SealFinding(string Path, string What, string Operation)
{
    /// <summary>Whether the operation can remove it; if not, it can only be accepted.</summary>
    public bool IsRemovable { get; init; } = true;

    /// <summary>One line for a log.</summary>
    public override string ToString() => $"{GuestText.Printable(Path)}: {What} ({(IsRemovable ? $"removed by {Operation}" : $"accepted with -{Operation}")})";
}

/// <summary>A kind of identity: how it is removed, and how it is found by the check.</summary>
public abstract class SealOperation
{
    /// <summary>Its name on the command line; virt-sysprep's where that has one.</summary>
    public required string Name { get; init; }

    /// <summary>What it removes, for the reference.</summary>
    public required string Removes { get; init; }

    /// <summary>When it runs.</summary>
    public SealTimes Times { get; init; } = SealTimes.Both;

    /// <summary>Whether it belongs to <c>defaults</c>.</summary>
    public bool IsDefault { get; init; } = true;

    /// <summary>Removes it. Idempotent.</summary>
    internal abstract void Remove(SealWork work);

    /// <summary>What of it is left; nothing for operations that remove no identity.</summary>
    internal abstract IEnumerable<SealFinding> Find(SealWork work);
}

/// <summary>An operation that removes all that matches some patterns.</summary>
internal sealed class PathsOperation : SealOperation
{
    /// <summary>Shell patterns, absolute; what matches goes with all below it.</summary>
    public required IReadOnlyList<string> Patterns { get; init; }

    /// <summary>Names in the home directories of root and of all users who can log in; may have a slash.</summary>
    public IReadOnlyList<string> InHomes { get; init; } = [];

    /// <summary>What a match is to the check; null when it is no identity (a cache, say).</summary>
    public string? Identity { get; init; }

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var path in Matches(work))
        {
            work.Remove(path);
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) =>
        Identity is null ? [] : Matches(work).Where(work.HoldsSomething).Select(path => new SealFinding(path, Identity, Name));

    private IEnumerable<string> Matches(SealWork work) =>
        Patterns.SelectMany(work.Guest.Glob)
            .Concat(InHomes.Count == 0 ? [] : work.Homes.SelectMany(home => InHomes.SelectMany(name => work.InHome(home, name))))
            .Where(path => path[(path.LastIndexOf('/') + 1)..] is not ("." or ".."));
}
