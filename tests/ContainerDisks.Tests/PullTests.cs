using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Disks;
using Lab;
using Registry;

namespace ContainerDisks.Tests;

public sealed class PullTests : IDisposable
{
    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(null)]
    public async Task What_was_pushed_comes_back_with_its_holes_and_without_being_stored(int? level)
    {
        var disk = _bench.Disk();
        var pushed = await _bench.PushAsync(disk, "1", request => request with { Level = level });
        var pulled = await _bench.PullAsync(pushed.Manifest.ToString(), _bench.Scratch["back.raw"]);
        Assert.Equal((DiskFormat.Qcow2, false, 40L << 20), (pulled.Format, pulled.Stored, pulled.Length));
        Tool.Run("cmp", disk, _bench.Scratch["back.raw"]);
        Assert.InRange(Stored(_bench.Scratch["back.raw"]), 1 << 20, Stored(disk));
    }

    [Fact]
    public async Task A_foreign_container_disk_that_buildah_made_comes_back()
    {
        var disk = _bench.Disk();
        Tool.Run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", disk, _bench.Scratch["disk.qcow2"]);
        _bench.Scratch.File("Containerfile", "FROM scratch\nADD --chown=107:107 disk.qcow2 /disk/\n");
        string[] where = ["--root", _bench.Scratch["storage"], "--runroot", _bench.Scratch["run"], "--storage-driver", "vfs"];
        Tool.Run("buildah", [.. where, "bud", "--quiet", "--isolation", "chroot", "--tag", "foreign", "--file", _bench.Scratch["Containerfile"], _bench.Scratch.Folder]);
        foreach (var format in (string[])["oci", "v2s2"])
        {
            Tool.Run("buildah", [.. where, "push", "--quiet", "--format", format, "--tls-verify=false", "foreign", $"docker://{_bench.Registry.Host}/lab/disk:{format}"]);
            var target = _bench.Scratch[$"back-{format}.raw"];
            var pulled = await _bench.PullAsync(format, target);
            Assert.True(pulled.Stored);
            Tool.Run("cmp", disk, target);
        }

        Tool.Run("buildah", [.. where, "rmi", "--all", "--force"]);
    }

    [Fact]
    public async Task A_raw_disk_is_taken_as_it_is_and_an_index_leads_to_the_architecture()
    {
        var raw = new byte[300 * 512];
        new System.Random(1).NextBytes(raw.AsSpan(0, 1000));
        var amd = await PushTarAsync("amd", [("disk/disk.img", raw)]);
        var arm = await PushTarAsync("arm", [("disk/disk.img", [.. raw.Reverse()])], architecture: "arm64");
        await PushIndexAsync("both", ("amd64", amd), ("arm64", arm));
        var pulled = await _bench.PullAsync("both", _bench.Scratch["amd.raw"]);
        Assert.Equal((DiskFormat.Raw, raw.LongLength), (pulled.Format, pulled.Length));
        Assert.Equal(raw, File.ReadAllBytes(_bench.Scratch["amd.raw"]));
        await _bench.PullAsync("both", _bench.Scratch["arm.raw"], architecture: "arm64");
        Assert.Equal(raw.Reverse(), File.ReadAllBytes(_bench.Scratch["arm.raw"]));
        Assert.Equal(ContainerDiskFault.Missing, (await RefusedAsync("both", "s390x")).Kind);
        Assert.Equal(ContainerDiskFault.Missing, (await RefusedAsync("amd", "arm64")).Kind);
    }

    [Fact]
    public async Task A_guests_bytes_are_not_taken_for_qcow2_when_the_format_is_said()
    {
        var raw = new byte[512 * 200];
        "QFI"u8.CopyTo(raw);
        raw[3] = 0xfb;
        await PushTarAsync("1", [("disk/disk.img", raw)]);
        await _bench.PullAsync("1", _bench.Scratch["back.raw"], DiskFormat.Raw);
        Assert.Equal(raw, File.ReadAllBytes(_bench.Scratch["back.raw"]));
        await Assert.ThrowsAsync<DiskException>(() => _bench.PullAsync("1", _bench.Scratch["other.raw"]));
        Nothing("other.raw");
    }

    [Theory]
    [InlineData(".wh.x|disk/disk.img", true)]
    [InlineData("./disk/disk.img", true)]
    [InlineData("/disk/disk.img", true)]
    [InlineData("etc/passwd|disk/a", true)]
    [InlineData("disk/a|disk/b", false)]
    [InlineData("disk/sub/a", false)]
    [InlineData("disk/../disk/a", false)]
    [InlineData("diskette/a", false)]
    [InlineData("etc/passwd", false)]
    public async Task Just_one_plain_file_directly_in_disk_is_the_disk(string names, bool good)
    {
        var raw = new byte[512];
        raw[0] = 1;
        await PushTarAsync("1", [.. names.Split('|').Select(name => (name, raw))]);
        if (good)
        {
            await _bench.PullAsync("1", _bench.Scratch["back.raw"]);
            Assert.Equal(raw, File.ReadAllBytes(_bench.Scratch["back.raw"]));
        }
        else
        {
            await RefusedAsync("1");
        }
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.Fifo)]
    public async Task A_disk_that_is_a_link_or_a_device_is_refused(TarEntryType type)
    {
        using var memory = new MemoryStream();
        await using (var tar = new TarWriter(memory, TarEntryFormat.Ustar, leaveOpen: true))
        {
            var entry = new UstarTarEntry(type, "disk/disk.img");
            if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            {
                entry.LinkName = "/etc/shadow";
            }

            await tar.WriteEntryAsync(entry);
        }

        await PushLayerAsync("1", memory.ToArray());
        Assert.Equal(ContainerDiskFault.Integrity, (await RefusedAsync("1")).Kind);
    }

    [Fact]
    public async Task A_damaged_layer_is_refused_and_nothing_is_left()
    {
        var pushed = await _bench.PushAsync(_bench.Disk(), "1");
        var blob = Directory.GetFiles(_bench.Registry.Storage, "data", SearchOption.AllDirectories)
            .Single(file => file.Contains(pushed.Layer.Hex, StringComparison.Ordinal));
        var good = File.ReadAllBytes(blob);
        foreach (var change in (Func<byte[], byte[]>[])[Flip(good.Length / 2), Flip(good.Length - 6), Flip(30), bytes => bytes[..^1000], bytes => [.. bytes, 0]])
        {
            File.WriteAllBytes(blob, change([.. good]));
            var error = await Assert.ThrowsAnyAsync<Exception>(() => _bench.PullAsync("1", _bench.Scratch["back.raw"]));
            Assert.True(
                error is RegistryException { Kind: RegistryFault.Integrity or RegistryFault.Transient or RegistryFault.Unreachable }
                    or ContainerDiskException { Kind: ContainerDiskFault.Integrity }
                    or DiskException { Kind: DiskFault.Integrity },
                error.ToString());
            Nothing("back.raw");
        }

        File.WriteAllBytes(blob, good);
        await _bench.PullAsync("1", _bench.Scratch["back.raw"]);
    }

    [Fact]
    public async Task A_configuration_that_lies_about_the_layer_is_refused()
    {
        var raw = new byte[512];
        raw[9] = 1;
        await PushLayerAsync("1", await TarAsync([("disk/disk.img", raw)]), diffId: Digest.Of("other"u8));
        Assert.Equal(ContainerDiskFault.Integrity, (await RefusedAsync("1")).Kind);
    }

    [Fact]
    public async Task An_existing_target_is_kept()
    {
        await _bench.PushAsync(_bench.Disk(), "1");
        File.WriteAllText(_bench.Scratch["back.raw"], "good");
        await Assert.ThrowsAsync<DiskException>(() => _bench.PullAsync("1", _bench.Scratch["back.raw"]));
        Assert.Equal("good", File.ReadAllText(_bench.Scratch["back.raw"]));
    }

    private static Func<byte[], byte[]> Flip(int at) => bytes =>
    {
        bytes[at] ^= 0x55;
        return bytes;
    };

    private async Task<ContainerDiskException> RefusedAsync(string tag, string architecture = "amd64")
    {
        var error = await Assert.ThrowsAsync<ContainerDiskException>(() => _bench.PullAsync(tag, _bench.Scratch["refused.raw"], architecture: architecture));
        Nothing("refused.raw");
        return error;
    }

    private void Nothing(string name) =>
        Assert.DoesNotContain(Directory.GetFileSystemEntries(_bench.Scratch.Folder), path => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal) || path.EndsWith(".partial", StringComparison.Ordinal));

    private static long Stored(string path) => long.Parse(Tool.Run("stat", "-c", "%b", path).Output) * 512;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public async Task A_size_that_lies_is_refused_like_a_digest_that_does(int more, int indexMore)
    {
        var amd = await PushTarAsync("amd", [("disk/disk.img", new byte[512])]);
        await PushIndexAsync("index", ("amd64", amd));
        using var client = await ClientAsync();
        async Task LieAsync(string tag, string type, int add)
        {
            var text = Encoding.UTF8.GetString((await client.GetManifestAsync(tag, CancellationToken.None)).Bytes);
            var lie = System.Text.RegularExpressions.Regex.Replace(
                text, "(\"size\":)([0-9]+)", match => match.Groups[1].Value + (int.Parse(match.Groups[2].Value) + add));
            await client.PutManifestAsync(tag, type, Encoding.UTF8.GetBytes(lie), CancellationToken.None);
        }

        await LieAsync("amd", MediaTypes.Manifest, more);
        await LieAsync("index", MediaTypes.Index, indexMore);
        Assert.Equal(ContainerDiskFault.Integrity, (await RefusedAsync(more > 0 ? "amd" : "index")).Kind);
    }

    private async Task<Digest> PushTarAsync(string tag, (string Name, byte[] Content)[] files, string architecture = "amd64") =>
        await PushLayerAsync(tag, await TarAsync(files), architecture);

    private static async Task<byte[]> TarAsync((string Name, byte[] Content)[] files)
    {
        using var memory = new MemoryStream();
        await using (var tar = new TarWriter(memory, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
            }
        }

        return memory.ToArray();
    }

    private async Task<Digest> PushLayerAsync(string tag, byte[] tar, string architecture = "amd64", Digest? diffId = null)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(tar);
        }

        using var client = await ClientAsync();
        await client.PutBlobAsync(packed.ToArray(), CancellationToken.None);
        var config = Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"{{{architecture}}}","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{diffId ?? Digest.Of(tar)}}}"]}}""");
        await client.PutBlobAsync(config, CancellationToken.None);
        var manifest = JsonSerializer.SerializeToUtf8Bytes(
            new ImageManifest
            {
                MediaType = MediaTypes.Manifest,
                Config = new Descriptor { MediaType = MediaTypes.Config, Digest = Digest.Of(config).ToString(), Size = config.Length },
                Layers = [new Descriptor { MediaType = MediaTypes.LayerGzip, Digest = Digest.Of(packed.ToArray()).ToString(), Size = packed.Length }],
            },
            OciJson.Default.ImageManifest);
        return await client.PutManifestAsync(tag, MediaTypes.Manifest, manifest, CancellationToken.None);
    }

    private async Task PushIndexAsync(string tag, params (string Architecture, Digest Manifest)[] images)
    {
        using var client = await ClientAsync();
        var list = new List<string>();
        foreach (var (architecture, digest) in images)
        {
            var size = (await client.GetManifestAsync(digest.ToString(), CancellationToken.None)).Bytes.Length;
            list.Add($$$"""{"mediaType":"{{{MediaTypes.Manifest}}}","digest":"{{{digest}}}","size":{{{size}}},"platform":{"architecture":"{{{architecture}}}","os":"linux"}}""");
        }

        await client.PutManifestAsync(
            tag, MediaTypes.Index, Encoding.UTF8.GetBytes($$$"""{"schemaVersion":2,"mediaType":"{{{MediaTypes.Index}}}","manifests":[{{{string.Join(',', list)}}}]}"""), CancellationToken.None);
    }

    private Task<RegistryClient> ClientAsync() => RegistryClient.ConnectAsync(
        ImageReference.Parse($"{_bench.Registry.Host}/lab/disk:1"), RegistryAccess.Push, Bench.Options, CancellationToken.None);
}
