using Guests.Engine;
using Guests.Inspect;

namespace Guests.Seal;

/// <summary>Runs a plan's operations on a mounted guest, before and after its change.</summary>
internal sealed class Sealer(IGuest guest, GuestSystem system, SealPlan plan, Action<string> log)
{
    private readonly List<string> _summary = [];
    private bool _madeFiles;

    /// <summary>What was done, in a few lines.</summary>
    public IReadOnlyList<string> Summary => _summary;

    /// <summary>Takes the source's identity out, so that what the change brings cannot be mistaken for it.</summary>
    public void RemoveVendorIdentity() => Run(SealTimes.Before, "removed the source's identity");

    /// <summary>Takes out what the change itself has left, and makes sure that the guest can make its own identity.</summary>
    /// <param name="changed">Whether there was a change.</param>
    public void RemoveWhatTheChangeLeft(bool changed)
    {
        if (changed)
        {
            Run(SealTimes.After, "removed what the change left");
        }

        _madeFiles |= plan.Operations.Any(operation => operation is SshHostKeysOperation) && SshHostKeysOperation.EnsureGenerator(NewWork());
        if (changed || _madeFiles)
        {
            SelinuxLabels.MakeAtFirstBoot(guest, log);
        }
    }

    private SealWork NewWork() => new(guest, system, plan, log, static finding => throw new GuestException(
        GuestFault.Unsupported, GuestText.Printable(finding.Path), finding.What, $"clear it in the source, or leave {finding.Operation} out of the operations"));

    private void Run(SealTimes time, string title)
    {
        var work = NewWork();
        var done = new List<string>();
        foreach (var operation in plan.Operations.Where(operation => operation.Times.HasFlag(time)))
        {
            var before = work.Removed;
            operation.Remove(work);
            if (work.Removed > before)
            {
                done.Add($"{operation.Name} {work.Removed - before}");
            }
        }

        _madeFiles |= work.MadeFiles;
        if (done.Count > 0)
        {
            log($"{title}: {string.Join(", ", done)}");
            _summary.Add($"{title}: {work.Removed} paths");
        }
    }
}
