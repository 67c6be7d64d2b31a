using System.Buffers;
using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace Guests.Engine;

/// <summary>
/// <see cref="IGuest"/> by libguestfs. Of its calls some work inside the guest's root (chroot in its daemon), and some run
/// a program of the appliance on <c>/sysroot</c> + path, which would follow a guest's absolute link out of the guest: those
/// get their folder resolved in the guest first.
/// </summary>
internal sealed unsafe partial class LibguestfsGuest
{
    /// <summary>The most that a list of names may have: a hostile guest has as many as its disk can hold.</summary>
    private const int MaximumListBytes = 64 << 20;

    /// <summary>A reply of libguestfs carries 4 MiB at most, with its overhead.</summary>
    private const int MaximumReply = 3 << 20;

    /// <inheritdoc/>
    public IReadOnlyList<string> Devices() => Take(Libguestfs.ListDevices(Handle), _disk.Path, GuestFault.Integrity);

    /// <inheritdoc/>
    public IReadOnlyList<string> Partitions() => Take(Libguestfs.ListPartitions(Handle), _disk.Path, GuestFault.Integrity);

    /// <inheritdoc/>
    public IReadOnlyList<string> LogicalVolumes() => Take(Libguestfs.LogicalVolumes(Handle), _disk.Path, GuestFault.Integrity);

    /// <inheritdoc/>
    public string FilesystemType(string device) => Take(Libguestfs.VfsType(Handle, device), device, GuestFault.Integrity);

    /// <inheritdoc/>
    public string FilesystemUuid(string device) => Take(Libguestfs.VfsUuid(Handle, device), device, GuestFault.Integrity);

    /// <inheritdoc/>
    public string FilesystemLabel(string device) => Take(Libguestfs.VfsLabel(Handle, device), device, GuestFault.Integrity);

    /// <inheritdoc/>
    public string PartitionUuid(string device) => PartitionEntry(device, "PART_ENTRY_UUID");

    /// <inheritdoc/>
    public string PartitionLabel(string device) => PartitionEntry(device, "PART_ENTRY_NAME");

    private string PartitionEntry(string device, string name)
    {
        // A flat list: name, value, name, value.
        var list = Take(Libguestfs.Blkid(Handle, device), device, GuestFault.Integrity);
        var at = list.IndexOf(name);
        if (at < 0 || at + 1 == list.Count)
        {
            return "";
        }

        // blkid(8) writes values for a shell: a backslash stands before blanks, quotes and itself.
        var plain = new System.Text.StringBuilder();
        for (var i = 0; i < list[at + 1].Length; i++)
        {
            var isEscape = list[at + 1][i] == '\\' && i + 1 < list[at + 1].Length;
            plain.Append(list[at + 1][isEscape ? ++i : i]);
        }

        return plain.ToString();
    }

    /// <inheritdoc/>
    public void Mount(string device, string mountPoint, string filesystemType, bool readOnly, string options = "")
    {
        var all = (readOnly ? "ro," : "") + "nosuid,nodev" + (options.Length > 0 ? "," + options : "");
        var place = mountPoint == "/" ? "/" : RealPath(mountPoint)
            ?? throw new GuestException(GuestFault.Integrity, GuestText.Printable(mountPoint), "the mount point is not there");
        Check(Libguestfs.MountVfs(Handle, all, filesystemType, device, place), device, GuestFault.Integrity);
    }

    /// <inheritdoc/>
    public void UnmountAll() => Check(Libguestfs.UmountAll(Handle), _disk.Path, GuestFault.Integrity);

    /// <inheritdoc/>
    public GuestFile? Stat(string path) => ToFile(Libguestfs.Lstat(Handle, path), path);

    /// <inheritdoc/>
    public GuestFile? StatTarget(string path) => ToFile(Libguestfs.Stat(Handle, path), path);

    /// <inheritdoc/>
    public bool Exists(string path) => StatTarget(path) is not null;

    /// <inheritdoc/>
    public string? RealPath(string path)
    {
        var text = Libguestfs.RealPath(Handle, path);
        return text is null && IsAbsent() ? null : Take(text, path);
    }

    /// <inheritdoc/>
    public string ReadLink(string path) => Take(Libguestfs.ReadLink(Handle, path), path);

    /// <inheritdoc/>
    public byte[] Read(string path, int limit = 1 << 20)
    {
        var file = RequireFile(path);
        if (file.Size > limit)
        {
            throw new GuestException(GuestFault.TooLarge, GuestText.Printable(path), $"has {file.Size} bytes, more than the {limit} that are read");
        }

        nuint size;
        if (file.Size <= MaximumReply)
        {
            return Copy(Libguestfs.ReadFile(Handle, path, &size), &size, path);
        }

        using var whole = new MemoryStream();
        while (true)
        {
            var piece = Copy(Libguestfs.Pread(Handle, path, MaximumReply, whole.Length, &size), &size, path);
            whole.Write(piece);
            if (piece.Length == 0 || whole.Length > limit)
            {
                return whole.ToArray();
            }
        }
    }

