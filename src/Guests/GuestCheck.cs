using Guests.Engine;
using Guests.Inspect;
using Guests.Seal;

namespace Guests;

/// <summary>What an independent look at a disk found.</summary>
/// <param name="System">The guest's operating system.</param>
/// <param name="Findings">Identity and secrets that are left; empty for a sealed disk.</param>
public sealed record GuestCheckReport(GuestSystem System, IReadOnlyList<SealFinding> Findings);

/// <summary>Looks at a disk in a launch of its own, read-only, and tells what identity or secret is left.</summary>
public static class GuestCheck
{
    /// <summary>Looks. The disk is opened for reading; what its filesystems must repair goes to an overlay.</summary>
    /// <exception cref="GuestException">The disk cannot be read, or holds no system.</exception>
    public static GuestCheckReport Run(GuestEditOptions options, SealPlan plan, Action<string> log, CancellationToken cancellation)
    {
        var disk = GuestDisk.Open(options.Disk, options.Format, forWriting: false);
        using var guest = GuestLauncher.Launch(disk, options.Launch with { ReadOnly = true, Network = false }, log, cancellation);
        var system = GuestInspector.Mount(guest, readOnly: true, log);
        var findings = SealCheck.Find(guest, system, plan, log);
        guest.UnmountAll();
        guest.Shutdown();
        return new GuestCheckReport(system, findings);
    }
}
