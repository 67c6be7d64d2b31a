namespace Guests.Seal;

/// <summary>
/// <c>filesystems</c>: the disk's filesystems that are not part of the mounted tree. Nothing can be said of what they hold,
/// so the check does not pass over them.
/// </summary>
internal sealed class FilesystemsOperation : SealOperation
{
    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var (device, type, reason) in work.System.NotMounted)
        {
            work.Log($"warning: {device} ({type}) is not sealed: {reason}");
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) =>
        work.System.NotMounted.Select(unseen => new SealFinding(unseen.Device, $"{unseen.Type} filesystem that was not looked at: {unseen.Reason}", Name) { IsRemovable = false });
}
