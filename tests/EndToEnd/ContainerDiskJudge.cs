using System.Text.Json;

namespace EndToEnd;

/// <summary>Takes a container disk back from the registry with tools that nobody here wrote, and compares.</summary>
public static class ContainerDiskJudge
{
    /// <summary>What came back.</summary>
    /// <param name="Disk">The unpacked qcow2.</param>
    /// <param name="LayerDigest">The layer's digest.</param>
    /// <param name="LayerBytes">Its compressed size.</param>
    public sealed record Pulled(string Disk, string LayerDigest, long LayerBytes);

    /// <summary>Pulls with skopeo, which verifies every digest, and unpacks the one layer with tar.</summary>
    public static async Task<Pulled> Pull(string image, string folder, CancellationToken cancellation)
    {
        var copy = Path.Combine(folder, "pulled");
        await StoppableTool.Require(
            5, "skopeo cannot pull the image", "skopeo", ["copy", "--quiet", "--src-tls-verify=false", $"docker://{image}", $"dir:{copy}"], cancellation);
        using var manifest = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(copy, "manifest.json"), cancellation));
        var layers = manifest.RootElement.GetProperty("layers");
        if (layers.GetArrayLength() != 1)
        {
            throw new FlowException(5, $"{image}: {layers.GetArrayLength()} layers; a container disk has one");
        }

        var digest = layers[0].GetProperty("digest").GetString()!;
        var blob = Path.Combine(copy, digest[(digest.IndexOf(':') + 1)..]);
        var listed = await StoppableTool.Require(5, "tar cannot read the layer", "tar", ["--numeric-owner", "-tvf", blob], cancellation);
        var listing = listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (listing.Length != 2
            || !IsEntry(listing[0], "dr-xr-xr-x", "disk/")
            || !IsEntry(listing[1], "-r--r--r--", "disk/disk.qcow2"))
        {
            throw new FlowException(5, $"{image}: its layer is not disk/ and disk/disk.qcow2 of 107:107 but: {string.Join("; ", listing.Take(5))}");
        }

        await StoppableTool.Require(5, "tar cannot unpack the layer", "tar", ["--no-same-owner", "-xf", blob, "-C", folder], cancellation);
        var size = new FileInfo(blob).Length;
        Directory.Delete(copy, recursive: true);
        return new Pulled(Path.Combine(folder, "disk", "disk.qcow2"), digest, size);
    }

    /// <summary>Whether the qcow2 is sound and has the raw disk's very content.</summary>
    public static async Task Compare(string raw, string qcow2, CancellationToken cancellation)
    {
        await StoppableTool.Require(
            5, "qemu-img check finds faults in the pulled disk", "qemu-img", ["check", "-q", "-f", "qcow2", qcow2], cancellation);
        await StoppableTool.Require(
            5, "the pulled disk is not the disk that was pushed", "qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", raw, qcow2], cancellation);
    }

    private static bool IsEntry(string line, string mode, string name) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var itsMode, "107/107", .., var itsName] && itsMode == mode && itsName == name;
}