    /// <inheritdoc/>
    public byte[] ReadStart(string path, int count)
    {
        RequireFile(path);
        nuint size;
        return Copy(Libguestfs.Pread(Handle, path, Math.Min(count, 1 << 20), 0, &size), &size, path);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory) =>
        StatTarget(directory) is { Kind: GuestFileKind.Directory } ? Names(directory, Libguestfs.Ls0) : [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Glob(string pattern)
    {
        // Without this option every folder's name ends with a slash.
        var options = new GlobOptions { Mask = 1, DirectorySlash = 0 };
        return Take(Libguestfs.GlobExpand(Handle, pattern, &options), pattern);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Find(string directory)
    {
        if (RealPath(directory) is not { } real || Stat(real) is not { Kind: GuestFileKind.Directory })
        {
            return [];
        }

        var prefix = directory.TrimEnd('/') + "/";
        // Without a slash at the end of the folder, every name starts with one.
        return Names(real, Libguestfs.Find0).ConvertAll(name => prefix + name.TrimStart('/'));
    }

    /// <inheritdoc/>
    public void Write(string path, ReadOnlySpan<byte> content)
    {
        RequireFileOrNothing(path);
        fixed (byte* bytes = content)
        {
            byte none;
            Check(Libguestfs.Write(Handle, path, bytes is null ? &none : bytes, (nuint)content.Length), path);
        }
    }

    /// <inheritdoc/>
    public void Upload(string localPath, string path)
    {
        RequireFileOrNothing(path);
        Check(Libguestfs.Upload(Handle, localPath, path), path);
    }

    /// <inheritdoc/>
    public void ExtractTar(string localTar, string directory)
    {
        var options = new TarInOptions { Mask = 0b1110, Xattrs = 1, Selinux = 1, Acls = 1 };
        Check(Libguestfs.TarIn(Handle, localTar, RequireReal(directory), &options), directory);
    }

    /// <inheritdoc/>
    public void MakeDirectories(string path) => Check(Libguestfs.MkdirP(Handle, path), path);

    /// <inheritdoc/>
    public void RemoveFile(string path) => Check(Libguestfs.RmF(Handle, path), path);

    /// <inheritdoc/>
    public void RemoveTree(string path)
    {
        // An empty folder goes without a program of the appliance, which costs 80 ms.
        switch (Stat(path)?.Kind)
        {
            case null:
                return;
            case GuestFileKind.Directory:
                if (Libguestfs.Rmdir(Handle, path) != 0)
                {
                    Check(Libguestfs.RmRf(Handle, ResolveFolder(path)), path);
                }

                return;
            default:
                RemoveFile(path);
                return;
        }
    }

    /// <inheritdoc/>
    public void Move(string from, string to) => Check(Libguestfs.Mv(Handle, ResolveFolder(from), ResolveTarget(to)), from);

    /// <inheritdoc/>
    public void Copy(string from, string to) => Check(Libguestfs.CpA(Handle, ResolveFolder(from), ResolveTarget(to)), from);

    /// <inheritdoc/>
    public void Link(string target, string link)
    {
        if (Stat(link) is { } old)
        {
            if (old.Kind == GuestFileKind.Directory)
            {
                throw new GuestException(GuestFault.Change, GuestText.Printable(link), "is a directory, and a link shall take its place");
            }

            // ln -sf puts the new link below an old link's folder.
            RemoveFile(link);
        }

        Check(Libguestfs.LnSf(Handle, target, ResolveFolder(link)), link);
    }

    /// <inheritdoc/>
    public void ChangeMode(string path, int mode) => Check(Libguestfs.Chmod(Handle, mode, path), path);

    /// <inheritdoc/>
    public void ChangeOwner(string path, int uid, int gid) => Check(Libguestfs.Lchown(Handle, uid, gid, path), path);

    /// <inheritdoc/>
    public void Truncate(string path)
    {
        RequireFileOrNothing(path);
        Check(Libguestfs.Truncate(Handle, path), path);
    }

    /// <inheritdoc/>
    public void Touch(string path) => Check(Libguestfs.Touch(Handle, path), path);

    /// <inheritdoc/>
    public void CopyAttributes(string from, string to)
    {
        var options = new CopyAttributesOptions { Mask = 1, All = 1 };
        Check(Libguestfs.CopyAttributes(Handle, from, to, &options), to);
    }

    /// <inheritdoc/>
    public string RunScript(string script) => Take(Libguestfs.Sh(Handle, script), "command", GuestFault.Command);

    /// <inheritdoc/>
    public void Trim(string mountPoint) => Check(Libguestfs.Fstrim(Handle, RequireReal(mountPoint), 0), mountPoint);

    /// <inheritdoc/>
    public void ZeroFreeSpace(string mountPoint) => Check(Libguestfs.ZeroFreeSpace(Handle, RequireReal(mountPoint)), mountPoint);

    /// <inheritdoc/>
    public void Sync()
    {
        Check(Libguestfs.Sync(Handle), _disk.Path, GuestFault.Integrity);
        if (DiskFault() is { } fault)
        {
            throw fault;
        }
    }

    /// <summary>Whether the call that has just failed did so because there is nothing at the path.</summary>
    private bool IsAbsent() => Libguestfs.LastErrno(_handle) is NoSuchFile or NotADirectory or TooManyLinks;

    private GuestFile? ToFile(FileStatus* status, string path)
    {
        if (status is null)
        {
            return IsAbsent() ? null : throw Failure(path, GuestFault.Integrity);
        }

        try
        {
            var kind = (status->Mode & 0xF000) switch
            {
                0x8000 => GuestFileKind.File,
                0x4000 => GuestFileKind.Directory,
                0xA000 => GuestFileKind.Link,
                _ => GuestFileKind.Other,
            };
            return new GuestFile(kind, (int)(status->Mode & 0xFFF), (int)status->Uid, (int)status->Gid, status->Size);
        }
        finally
        {
            Libguestfs.FreeStatus(status);
        }
    }

    /// <summary>A pipe in a file's place would make the daemon wait for ever, so it is looked at before it is opened.</summary>
    private GuestFile RequireFile(string path) => StatTarget(path) switch
    {
        null => throw new GuestException(GuestFault.Change, GuestText.Printable(path), "there is no such file in the guest"),
        { Kind: GuestFileKind.File } file => file,
        _ => throw new GuestException(GuestFault.Change, GuestText.Printable(path), "is not a regular file"),
    };

    private void RequireFileOrNothing(string path)
    {
        if (StatTarget(path) is { Kind: not GuestFileKind.File })
        {
            throw new GuestException(GuestFault.Change, GuestText.Printable(path), "is not a regular file");
        }
    }

    private string RequireReal(string path) =>
        RealPath(path) ?? throw new GuestException(GuestFault.Change, GuestText.Printable(path), "there is no such directory in the guest");

    /// <summary>The path with its folder resolved inside the guest, the last name as it is.</summary>
    private string ResolveFolder(string path)
    {
        var trimmed = path.TrimEnd('/');
        var slash = trimmed.LastIndexOf('/');
        if (slash < 0 || trimmed[(slash + 1)..] is "." or "..")
        {
            throw new GuestException(GuestFault.Change, GuestText.Printable(path), "is not an absolute path of a file or directory");
        }

        var folder = slash == 0 ? "/" : RequireReal(trimmed[..slash]);
        return folder == "/" ? trimmed[slash..] : folder + trimmed[slash..];
    }

    /// <summary>Where mv(1) and cp(1) will put something: below a directory, also one that a link leads to, or by the name given.</summary>
    private string ResolveTarget(string path) =>
        StatTarget(path) is { Kind: GuestFileKind.Directory } ? RequireReal(path) : ResolveFolder(path);

    private byte[] Copy(byte* buffer, nuint* size, string path)
    {
        if (buffer is null)
        {
            throw Failure(path, GuestFault.Change);
        }

        try
        {
            return new ReadOnlySpan<byte>(buffer, checked((int)*size)).ToArray();
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    /// <summary>Names that libguestfs writes to a file, each ended by NUL: here into a pipe, so that a limit holds and no disk fills.</summary>
    private List<string> Names(string directory, Func<nint, string, string, int> list)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        var reader = Task.Run(() => Drain(pipe));
        int result;
        try
        {
            result = list(Handle, directory, $"/dev/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}");
            if (result == -1)
            {
                pipe.DisposeLocalCopyOfClientHandle();
                var bytes = reader.GetAwaiter().GetResult();
                throw bytes is null ? TooMany(directory) : Failure(directory, GuestFault.Change);
            }
        }
        finally
        {
            pipe.DisposeLocalCopyOfClientHandle();
        }

        var all = reader.GetAwaiter().GetResult() ?? throw TooMany(directory);
        var names = new List<string>();
        foreach (var range in all.AsSpan().Split((byte)0))
        {
            if (all.AsSpan(range) is { IsEmpty: false } name)
            {
                names.Add(GuestText.Decode(name));
            }
        }

        return names;
    }

    private static GuestException TooMany(string directory) =>
        new(GuestFault.TooLarge, GuestText.Printable(directory), $"holds more names than fit {MaximumListBytes >> 20} MiB");

    private byte[]? Drain(Stream pipe)
    {
        var bytes = new ArrayBufferWriter<byte>(8192);
        var exceeded = false;
        int got;
        while ((got = pipe.Read(bytes.GetSpan(8192))) > 0)
        {
            if (exceeded || bytes.WrittenCount + got > MaximumListBytes)
            {
                if (!exceeded)
                {
                    exceeded = true;
                    _ = Libguestfs.UserCancel(_handle);
                }

                continue;
            }

            bytes.Advance(got);
        }

        return exceeded ? null : bytes.WrittenSpan.ToArray();
    }
}
