using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Disks;
using Kubernetes.Models;

namespace LocalCluster.Cdi.Populate;

/// <summary>Imports a raw or qcow2 image from a web server.</summary>
internal sealed class HttpPopulation(
    CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status, HttpSource source)
    : ImportPopulation(world, transfers, dataVolume, claim, status)
{
    // What a format has beside the disk's own bytes.
    private const long Slack = 64 << 20;
    private static readonly HttpClient Http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    protected override async Task FetchAsync(CancellationToken cancellation)
    {
        if (!Uri.TryCreate(source.Url, UriKind.Absolute, out var address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            throw new UriFormatException($"\"{source.Url}\" is no address here: http:// and https:// are read");
        }

        if (source is not { SecretRef: null or "", CertConfigMap: null or "", Unknown: null or { Count: 0 } })
        {
            throw new PopulationException(
                "Error", $"source http: only url and checksum are read here, not {string.Join(", ", ((string[])["secretRef", "certConfigMap"]).Concat(source.Unknown?.Keys.ToArray() ?? []))}: serve the image without", isFinal: true);
        }

        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            stall.CancelAfter(World.Options.StallLimit);
            await ReadAsync(address, stall, cancellation);
        }
        catch (OperationCanceledException) when (stall.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new PopulationException("Error", $"{address.Authority} sent nothing for {World.Options.StallLimit.TotalSeconds:0.#} s");
        }
        finally
        {
            File.Delete(Download);
        }
    }

    private string Download => Path.Combine(World.Store.Folder(Volume), ".download");

    private async Task ReadAsync(Uri address, CancellationTokenSource stall, CancellationToken cancellation)
    {
        using var response = await Http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, stall.Token);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new PopulationException(
                "Error", string.Create(CultureInfo.InvariantCulture,
                    $"Unable to connect to http data source: expected status code 200, got {(int)response.StatusCode}. Status: {(int)response.StatusCode} {response.ReasonPhrase}"));
        }

        await using var body = await response.Content.ReadAsStreamAsync(stall.Token);
        var found = await StoreAsync(body, response.Content.Headers.ContentLength ?? 0, stall);
        stall.CancelAfter(Timeout.InfiniteTimeSpan);
        if (source.Checksum is { Length: > 0 } wanted && !string.Equals(wanted, found, StringComparison.OrdinalIgnoreCase))
        {
            throw new PopulationException("ChecksumError", $"checksum mismatch: expected {wanted}, got {found}", isFinal: true);
        }

        ImageFile.Place(Download, World.Store.Unfinished(Volume), MostBytes, Report, cancellation);
    }

    /// <summary>Stores a stream with holes for its zeros, and gives its SHA-256.</summary>
    private async Task<string> StoreAsync(Stream from, long total, CancellationTokenSource stall)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = File.OpenHandle(Download, FileMode.Create, FileAccess.Write, FileShare.None);
        var buffer = new byte[64 << 10];
        var length = 0L;
        for (int count; (count = await from.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, stall.Token)) > 0; length += count)
        {
            stall.CancelAfter(World.Options.StallLimit);
            if (Math.Max(total, length + count) > MostBytes + Slack)
            {
                throw new DiskException(DiskFault.NoSpace, source.Url, $"it has more than the {MostBytes} bytes that the volume has room for", "give a larger volume");
            }

            hash.AppendData(buffer, 0, count);
            if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
            {
                RandomAccess.Write(file, buffer.AsSpan(0, count), length);
            }

            Report(length, total);
        }

        RandomAccess.SetLength(file, length);
        return $"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }
}

/// <summary>A disk image in a file of the vendor, whose first bytes tell its format.</summary>
internal static class ImageFile
{
    /// <summary>Writes it as a raw disk.</summary>
    /// <exception cref="DiskException">It is no disk that is read here, or larger than there is room.</exception>
    internal static void Place(string image, string target, long most, Action<long, long> progress, CancellationToken cancellation)
    {
        Span<byte> start = stackalloc byte[8];
        using (var file = File.OpenHandle(image))
        {
            start = start[..RandomAccess.Read(file, start, 0)];
        }

        using var disk = Disk.Open(image, DiskImport.Detect(start, image));
        if (disk.Length > most)
        {
            throw new DiskException(DiskFault.NoSpace, image, $"the disk has {disk.Length} bytes, the volume has room for {most}", "give a larger volume");
        }

        using var raw = new RawTarget(target, disk.Length, overwrite: true);
        var total = disk.AllocatedExtents().Sum(extent => extent.Length);
        DiskImport.Copy(disk, new Storage.CountedTarget(raw, total, progress), cancellation);
        raw.Complete();
    }
}
