using System.Buffers.Binary;
using Lab;

namespace Disks.Tests;

public sealed class Qcow2DiskTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("compat=1.1", false)]
    [InlineData("compat=0.10", false)]
    [InlineData("cluster_size=512", false)]
    [InlineData("cluster_size=2M", false)]
    [InlineData("cluster_size=4k,preallocation=metadata", false)]
    [InlineData("cluster_size=64k", true)]
    [InlineData("cluster_size=2M", true)]
    [InlineData("compat=0.10,cluster_size=1k", true)]
    public void What_qemu_img_wrote_is_read_as_qemu_img_reads_it(string options, bool compressed)
    {
        Model().Write(_scratch["disk.raw"]);
        string[] compress = compressed ? ["-c"] : [];
        Tool.Run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", .. compress, "-o", options, _scratch["disk.raw"], _scratch["disk.qcow2"]]);
        CopyBack(_scratch["disk.qcow2"], _scratch["back.raw"]);
        Tool.Run("cmp", _scratch["disk.raw"], _scratch["back.raw"]);
    }

    [Fact]
    public void The_active_state_is_read_where_there_are_snapshots_and_zeroed_clusters()
    {
        Model().Write(_scratch["disk.raw"]);
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", _scratch["disk.raw"], _scratch["disk.qcow2"]);
        Tool.Run("qemu-img", "snapshot", "-c", "before", _scratch["disk.qcow2"]);
        Tool.Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 100k", "-c", "write -z 64k 64k", _scratch["disk.qcow2"]);
        Tool.Run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", _scratch["disk.qcow2"], _scratch["judge.raw"]);
        CopyBack(_scratch["disk.qcow2"], _scratch["back.raw"]);
        Tool.Run("cmp", _scratch["judge.raw"], _scratch["back.raw"]);
    }

    /// <summary>Offset, bytes to put there (hex), kind and words of the refusal.</summary>
    [Theory]
    [InlineData(0, "00", DiskFault.Integrity, "not a qcow2 image")]
    [InlineData(4, "00000009", DiskFault.Unsupported, "version 9")]
    [InlineData(8, "0000000000001000", DiskFault.Unsupported, "backing file")]
    [InlineData(16, "00000008", DiskFault.Unsupported, "backing file")]
    [InlineData(20, "00000008", DiskFault.Integrity, "cluster bits 8")]
    [InlineData(20, "0000003f", DiskFault.Integrity, "cluster bits 63")]
    [InlineData(24, "7fffffffffffffff", DiskFault.Integrity, "not possible")]
    [InlineData(24, "0000000000000000", DiskFault.Integrity, "not possible")]
    [InlineData(24, "0000000000000201", DiskFault.Integrity, "not possible")]
    [InlineData(32, "00000001", DiskFault.Unsupported, "encrypted")]
    [InlineData(32, "00000002", DiskFault.Unsupported, "encrypted")]
    [InlineData(36, "ffffffff", DiskFault.Integrity, "L1 table")]
    [InlineData(36, "00000000", DiskFault.Integrity, "L1 table")]
    [InlineData(40, "0000000000030001", DiskFault.Integrity, "L1 table")]
    [InlineData(40, "7fffffffffff0000", DiskFault.Integrity, "L1 table")]
    [InlineData(40, "0000000070000000", DiskFault.Integrity, "past the end")]
    [InlineData(72, "0000000000000001", DiskFault.Integrity, "dirty")]
    [InlineData(72, "0000000000000002", DiskFault.Integrity, "corrupt")]
    [InlineData(72, "0000000000000004", DiskFault.Unsupported, "external data")]
    [InlineData(72, "0000000000000010", DiskFault.Unsupported, "extended L2")]
    [InlineData(72, "0000000000000020", DiskFault.Unsupported, "not known")]
    [InlineData(72, "8000000000000000", DiskFault.Unsupported, "not known")]
    [InlineData(100, "ffffffff", DiskFault.Integrity, "header")]
    [InlineData(100, "00000010", DiskFault.Integrity, "header")]
    public void A_hostile_header_is_refused(int offset, string hex, DiskFault kind, string words)
    {
        var image = Plain();
        Convert.FromHexString(hex).CopyTo(image, offset);
        var error = Assert.Throws<DiskException>(() => Open(image));
        Assert.Equal((kind, true), (error.Kind, error.Message.Contains(words, StringComparison.Ordinal)));
    }

    [Fact]
    public void Zstd_clusters_are_refused_by_name()
    {
        Tool.Run("qemu-img", "create", "-f", "qcow2", "-o", "compression_type=zstd", _scratch["disk.qcow2"], "10M");
        var error = Assert.Throws<DiskException>(() => Disk.Open(_scratch["disk.qcow2"], DiskFormat.Qcow2));
        Assert.Equal(DiskFault.Unsupported, error.Kind);
        Assert.Contains("zstd", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_real_backing_file_is_refused_and_not_opened()
    {
        Tool.Run("qemu-img", "create", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", _scratch["disk.qcow2"], "10M");
        Assert.Equal(DiskFault.Unsupported, Assert.Throws<DiskException>(() => Disk.Open(_scratch["disk.qcow2"], DiskFormat.Qcow2)).Kind);
    }

    [Theory]
    [InlineData(0x8000000000000000 | 0x7FFF0000, "past the end")]
    [InlineData(0x8000000000000000 | 0x50200, "cannot lie")]
    [InlineData(0x00FFFFFFFFFF0000, "past the end")]
    public void A_table_entry_that_points_elsewhere_is_refused_at_both_levels(ulong entry, string words)
    {
        // Level 1: the first entry of the L1 table.
        var image = Plain();
        var l1 = (int)BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(40));
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l1), entry);
        Assert.Contains(words, Assert.Throws<DiskException>(() => ReadAll(image)).Message, StringComparison.Ordinal);

        // Level 2: the first entry of the table that it pointed to.
        image = Plain();
        var l2 = (int)(BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(l1)) & 0x00FFFFFFFFFFFE00);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l2), entry);
        Assert.Contains(words, Assert.Throws<DiskException>(() => ReadAll(image)).Message, StringComparison.Ordinal);

        // The same place as a compressed cluster: whatever it points to is damaged or outside.
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l2), 0x4000000000000000 | (entry & 0x3FFFFFFFFFFFFFFF));
        Assert.Equal(DiskFault.Integrity, Assert.Throws<DiskException>(() => ReadAll(image)).Kind);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(71)]
    [InlineData(103)]
    [InlineData(70_000)]
    [InlineData(330_000)]
    [InlineData(390_000)]
    public void A_file_that_was_cut_off_is_refused_wherever(int length)
    {
        var image = Plain()[..length];
        var error = Assert.Throws<DiskException>(() => ReadAll(image));
        Assert.Equal(DiskFault.Integrity, error.Kind);
    }

    [Fact]
    public void Random_damage_ends_in_a_clear_failure_or_a_disk_but_never_otherwise()
    {
        Model().Write(_scratch["disk.raw"]);
        Tool.Run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=4k", _scratch["disk.raw"], _scratch["disk.qcow2"]);
        var good = File.ReadAllBytes(_scratch["disk.qcow2"]);
        var random = new Random(20_26);
        var refused = 0;
        for (var i = 0; i < 300; i++)
        {
            var image = good.ToArray();
            for (var flips = 0; flips < 4; flips++)
            {
                image[random.Next(random.Next(2) == 0 ? 112 : image.Length)] = (byte)random.Next(256);
            }

            try
            {
                // Only the start: a hostile length may be 64 TiB of nothing.
                using var disk = Open(image);
                var buffer = new byte[4096];
                foreach (var extent in disk.AllocatedExtents().Take(2000))
                {
                    disk.Read(extent.Offset, buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.Length)));
                }
            }
            catch (DiskException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 299);
    }

    private static SparseModel Model()
    {
        var random = new Random(3);
        return new SparseModel(24 << 20, Enumerable.Range(0, 900).Select(_ => (long)random.Next(6000)).Distinct().ToDictionary(page => page, _ => (byte)random.Next(256)));
    }

    /// <summary>An image with one data cluster at the start of the disk.</summary>
    private byte[] Plain()
    {
        File.WriteAllBytes(_scratch["one.raw"], [.. Images.Random(65536), .. new byte[10 << 20]]);
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", _scratch["one.raw"], _scratch["one.qcow2"]);
        return File.ReadAllBytes(_scratch["one.qcow2"])[..(6 * 65536)];
    }

    private IDisk Open(byte[] image)
    {
        File.WriteAllBytes(_scratch["image.qcow2"], image);
        return Disk.Open(_scratch["image.qcow2"], DiskFormat.Qcow2);
    }

    private void ReadAll(byte[] image)
    {
        using var disk = Open(image);
        ReadAll(disk);
    }

    private static void ReadAll(IDisk disk)
    {
        var buffer = new byte[1 << 20];
        foreach (var extent in disk.AllocatedExtents())
        {
            for (var offset = extent.Offset; offset < extent.End; offset += buffer.Length)
            {
                disk.Read(offset, buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset)));
            }
        }
    }

    private static void CopyBack(string image, string raw)
    {
        using var disk = Disk.Open(image, DiskFormat.Qcow2);
        using var target = new RawTarget(raw, disk.Length, overwrite: true);
        DiskImport.Copy(disk, target, CancellationToken.None);
        target.Complete();
    }
}
