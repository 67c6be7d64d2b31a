using Guests.Engine;
using Guests.Inspect;

namespace Guests.Seal;

/// <summary>Looks at a mounted guest for what a plan's operations would remove. Changes nothing.</summary>
public static class SealCheck
{
    /// <summary>More findings than anyone reads; a hostile guest has millions.</summary>
    public const int MaximumFindings = 1000;

    /// <summary>Everything that is left, at most <see cref="MaximumFindings"/>.</summary>
    public static IReadOnlyList<SealFinding> Find(IGuest guest, GuestSystem system, SealPlan plan, Action<string> log)
    {
        var beyond = new List<SealFinding>();
        var work = new SealWork(guest, system, plan, log, beyond.Add);
        IEnumerable<SealFinding> mark = guest.Stat(GuestEdit.Mark) is null
            ? []
            : [new SealFinding(GuestEdit.Mark, "mark of an edit that was interrupted", "a new clone")];
        var found = mark.Concat(plan.Operations.SelectMany(operation => operation.Find(work))).Take(MaximumFindings).ToList();
        return [.. beyond, .. found];
    }
}
