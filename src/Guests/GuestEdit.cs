using System.Diagnostics;
using Guests.Engine;
using Guests.Inspect;
using Guests.Seal;

namespace Guests;

/// <summary>What an edit is to do, beside the change itself.</summary>
public sealed record GuestEditOptions
{
    /// <summary>A disk image, a folder with <c>disk.img</c>, or a block device.</summary>
    public required string Disk { get; init; }

    /// <summary>Its format.</summary>
    public DiskFormat Format { get; init; }

    /// <summary>How the appliance is started; <see cref="LaunchOptions.Network"/> is set where the change needs it.</summary>
    public LaunchOptions Launch { get; init; } = new();

    /// <summary>What sealing removes; null to leave the identity as it is.</summary>
    public SealPlan? Seal { get; init; }

    /// <summary>Whether free blocks are given back to the disk's storage at the end.</summary>
    public bool Trim { get; init; } = true;
}

/// <summary>What an edit did.</summary>
/// <param name="System">The guest's operating system.</param>
/// <param name="Summary">Lines such as <c>removed 12 files</c>, for people.</param>
/// <param name="FreedBytes">By how much the image takes less storage (negative when it grew); null where the storage does not tell.</param>
/// <param name="Phases">How long each phase took, in order.</param>
public sealed record GuestEditReport(
    GuestSystem System, IReadOnlyList<string> Summary, long? FreedBytes, IReadOnlyList<KeyValuePair<string, TimeSpan>> Phases);

/// <summary>
/// Changes and seals a guest in one launch: the vendor's identity out, the change, what the change itself left, the machine
/// ID, free blocks. A mark stands in the guest while it is half done.
/// </summary>
public static class GuestEdit
{
    /// <summary>The first thing that is written and the last that is removed.</summary>
    public const string Mark = "/.goldenimage-edit";

    /// <summary>Carries the edit out. When it returns, the disk is complete and on stable storage.</summary>
    /// <exception cref="GuestException">The disk must be thrown away unless the fault came before the mark was written.</exception>
    /// <exception cref="OperationCanceledException">
    /// Cancelled before the mark was written. Later it is <see cref="GuestFault.Integrity"/>. Either way at once, and no process
    /// is left behind.
    /// </exception>
    public static GuestEditReport Run(GuestEditOptions options, IGuestChange? change, Action<string> log, CancellationToken cancellation)
    {
        var timed = new PhaseClock();
        var summary = new List<string>();
        var disk = GuestDisk.Open(options.Disk, options.Format, forWriting: true);
        var before = disk.AllocatedBytes;
        GuestSystem system;
        var marked = false;
        try
        {
            using var guest = timed.Take("launch", () => GuestLauncher.Launch(
                disk, options.Launch with { ReadOnly = false, Network = change?.NeedsNetwork ?? false }, log, cancellation));
            system = timed.Take("inspect", () => GuestInspector.Mount(guest, readOnly: false, log));
            RefuseInterrupted(guest, options.Disk);
            marked = true;
            guest.Write(Mark, "An edit of this disk was begun and not finished. Do not use it.\n"u8);
            guest.Sync();
            disk.Flush();
            log("the edit begins; until it is done, the disk carries a mark");

            var seal = options.Seal is { } plan ? new Sealer(guest, system, plan, log) : null;
            if (seal is not null)
            {
                timed.Take("seal", seal.RemoveVendorIdentity);
            }

            if (change is not null)
            {
                timed.Take("change", () => change.Apply(guest, system, log, cancellation));
            }

            if (seal is not null)
            {
                timed.Take("seal again", () => seal.RemoveWhatTheChangeLeft(change is not null));
                summary.AddRange(seal.Summary);
            }

            timed.Take("finish", () =>
            {
                GiveBackFreeBlocks(guest, system, options, log);
                RemoveMark(guest, disk);
                // QEMU keeps tables of a qcow2 file in memory until its end; a raw disk is complete now.
                marked = disk.Format != DiskFormat.Raw;
                guest.UnmountAll();
                guest.Sync();
                guest.Shutdown();
            });
        }
        catch (Exception e) when (marked && (e is GuestException or OperationCanceledException))
        {
            throw HalfDone(e, options.Disk);
        }

        timed.Take("flush", disk.Flush);
        long? freed = before is { } then && disk.AllocatedBytes is { } now ? then - now : null;
        return new GuestEditReport(system, summary, freed, timed.Phases);
    }

    /// <summary>The same fault, saying that the disk is of no use any more.</summary>
    private static GuestException HalfDone(Exception cause, string disk)
    {
        const string again = "start again from a new clone of the source";
        return cause is GuestException fault
            ? new GuestException(
                fault.Fault, fault.Subject, fault.Cause,
                fault.Next.Contains("new clone", StringComparison.Ordinal) ? fault.Next : fault.Next.Length == 0 ? again : $"{fault.Next}, and {again}", fault)
            : new GuestException(GuestFault.Integrity, disk, "the edit was interrupted half-way", again, cause);
    }

    private static void RefuseInterrupted(IGuest guest, string disk)
    {
        if (guest.Stat(Mark) is not null)
        {
            throw new GuestException(
                GuestFault.Integrity, disk, "an earlier edit of this disk was interrupted", "start again from a new clone of the source");
        }
    }

    /// <summary>
    /// What was removed still stands in free blocks, until the storage takes them back or zeros are written over them. A
    /// sealed disk must not keep it.
    /// </summary>
    private static void GiveBackFreeBlocks(IGuest guest, GuestSystem system, GuestEditOptions options, Action<string> log)
    {
        // A journal gives a removed file's blocks free only when it is written.
        guest.Sync();
        foreach (var mountPoint in options.Trim ? system.MountPoints : [])
        {
            try
            {
                guest.Trim(mountPoint);
            }
            catch (GuestException e) when (e.Fault == GuestFault.Change)
            {
                // Not every layer between a filesystem and its disk passes discards on.
                var place = GuestText.Printable(mountPoint);
                if (options.Seal is null)
                {
                    log($"{place}: its free blocks stay allocated ({e.Cause})");
                    continue;
                }

                log($"{place}: its free blocks cannot be given back ({e.Cause}); zeros are written over what was removed, and the image grows");
                guest.ZeroFreeSpace(mountPoint);
            }
        }
    }

    /// <summary>
    /// The mark goes while the filesystem is still mounted, so what was written before must be on the disk before it, and a
    /// death in between leaves the mark.
    /// </summary>
    private static void RemoveMark(IGuest guest, GuestDisk disk)
    {
        guest.Sync();
        disk.Flush();
        guest.HoldCancellation();
        guest.RemoveFile(Mark);
        guest.Sync();
    }
}

/// <summary>Measures phases that follow each other.</summary>
internal sealed class PhaseClock
{
    private readonly List<KeyValuePair<string, TimeSpan>> _phases = [];

    /// <summary>What was measured.</summary>
    public IReadOnlyList<KeyValuePair<string, TimeSpan>> Phases => _phases;

    /// <summary>Measures a phase, also one that fails.</summary>
    public T Take<T>(string name, Func<T> phase)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            return phase();
        }
        finally
        {
            _phases.Add(new(name, Stopwatch.GetElapsedTime(start)));
        }
    }

    /// <inheritdoc cref="Take{T}"/>
    public void Take(string name, Action phase) => Take(name, () =>
    {
        phase();
        return true;
    });
}
