using Guests.Engine;
using Guests.Inspect;

namespace Guests;

/// <summary>A change of a guest, decided and checked before the launch, carried out within it.</summary>
public interface IGuestChange
{
    /// <summary>Whether the guest must reach the network while the change runs.</summary>
    bool NeedsNetwork { get; }

    /// <summary>What will be done, a line each, without secrets: for <c>--dry-run</c> and the log.</summary>
    IReadOnlyList<string> Describe();

    /// <summary>
    /// Carries the change out on a mounted guest. Idempotent from any state that an earlier attempt left.
    /// <paramref name="log"/> takes a line for each thing done.
    /// </summary>
    void Apply(IGuest guest, GuestSystem system, Action<string> log, CancellationToken cancellation);
}
