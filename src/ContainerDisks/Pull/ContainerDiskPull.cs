using System.IO.Compression;
using Disks;
using Disks.Qcow2;
using Registry;

namespace ContainerDisks.Pull;

/// <summary>Where a pulled disk goes.</summary>
public sealed record PullTarget
{
    /// <summary>A block device, or a file that is made.</summary>
    public required string Path { get; init; }

    /// <summary>Whether an existing file is replaced, once the new one is complete.</summary>
    public bool Overwrite { get; init; }

    /// <summary>The format in the image; detected by its first bytes when null, as CDI does.</summary>
    public DiskFormat? Format { get; init; }

    /// <summary>
    /// Where a qcow2 image is stored whose order does not allow reading it as a stream; the target's folder when null,
    /// or the temporary folder for a device.
    /// </summary>
    public string? StoreIn { get; init; }

    /// <summary>The most bytes that the raw disk may have; a larger one is refused (<see cref="DiskFault.NoSpace"/>) before anything is written.</summary>
    public long? MaxLength { get; init; }
}

/// <summary>A disk that was pulled.</summary>
/// <param name="Format">Its format in the image.</param>
/// <param name="Length">Bytes of the raw disk.</param>
/// <param name="File">Its path in the image.</param>
/// <param name="Stored">Whether it had to be stored on the way.</param>
public sealed record PulledDisk(DiskFormat Format, long Length, string File, bool Stored);

/// <summary>
/// Writes the disk of a container disk to a raw file with holes, or a device, while it comes from the registry. The
/// file gets its name only after the layer's digest, the digest of its tar file, and all sizes were right.
/// </summary>
/// <param name="registry">The image's repository.</param>
/// <param name="log">Takes lines.</param>
/// <param name="progress">Is told how many bytes of how many have come.</param>
public sealed class ContainerDiskPull(RegistryClient registry, Action<string> log, Action<long, long> progress)
{
    private const string Folder = "disk/";

    /// <summary>Pulls.</summary>
    /// <exception cref="ContainerDiskException">The image has no disk, more than one, or is hostile or corrupt.</exception>
    /// <exception cref="RegistryException">The registry refused or broke; a digest differs.</exception>
    /// <exception cref="DiskException">The disk is corrupt, or the target cannot be written.</exception>
    public async Task<PulledDisk> RunAsync(ResolvedImage image, PullTarget target, CancellationToken cancel)
    {
        var layers = image.Manifest.Layers ?? [];
        for (var index = 0; index < layers.Count; index++)
        {
            // The lowest layer with a disk is the one that CDI takes; so both see the same disk.
            PulledDisk? disk;
            try
            {
                disk = await ReadLayerAsync(image, index, target, stored: false, cancel);
            }
            catch (NotInStreamOrderException)
            {
                log($"{image.Reference}: its qcow2 image cannot be read as a stream; it is stored on the way");
                disk = await ReadLayerAsync(image, index, target, stored: true, cancel);
            }

            if (disk is not null)
            {
                return disk;
            }
        }

        throw new ContainerDiskException(
            ContainerDiskFault.Missing, image.Reference.ToString(), "no file is in its folder disk/: it is no container disk", "name an image with a disk");
    }

    private async Task<PulledDisk?> ReadLayerAsync(ResolvedImage image, int index, PullTarget target, bool stored, CancellationToken cancel)
    {
        var subject = image.Reference.ToString();
        var layer = image.Manifest.Layers![index];
        if (!Digest.TryParse(layer.Digest, out var digest) || layer.Size <= 0)
        {
            throw Corrupt(subject, "a layer has no valid digest or size");
        }

        await using var blob = registry.OpenBlob(digest, layer.Size);
        await using var tar = new HashingStream(Unpack(new CountingStream(blob, count => progress(count, layer.Size)), layer.MediaType, subject));
        RawTarget? raw = null;
        try
        {
            var walker = new TarWalker(tar, subject);
            PulledDisk? found = null;
            while (await walker.NextAsync(cancel) is { } entry)
            {
                if (!IsDisk(entry, subject))
                {
                    continue;
                }

                if (found is not null)
                {
                    throw Corrupt(subject, $"more than one file is in its folder disk/: {found.File} and {entry.Name}");
                }

                found = await ReadDiskAsync(walker.Content(), entry, target, stored, length => raw = new RawTarget(target.Path, length, target.Overwrite), cancel);
            }

            await FinishAsync(tar, blob, image, index, cancel);
            raw?.Complete();
            return found;
        }
        finally
        {
            raw?.Dispose();
        }
    }

