using System.Text.Json;
using ContainerDisks.Push;
using Disks;
using Lab;
using Registry;

namespace ContainerDisks.Tests;

public sealed class PushTests : IDisposable
{
    private readonly Bench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(12)]
    [InlineData(null)]
    public async Task Skopeo_and_tar_get_a_disk_that_qemu_img_finds_equal(int? level)
    {
        var disk = _bench.Disk();
        var pushed = await _bench.PushAsync(disk, "1", request => request with { Level = level });
        var image = _bench.Unpack("1");
        Tool.Run("qemu-img", "check", "-f", "qcow2", image);
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, image);
        Assert.Equal(pushed.DiskDigest.Hex, Tool.Run("sha256sum", image).Output.Split(' ')[0]);
        Assert.Equal(pushed.DiskLength, new FileInfo(image).Length);
    }

    [Fact]
    public async Task The_layer_is_the_same_from_one_core_and_many_with_holes_and_without_and_from_another_file()
    {
        var one = await _bench.PushAsync(_bench.Disk("a.raw"), "1", request => request with { Workers = 1 });
        var two = await _bench.PushAsync(_bench.Disk("b.raw"), "2", request => request with { Workers = 2 });
        var eight = await _bench.PushAsync(_bench.Disk("c.raw", holes: false), "3", request => request with { Workers = 8 });
        Assert.Equal((one.Layer, one.Manifest, one.DiskDigest), (two.Layer, two.Manifest, two.DiskDigest));
        Assert.Equal((one.Layer, one.Manifest, one.DiskDigest), (eight.Layer, eight.Manifest, eight.DiskDigest));
        var other = await _bench.PushAsync(_bench.Disk("d.raw", seed: 2), "4");
        Assert.NotEqual(one.Layer, other.Layer);
    }

    [Fact]
    public async Task The_layer_of_a_fixed_disk_has_a_fixed_digest_on_every_machine()
    {
        // Whoever runs this on another CPU proves with it that libdeflate 1.14 does the same there.
        var path = _bench.Scratch["fixed.raw"];
        var state = 7u;
        var bytes = new byte[6 << 20];
        for (var at = 0; at < bytes.Length / 2; at++)
        {
            state = state * 1664525 + 1013904223;
            bytes[at] = at % 5000 > 2500 ? bytes[at - 2400] : (byte)(state >> 27);
        }

        File.WriteAllBytes(path, bytes);
        var pushed = await _bench.PushAsync(path, "1");
        Assert.Equal("sha256:8acbdccb36b2490aded980fa3d544638ea87b2fd1f197d5624bf2ccc1893222d", pushed.DiskDigest.ToString());
        if (await CompressorAsync("1") == "libdeflate-9eda1270 level=1 block=1048576")
        {
            Assert.Equal("sha256:8a5a44d5c9b2eda1863f8f9ffeccd986fc57f3f05345f4404d3839093a28c3c9", pushed.Layer.ToString());
        }
    }

    [Fact]
    public async Task Owners_modes_times_and_names_are_what_KubeVirt_expects()
    {
        await _bench.PushAsync(_bench.Disk(), "1");
        var folder = _bench.Scratch["image"];
        Tool.Run("skopeo", "copy", "--quiet", "--src-tls-verify=false", $"docker://{_bench.Registry.Host}/lab/disk:1", $"dir:{folder}");
        var layer = Directory.GetFiles(folder).MaxBy(file => new FileInfo(file).Length)!;
        var lines = Tool.TryWith("tar", ["--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--gzip", "--file", layer], null, TimeSpan.FromMinutes(1))
            .Output.Trim().Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).ToArray();
        Assert.Equal(2, lines.Length);
        Assert.Equal("dr-xr-xr-x 107/107 0 1970-01-01 00:00:00 disk/", lines[0]);
        Assert.Matches(@"^-r--r--r-- 107/107 \d+ 1970-01-01 00:00:00 disk/disk\.qcow2$", lines[1]);
    }

    [Fact]
    public async Task Hints_and_origin_show_in_the_image_when_given_and_only_then()
    {
        await _bench.PushAsync(_bench.Disk(), "bare");
        using (var bare = Inspect("bare", "--config"))
        {
            Assert.Equal("amd64", bare.RootElement.GetProperty("architecture").GetString());
            Assert.Equal("linux", bare.RootElement.GetProperty("os").GetString());
            Assert.False(bare.RootElement.GetProperty("config").TryGetProperty("Env", out _));
        }

        var digest = Digest.Of("vendor"u8).ToString();
        await _bench.PushAsync(_bench.Disk(), "full", request => request with
        {
            Hints = new Hints("u1.medium", null, "fedora", "VirtualMachinePreference"),
            SourceReference = "quay.io/containerdisks/fedora:42",
            SourceDigest = digest,
            Architecture = "arm64",
        });
        using var config = Inspect("full", "--config");
        Assert.Equal("arm64", config.RootElement.GetProperty("architecture").GetString());
        Assert.Equal(
            [
                "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=u1.medium", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora",
                "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE_KIND=VirtualMachinePreference",
            ],
            config.RootElement.GetProperty("config").GetProperty("Env").EnumerateArray().Select(one => one.GetString()!));
        using var manifest = Inspect("full", "--raw");
        var annotations = manifest.RootElement.GetProperty("annotations");
        Assert.Equal("quay.io/containerdisks/fedora:42", annotations.GetProperty("org.opencontainers.image.base.name").GetString());
        Assert.Equal(digest, annotations.GetProperty("org.opencontainers.image.base.digest").GetString());
    }

    [Fact]
    public async Task An_equal_disk_is_not_sent_again_but_gets_new_metadata()
    {
        var disk = _bench.Disk();
        var first = await _bench.PushAsync(disk, "1");
        Assert.Equal(first.LayerLength, first.Sent);
        var again = await _bench.PushAsync(disk, "1");
        Assert.Equal(first with { Sent = 0 }, again);
        var hinted = await _bench.PushAsync(disk, "1", request => request with { Hints = new Hints("u1.small", null, null, null) });
        Assert.Equal((0L, first.Layer), (hinted.Sent, hinted.Layer));
        Assert.NotEqual(first.Manifest, hinted.Manifest);
        var packed = await _bench.PushAsync(disk, "1", request => request with { Level = 6 });
        Assert.NotEqual((0L, first.Layer), (packed.Sent, packed.Layer));
        Assert.Equal(first.DiskDigest, packed.DiskDigest);
        using (var file = File.OpenWrite(disk))
        {
            file.WriteByte(77);
        }

        var changed = await _bench.PushAsync(disk, "1", request => request with { Level = 6 });
        Assert.NotEqual((0L, first.DiskDigest), (changed.Sent, changed.DiskDigest));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(null)]
    public async Task A_foreign_layer_under_a_lying_annotation_is_not_taken_over(int? level)
    {
        var disk = _bench.Disk();
        PushRequest Leveled(PushRequest request) => request with { Level = level };
        var mine = await _bench.PushAsync(disk, "1", Leveled);
        var foreign = await _bench.PushAsync(_bench.Disk("foreign.raw", seed: 2), "2", Leveled);

        // The foreign image says of itself that it holds this very disk.
        var image = ImageReference.Parse($"{_bench.Registry.Host}/lab/disk:2");
        using (var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Push, Bench.Options, CancellationToken.None))
        {
            var fetched = await client.GetManifestAsync("2", CancellationToken.None);
            var lie = System.Text.Encoding.UTF8.GetString(fetched.Bytes).Replace(foreign.DiskDigest.ToString(), mine.DiskDigest.ToString(), StringComparison.Ordinal);
            await client.PutManifestAsync("2", MediaTypes.Manifest, System.Text.Encoding.UTF8.GetBytes(lie), CancellationToken.None);
        }

        var pushed = await _bench.PushAsync(disk, "2", Leveled);
        Assert.Equal((mine.Layer, mine.Manifest), (pushed.Layer, pushed.Manifest));
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, _bench.Unpack("2"));
    }

    [Fact]
    public async Task Further_tags_name_the_same_image()
    {
        var pushed = await _bench.PushAsync(_bench.Disk(), "1", request => request with { Tags = ["stable", "20260101"] });
        foreach (var tag in (string[])["1", "stable", "20260101"])
        {
            Assert.Contains(
                pushed.Manifest.ToString(),
                Tool.Run("skopeo", "inspect", "--tls-verify=false", $"docker://{_bench.Registry.Host}/lab/disk:{tag}").Output,
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(2_000_000)]
    [InlineData(3_100_000)]
    public async Task A_connection_that_is_cut_in_the_middle_changes_nothing_in_the_result(long cut)
    {
        var disk = _bench.Disk();
        var expected = await _bench.PushAsync(disk, "whole");
        using var proxy = CutProxy.Start(_bench.Registry.Host, cut, cut - 900_000);
        var pushed = await _bench.PushAsync(disk, "cut", host: proxy.Host);
        Assert.Equal(2, proxy.Made);
        Assert.Equal((expected.Layer, expected.Manifest), (pushed.Layer, pushed.Manifest));
    }

    [Fact]
    public async Task A_disk_that_changes_while_it_is_pushed_gets_no_image_and_leaves_no_upload()
    {
        var disk = _bench.Disk();
        var image = ImageReference.Parse($"{_bench.Registry.Host}/lab/disk:1");
        using var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Push, Bench.Options, CancellationToken.None);
        using var source = Disk.Open(disk, DiskFormat.Raw);
        var touched = false;
        var push = new ContainerDiskPush(client, _ => { }, progress =>
        {
            if (progress.Phase == "push" && !touched)
            {
                touched = true;
                Tool.Run("dd", "if=/dev/urandom", $"of={disk}", "bs=512", "count=1", "conv=notrunc", "status=none");
            }
        });
        var error = await Assert.ThrowsAsync<DiskException>(() => push.RunAsync(source, new PushRequest { Image = image, Architecture = "amd64" }, CancellationToken.None));
        Assert.Equal(DiskFault.Integrity, error.Kind);
        Assert.Null(await client.FindManifestAsync("1", CancellationToken.None));
        Assert.Empty(Directory.GetFiles(_bench.Registry.Storage, "startedat", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_push_that_is_stopped_ends_at_once_and_leaves_no_upload()
    {
        var image = ImageReference.Parse($"{_bench.Registry.Host}/lab/disk:1");
        using var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Push, Bench.Options, CancellationToken.None);
        using var source = Disk.Open(_bench.Disk(), DiskFormat.Raw);
        using var stop = new CancellationTokenSource();
        var push = new ContainerDiskPush(client, _ => { }, progress =>
        {
            if (progress is { Phase: "push", Done: > 5 << 20 })
            {
                stop.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => push.RunAsync(source, new PushRequest { Image = image, Architecture = "amd64" }, stop.Token).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Empty(Directory.GetFiles(_bench.Registry.Storage, "startedat", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_qcow2_disk_makes_the_same_image_as_its_raw_twin()
    {
        var disk = _bench.Disk();
        var raw = await _bench.PushAsync(disk, "raw");
        Tool.Run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", disk, _bench.Scratch["disk.qcow2"]);
        var image = ImageReference.Parse($"{_bench.Registry.Host}/lab/disk:qcow2");
        using var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Push, Bench.Options, CancellationToken.None);
        using var source = Disk.Open(_bench.Scratch["disk.qcow2"], DiskFormat.Qcow2);
        var pushed = await new ContainerDiskPush(client, _ => { }, _ => { })
            .RunAsync(source, new PushRequest { Image = image, Architecture = "amd64" }, CancellationToken.None);
        Assert.Equal((raw.Layer, raw.Manifest), (pushed.Layer, pushed.Manifest));
    }

    private JsonDocument Inspect(string tag, string what) =>
        JsonDocument.Parse(Tool.Run("skopeo", what == "--raw" ? ["inspect", "--raw", "--tls-verify=false", Docker(tag)] : ["inspect", "--config", "--raw", "--tls-verify=false", Docker(tag)]).Output);

    private string Docker(string tag) => $"docker://{_bench.Registry.Host}/lab/disk:{tag}";

    private async Task<string> CompressorAsync(string tag)
    {
        await Task.CompletedTask;
        using var manifest = Inspect(tag, "--raw");
        return manifest.RootElement.GetProperty("annotations").GetProperty(Annotations.Compressor).GetString()!;
    }
}
