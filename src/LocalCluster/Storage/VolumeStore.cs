using Disks;
using Kubernetes.Models;

namespace LocalCluster.Storage;

/// <summary>
/// Volumes and snapshots: folders with a <c>disk.img</c> below one state folder. A volume of mode Block is such a file, too; a device
/// is made of it where a pod needs one. A disk has its name only when it is complete, so whoever finds it may use it, after a kill as well.
/// The folder belongs to one cluster for good, and to one process at a time.
/// </summary>
public sealed class VolumeStore : IDisposable
{
    private const string SnapshotPrefix = "snap-";
    private const string VolumePrefix = "pvc-";
    private readonly string _state;
    private readonly FileStream _lock;
    private readonly string _owners;
    private readonly string _volumes;
    private readonly string _snapshots;
    private readonly string _temporary;

    /// <summary>Opens it; makes it where it is not there.</summary>
    /// <param name="state">The state folder.</param>
    /// <exception cref="IOException">Another process works in it, or it can't be made.</exception>
    public VolumeStore(string state)
    {
        _state = Directory.CreateDirectory(state).FullName;
        try
        {
            _lock = new FileStream(Path.Combine(_state, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException fault)
        {
            throw new IOException($"the state folder {_state} is in use ({fault.Message}): end the other process, or give another folder", fault);
        }

        _owners = Directory.CreateDirectory(Path.Combine(_state, "owners")).FullName;
        _volumes = Directory.CreateDirectory(Path.Combine(_state, "volumes")).FullName;
        _snapshots = Directory.CreateDirectory(Path.Combine(_state, "snapshots")).FullName;
        _temporary = Path.Combine(_state, "tmp");
        Delete(_temporary);
    }

    /// <summary>The volume of a claim: as external provisioners name theirs.</summary>
    public static string NameFor(string claimUid) => $"{VolumePrefix}{claimUid}";

    /// <summary>Ties the folder to a cluster, or makes sure that it is that one's.</summary>
    /// <param name="uids">What names the cluster: any of them will do later, the first one is kept.</param>
    /// <exception cref="IOException">It is another's: nothing in it may be judged by this cluster's objects.</exception>
    public void BelongTo(IReadOnlyList<string> uids)
    {
        ArgumentNullException.ThrowIfNull(uids);
        var path = Path.Combine(_state, "cluster");
        var kept = File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        if (uids.Count == 0 || (kept is null ? Directory.EnumerateDirectories(_volumes).Concat(Directory.EnumerateDirectories(_snapshots)).Any() : !uids.Contains(kept)))
        {
            throw new IOException(
                $"the state folder {_state} has the disks of {(kept is null ? "an unknown cluster" : $"cluster {kept}")}, and this is {(uids.Count == 0 ? "no complete one" : $"cluster {uids[0]}")}: "
                + $"give the other server's address or another folder; if the disks do belong here, write the uid into {path}");
        }

        if (kept is null)
        {
            Write(path, uids[0]);
        }
    }

    /// <summary>The disk of a volume, whether it is there or not.</summary>
    public string Disk(string volume) => Path.Combine(Folder(volume), Disks.Disk.FileInVolume);

    /// <summary>A file beside the disk, for what is not complete.</summary>
    public string Unfinished(string volume) => Path.Combine(Folder(volume), ".unfinished.img");

    /// <summary>The disk of a snapshot, whether it is there or not.</summary>
    public string SnapshotDisk(string snapshotUid) => Path.Combine(_snapshots, Checked(snapshotUid), Disks.Disk.FileInVolume);

    /// <summary>The folder of a volume.</summary>
    public string Folder(string volume) => Path.Combine(_volumes, Checked(volume));

    /// <summary>The uids of the claims that have volumes, or of the snapshots that have disks.</summary>
    public IReadOnlyList<string> All(bool snapshots)
    {
        var prefix = snapshots ? SnapshotPrefix : VolumePrefix;
        return [.. Directory.EnumerateFiles(_owners, $"{prefix}*").Select(path => Path.GetFileName(path)[prefix.Length..])];
    }

    /// <summary>Whose a volume or a snapshot's disk is, as was noted before it was made; null where nothing was.</summary>
    public (string Namespace, string Name)? Owner(string uid, bool snapshot) =>
        File.Exists(OwnerFile(uid, snapshot)) && File.ReadAllText(OwnerFile(uid, snapshot)).Split('/') is [{ } space, { } name] ? (space, name) : null;

    /// <summary>A folder for nobody else's eyes; what a kill leaves of it is gone with the next start.</summary>
    public string Temporary()
    {
        var path = Path.Combine(_temporary, $"{Guid.NewGuid():N}");
        return OperatingSystem.IsWindows() ? Directory.CreateDirectory(path).FullName
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    /// <summary>Makes the folder of a claim's volume, and an empty disk of that many bytes in it where a length is given and none is there.</summary>
    public void Create(PersistentVolumeClaim claim, long? length)
    {
        ArgumentNullException.ThrowIfNull(claim);
        var volume = NameFor(claim.Metadata.Uid!);
        Own(claim, snapshot: false);
        Directory.CreateDirectory(Folder(volume));
        if (length is { } bytes && !File.Exists(Disk(volume)))
        {
            try
            {
                using var target = new RawTarget(Disk(volume), bytes, overwrite: true);
                target.Complete();
            }
            catch (ArgumentOutOfRangeException fault)
            {
                throw TooLarge(Disk(volume), bytes, fault);
            }

            using var file = FileClone.Open(Disk(volume), write: true);
            FileClone.GiveToQemu(file);
        }
    }

    /// <summary>Gives an unfinished disk its length, owner and name.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="length">The disk's bytes; never less than it has.</param>
    public void Finish(string volume, long length)
    {
        Finish(Unfinished(volume), Disk(volume), length);
    }

    private static void Finish(string path, string to, long length)
    {
        using (var file = FileClone.Open(path, write: true))
        {
            FileClone.GiveToQemu(file);
            if (RandomAccess.GetLength(file) < length)
            {
                try
                {
                    RandomAccess.SetLength(file, length);
                }
                catch (ArgumentOutOfRangeException fault)
                {
                    throw TooLarge(path, length, fault);
                }
            }

            RandomAccess.FlushToDisk(file);
        }

        File.Move(path, to, overwrite: true);
    }

    /// <summary>Keeps what a volume holds now.</summary>
    public void Snapshot(string volume, VolumeSnapshot snapshot, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var to = SnapshotDisk(snapshot.Metadata.Uid!);
        if (!File.Exists(to))
        {
            Own(snapshot, snapshot: true);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            FileClone.Copy(Disk(volume), $"{to}.unfinished", 0, static (_, _) => { }, cancellation);
            Finish($"{to}.unfinished", to, 0);
        }
    }

    /// <summary>Deletes the volume of a claim, or the disk of a snapshot, that is gone.</summary>
    public void Delete(string uid, bool snapshot)
    {
        Delete(snapshot ? Path.Combine(_snapshots, Checked(uid)) : Folder(NameFor(uid)));
        File.Delete(OwnerFile(uid, snapshot));
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private string OwnerFile(string uid, bool snapshot) => Path.Combine(_owners, (snapshot ? SnapshotPrefix : VolumePrefix) + Checked(uid));

    private void Own(KubernetesObject owner, bool snapshot)
    {
        var path = OwnerFile(owner.Metadata.Uid!, snapshot);
        if (!File.Exists(path))
        {
            Write(path, $"{owner.Metadata.Namespace}/{owner.Metadata.Name}");
        }
    }

    /// <summary>Writes a file that a kill leaves complete or not at all.</summary>
    private void Write(string path, string text)
    {
        var partial = Path.Combine(_state, $".{Path.GetFileName(path)}.partial");
        using (var file = File.Create(partial))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, path, overwrite: true);
    }

    /// <summary>What EFBIG is (.NET tells it as a wrong argument).</summary>
    private static DiskException TooLarge(string path, long length, Exception fault) =>
        new(DiskFault.Denied, path, $"the file system has no files of {length} bytes", "ask for less", fault);

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Uids come from a server: one that leads elsewhere is refused.</summary>
    private static string Checked(string name) =>
        name.Length > 0 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_')
            ? name
            : throw new IOException($"\"{name}\" can't be the name of a volume");
}
