using System.Text.Json;
using ContainerDisks.Layers;
using Disks;
using Disks.Qcow2;
using Registry;

namespace ContainerDisks.Push;

/// <summary>
/// Makes a container disk of a disk in a registry: qcow2, tar, gzip on all cores, three SHA-256 sums and the upload as
/// one pipeline of bounded buffers, without a copy on any storage.
/// </summary>
/// <param name="registry">The repository, with the right to push.</param>
/// <param name="log">Takes lines.</param>
/// <param name="progress">Is told how far it is; from any thread, often.</param>
public sealed class ContainerDiskPush(RegistryClient registry, Action<string> log, Action<PushProgress> progress)
{
    /// <summary>How often a layer is begun anew when the registry loses its upload.</summary>
    private const int MaxPasses = 3;

    /// <summary>Pushes.</summary>
    /// <remarks>
    /// Where the tag already has an image with a disk digest, the disk's own digest is computed first, which is
    /// several times faster than a push. If it is equal, the layer is made without being sent, and when its digest is
    /// that of the image's layer, nothing is sent.
    /// </remarks>
    /// <exception cref="DiskException">The disk cannot be read, or changed meanwhile.</exception>
    /// <exception cref="RegistryException">The registry refused or broke.</exception>
    /// <exception cref="ContainerDiskException">Else.</exception>
    public async Task<PushedImage> RunAsync(IDisk disk, PushRequest request, CancellationToken cancel)
    {
        var compressor = request.Level is { } level
            ? $"{LibDeflate.Identity(level)} level={level} block={LayerBlock.Size}"
            : "none";
        var earlier = await FindEarlierAsync(request, cancel);
        var map = Scan(disk, cancel);
        var layer = new DiskLayer(new Qcow2Image(disk, map));
        log($"{disk.Name}: {disk.Length} bytes, of which {map.Count * ClusterMap.ClusterSize} in {map.Count} clusters hold data");

        if (earlier is not null && await IsSameDiskAsync(layer, earlier, request, compressor, disk, cancel) is { } known)
        {
            log($"{request.Image}: the registry has this disk already ({known.Disk}): nothing to send");
            return await FinishAsync(request, known, compressor, layer, 0, cancel);
        }

        (Sums Sums, long Count) sent;
        for (var pass = 1; ; pass++)
        {
            try
            {
                sent = await SendAsync(layer, request, disk, cancel);
                break;
            }
            catch (UploadLostException lost) when (pass < MaxPasses)
            {
                log($"{request.Image}: {lost.Message}; sending the layer from its start");
            }
            catch (UploadLostException lost)
            {
                throw new ContainerDiskException(
                    ContainerDiskFault.Transient, request.Image.ToString(), $"the upload broke {MaxPasses} times: {lost.Message}", "run again later", lost);
            }
        }

        return await FinishAsync(request, sent.Sums, compressor, layer, sent.Count, cancel);
    }

    /// <summary>What makes a layer known: enough to build its image.</summary>
    private sealed record Sums(Digest Disk, Digest Tar, Digest Layer, long LayerLength);

    private ClusterMap Scan(IDisk disk, CancellationToken cancel)
    {
        var done = 0L;
        return ZeroScan.Run(
            disk, count => progress(new PushProgress("scan", Math.Min(Interlocked.Add(ref done, count), disk.Length), disk.Length)), cancel);
    }

    private async Task<ImageManifest?> FindEarlierAsync(PushRequest request, CancellationToken cancel)
    {
        FetchedManifest? found;
        try
        {
            found = await registry.FindManifestAsync(request.Image.Pointer, cancel);
        }
        catch (RegistryException error) when (error.Kind == RegistryFault.Denied)
        {
            // Some registries say so of a repository that does not exist yet; the upload will tell.
            return null;
        }

        if (found is not { MediaType: MediaTypes.Manifest })
        {
            return null;
        }

        try
        {
            var manifest = JsonSerializer.Deserialize(found.Bytes, OciJson.Default.ImageManifest);
            return manifest?.Annotations?.ContainsKey(Annotations.DiskDigest) == true ? manifest : null;
        }
        catch (JsonException)
        {
            // Whatever it is, it is about to be replaced.
            return null;
        }
    }