    private static async Task<PulledDisk> ReadDiskAsync(
        Stream content, TarEntry entry, PullTarget target, bool stored, Func<long, RawTarget> create, CancellationToken cancel)
    {
        var length = 0L;
        IRawTarget Create(long bytes)
        {
            if (bytes > target.MaxLength)
            {
                throw new DiskException(DiskFault.NoSpace, entry.Name, $"the disk has {bytes} bytes, the volume has room for {target.MaxLength}", "give a larger volume");
            }

            length = bytes;
            return create(bytes);
        }

        var start = new byte[(int)Math.Min(8, entry.Length)];
        await content.ReadExactlyAsync(start, cancel);
        var format = target.Format ?? DiskImport.Detect(start, entry.Name);
        await using var whole = new PrefixedStream(start, content);
        if (format == DiskFormat.Raw)
        {
            DiskImport.CheckRawLength(entry.Length, entry.Name);
            await DiskImport.CopyRawAsync(whole, entry.Length, entry.Name, Create(entry.Length), cancel);
        }
        else if (stored)
        {
            var folder = target.StoreIn
                ?? (target.Path.StartsWith("/dev/", StringComparison.Ordinal) ? Path.GetTempPath() : Path.GetDirectoryName(Path.GetFullPath(target.Path))!);
            await DiskImport.CopyStoredAsync(whole, entry.Name, folder, Create, cancel);
        }
        else
        {
            await Qcow2Stream.CopyAsync(whole, entry.Name, Create, null, cancel);
        }

        return new PulledDisk(format, length, entry.Name, stored);
    }

    /// <summary>Whether an entry is the disk. What could hide or redirect one is refused.</summary>
    private static bool IsDisk(TarEntry entry, string subject)
    {
        var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name.TrimStart('/');
        if (!name.StartsWith(Folder, StringComparison.Ordinal) && name != Folder[..^1])
        {
            return false;
        }

        if (entry.IsFolder || Path.GetFileName(name).StartsWith(".wh.", StringComparison.Ordinal))
        {
            return false;
        }

        return entry.IsFile && name.Length > Folder.Length && entry.Length > 0 && name.IndexOf('/', Folder.Length) < 0
            ? true
            : throw Corrupt(subject, $"{entry.Name} is not a plain file directly in disk/ (a link, a device, or empty)");
    }

    /// <summary>Reads to the layer's end, where its digest is checked, and checks the digest of the tar file.</summary>
    private static async Task FinishAsync(HashingStream tar, Stream blob, ResolvedImage image, int index, CancellationToken cancel)
    {
        var subject = image.Reference.ToString();
        var buffer = new byte[64 << 10];
        try
        {
            while (await tar.ReadAsync(buffer, cancel) > 0)
            {
            }
        }
        catch (InvalidDataException error)
        {
            throw new ContainerDiskException(ContainerDiskFault.Integrity, subject, "its compression is damaged", "do not use this image", error);
        }

        // Bytes behind the compressed data belong to the digest, too.
        while (await blob.ReadAsync(buffer, cancel) > 0)
        {
        }

        var ids = image.Config.RootFileSystem?.DiffIds;
        var found = tar.Finish();
        if (ids is null || ids.Count != image.Manifest.Layers!.Count || !Digest.TryParse(ids[index], out var expected) || expected != found)
        {
            throw Corrupt(subject, $"its configuration does not name the digest of its layer, {found}");
        }
    }

    private static Stream Unpack(Stream layer, string? mediaType, string subject) => mediaType switch
    {
        MediaTypes.LayerGzip or MediaTypes.DockerLayerGzip => new GZipStream(new BufferedStream(layer, 256 << 10), CompressionMode.Decompress),
        MediaTypes.Layer or MediaTypes.DockerLayer => layer,
        MediaTypes.LayerZstd => throw new ContainerDiskException(
            ContainerDiskFault.Unsupported, subject, "its layer is compressed with zstd", "push it with gzip"),
        _ => throw new ContainerDiskException(
            ContainerDiskFault.Unsupported, subject, $"a layer of type {mediaType} is not known", "push it as an OCI image or with docker's schema 2"),
    };

    private static ContainerDiskException Corrupt(string subject, string cause) =>
        new(ContainerDiskFault.Integrity, subject, cause, "do not use this image");
}
