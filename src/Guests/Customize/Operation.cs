using Guests.Customize.Commands;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;
using Guests.Inspect;

namespace Guests.Customize;

/// <summary>One checked command of a customization.</summary>
/// <param name="origin">Where it stands.</param>
abstract class Operation(CommandOrigin origin)
{
    /// <summary>Where it stands.</summary>
    public CommandOrigin Origin { get; } = origin;

    /// <summary>What it will do, in a few words, without secrets.</summary>
    public abstract string Describe();

    /// <summary>Whether it needs the guest's network.</summary>
    public virtual bool NeedsNetwork => false;

    /// <summary>
    /// Looks at the guest before anything is changed, and throws for what can be known to fail; <paramref name="check"/>
    /// also carries what earlier operations will have made.
    /// </summary>
    public virtual void Check(Preflight check)
    {
    }

    /// <summary>Carries it out.</summary>
    public abstract void Apply(Session session);
}

/// <summary>What operations work with while they are carried out.</summary>
sealed class Session(IGuest guest, GuestSystem system, TimeProvider time, Action<string> log, CancellationToken cancellation)
{
    /// <summary>The guest itself, for calls that cannot be staged.</summary>
    public IGuest Guest { get; } = guest;

    /// <summary>What was found on the disk.</summary>
    public GuestSystem System { get; } = system;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>The guest's files.</summary>
    public GuestFiles Files { get; } = new(guest, time);

    /// <summary>Commands that wait to be run together.</summary>
    public GuestCommands Commands { get; } = new();

    /// <summary>A line for what was done.</summary>
    public Action<string> Log { get; } = log;

    /// <summary>Ends the session between two calls.</summary>
    public CancellationToken Cancellation { get; } = cancellation;
}

/// <summary>What is known of a guest before it is changed.</summary>
sealed class Preflight(IGuest guest, GuestSystem system)
{
    private HashSet<string>? _users;

    /// <summary>The guest, to read from.</summary>
    public IGuest Guest { get; } = guest;

    /// <summary>What was found on the disk.</summary>
    public GuestSystem System { get; } = system;

    /// <summary>
    /// Whether an earlier operation can have changed anything (a command, a package): then only what stands in the
    /// customization itself can still be judged.
    /// </summary>
    public bool IsUnpredictable { get; set; }

    /// <summary>Users of the guest, and those that the customization makes.</summary>
    public HashSet<string> Users => _users ??= ReadUsers();

    /// <summary>Notes that something will be put at a path: the list of users may be in it.</summary>
    public void MayBeReplaced(string path) => IsUnpredictable |= path is "/" or "/etc" or "/etc/passwd";

    private HashSet<string> ReadUsers()
    {
        var files = new GuestFiles(Guest, TimeProvider.System);
        return files.Read("/etc/passwd") is { } content
            ? Accounts.AccountTable.Parse(content).Names.ToHashSet(StringComparer.Ordinal)
            : [];
    }
}