    /// <summary>The sums of the image that is there, when it holds this very disk in a layer that this push would make, too.</summary>
    private async Task<Sums?> IsSameDiskAsync(
        DiskLayer layer, ImageManifest earlier, PushRequest request, string compressor, IDisk disk, CancellationToken cancel)
    {
        if (earlier.Annotations is not { } annotations
            || annotations.GetValueOrDefault(Annotations.Compressor) != compressor
            || earlier.Layers is not [{ } descriptor]
            || !Digest.TryParse(descriptor.Digest, out var layerDigest)
            || !Digest.TryParse(annotations.GetValueOrDefault(Annotations.DiskDigest), out var diskDigest))
        {
            return null;
        }

        // What the image says of itself proves nothing: whoever may push may lie. So a disk that seems equal is compressed,
        // too, and only the layer that this push would send is taken over.
        var sums = await SumAsync(layer, "compare", null, request);
        if (sums.Disk == diskDigest && request.Level is { } level)
        {
            sums = await SumAsync(layer, "verify", level, request);
        }

        disk.CheckUnchanged();
        return sums.Disk == diskDigest && sums.Layer == layerDigest && await registry.FindBlobAsync(layerDigest, cancel) == sums.LayerLength
            ? sums
            : null;

        async Task<Sums> SumAsync(DiskLayer layer, string phase, int? level, PushRequest request)
        {
            using var hashes = new LayerSums(layer);
            var length = 0L;
            await LayerPipeline.RunAsync(
                layer,
                level,
                request.Workers ?? LayerPipeline.Workers(Environment.ProcessorCount, level),
                async block =>
                {
                    await hashes.AddAsync(block);
                    length += block.Packed.Length;
                    progress(new PushProgress(phase, block.Offset + block.Plain.Length, layer.Length));
                },
                cancel);
            var (found, tar, packed) = hashes.Finish();
            return new Sums(found, tar, packed, length);
        }
    }

    private async Task<(Sums Sums, long Sent)> SendAsync(DiskLayer layer, PushRequest request, IDisk disk, CancellationToken cancel)
    {
        var upload = await registry.StartUploadAsync(cancel);
        var committed = false;
        try
        {
            using var sums = new LayerSums(layer);
            var length = 0L;
            await using (var sender = new ChunkedSender(upload, cancel))
            {
                await LayerPipeline.RunAsync(
                    layer,
                    request.Level,
                    request.Workers ?? LayerPipeline.Workers(Environment.ProcessorCount, request.Level),
                    async block =>
                    {
                        await sums.AddAsync(block);
                        await sender.WriteAsync(block.Packed);
                        length += block.Packed.Length;
                        progress(new PushProgress("push", block.Offset + block.Plain.Length, layer.Length));
                    },
                    cancel);
                await sender.FinishAsync();
            }

            disk.CheckUnchanged();
            var (diskDigest, tar, packed) = sums.Finish();
            await upload.CommitAsync(packed, cancel);
            committed = true;
            return (new Sums(diskDigest, tar, packed, length), length);
        }
        finally
        {
            if (!committed)
            {
                // Also after a cancellation, and then quickly: SIGTERM leaves seconds.
                using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(3));
                await upload.AbortAsync(soon.Token);
            }
        }
    }

    private async Task<PushedImage> FinishAsync(
        PushRequest request, Sums sums, string compressor, DiskLayer layer, long sent, CancellationToken cancel)
    {
        var config = ImageBuilder.Config(request, sums.Tar);
        await registry.PutBlobAsync(config, cancel);
        await registry.CheckBlobAsync(sums.Layer, sums.LayerLength, cancel);
        var manifest = ImageBuilder.Manifest(request, config, sums.Layer, sums.LayerLength, sums.Disk, compressor);
        var digest = await registry.PutManifestAsync(request.Image.Tag!, MediaTypes.Manifest, manifest, cancel);
        foreach (var tag in request.Tags)
        {
            await registry.PutManifestAsync(tag, MediaTypes.Manifest, manifest, cancel);
        }

        return new PushedImage(digest, sums.Disk, sums.Layer, sums.LayerLength, layer.DiskLength, sent);
    }
}
