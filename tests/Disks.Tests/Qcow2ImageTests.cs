using Disks.Qcow2;
using FsCheck;
using FsCheck.Fluent;
using Lab;

namespace Disks.Tests;

public class Qcow2ImageTests
{
    [Fact]
    public void Qemu_img_finds_no_error_and_the_same_disk_in_what_is_made_of_any_disk()
    {
        using var scratch = new Scratch();
        Prop.ForAll(SparseModel.Arbitrary, model =>
        {
            model.Write(scratch["disk.raw"]);
            Images.WriteQcow2(scratch["disk.raw"], scratch["disk.qcow2"]);
            Tool.Run("qemu-img", "check", "-f", "qcow2", scratch["disk.qcow2"]);
            Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", scratch["disk.raw"], scratch["disk.qcow2"]);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
    }

    [Fact]
    public void It_is_the_same_byte_by_byte_whether_zeros_are_stored_or_holes()
    {
        using var scratch = new Scratch();
        Prop.ForAll(SparseModel.Arbitrary, model =>
        {
            model.Write(scratch["holes.raw"], holes: true);
            model.Write(scratch["full.raw"], holes: false);
            Images.WriteQcow2(scratch["holes.raw"], scratch["holes.qcow2"]);
            Images.WriteQcow2(scratch["full.raw"], scratch["full.qcow2"]);
            Assert.Equal(File.ReadAllBytes(scratch["holes.qcow2"]), File.ReadAllBytes(scratch["full.qcow2"]));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
    }

    [Fact]
    public void It_holds_only_clusters_with_data()
    {
        using var scratch = new Scratch();
        new SparseModel(1L << 30, new Dictionary<long, byte> { [5] = 1, [200_000] = 2, [200_001] = 0, [90_000] = 0 }).Write(scratch["disk.raw"], holes: true);
        Images.WriteQcow2(scratch["disk.raw"], scratch["disk.qcow2"]);

        // Header, L1, reference table and block, two L2 tables, two data clusters.
        Assert.Equal(8 * 65536, new FileInfo(scratch["disk.qcow2"]).Length);
    }

    [Fact]
    public void Any_part_of_it_can_be_made_alone_and_is_the_same()
    {
        using var scratch = new Scratch();
        var random = new System.Random(7);
        new SparseModel(900_000_000 / 512 * 512, Enumerable.Range(0, 300).Select(_ => (long)random.Next(219_000)).Distinct().ToDictionary(page => page, _ => (byte)random.Next(256)))
            .Write(scratch["disk.raw"]);
        Images.WriteQcow2(scratch["disk.raw"], scratch["disk.qcow2"]);
        var all = File.ReadAllBytes(scratch["disk.qcow2"]);
        using var disk = Disk.Open(scratch["disk.raw"], DiskFormat.Raw);
        var image = new Qcow2Image(disk, ZeroScan.Run(disk, null, CancellationToken.None));
        Assert.Equal(all.Length, image.Length);
        for (var i = 0; i < 500; i++)
        {
            var offset = random.Next(all.Length);
            var part = new byte[random.Next(1, Math.Min(300_000, all.Length - offset + 1))];
            image.Read(offset, part);
            Assert.True(all.AsSpan(offset, part.Length).SequenceEqual(part), $"{part.Length} bytes at {offset}");
        }
    }

    [Fact]
    public void A_disk_whose_reference_counts_need_several_blocks_is_right_too()
    {
        // 5 GiB that seem to be full; only the tables are stored, where qemu-img check looks.
        using var scratch = new Scratch();
        using var disk = new FullDisk(5L << 30);
        var map = new ClusterMap(disk.Length);
        for (var cluster = 0L; cluster < map.Clusters; cluster++)
        {
            map.Mark(cluster);
        }

        var image = new Qcow2Image(disk, map);
        using (var file = File.Create(scratch["disk.qcow2"]))
        {
            var tables = new byte[40 * 65536];
            image.Read(0, tables);
            file.Write(tables);
            file.SetLength(image.Length);
        }

        Tool.Run("qemu-img", "check", "-f", "qcow2", scratch["disk.qcow2"]);
        Assert.Contains("5368709120", Tool.Run("qemu-img", "info", "--output=json", scratch["disk.qcow2"]).Output, StringComparison.Ordinal);
    }

    private sealed class FullDisk(long length) : IDisk
    {
        public string Name => "full";

        public long Length => length;

        public IEnumerable<Extent> AllocatedExtents() => [new(0, length)];

        public void Read(long offset, Span<byte> buffer) => buffer.Fill(1);

        public void CheckUnchanged()
        {
        }

        public void Dispose()
        {
        }
    }
}
