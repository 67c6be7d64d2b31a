using Lab;

namespace Disks.Tests;

public sealed class RawTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_folder_stands_for_the_disk_img_in_it()
    {
        File.WriteAllBytes(_scratch["disk.img"], Images.Random(512));
        using var disk = Disk.Open(_scratch.Folder, DiskFormat.Raw);
        Assert.Equal(_scratch["disk.img"], disk.Name);
    }

    [Fact]
    public void What_is_no_disk_is_refused_with_its_kind()
    {
        File.WriteAllBytes(_scratch["empty"], []);
        File.WriteAllBytes(_scratch["cut"], new byte[1000]);
        Tool.Run("mkfifo", _scratch["fifo"]);
        Directory.CreateDirectory(_scratch["folder/disk.img"]);
        (string Path, DiskFault Kind)[] table =
        [
            (_scratch["nothing"], DiskFault.Missing), (_scratch["folder-without"], DiskFault.Missing), (_scratch["empty"], DiskFault.Integrity),
            (_scratch["cut"], DiskFault.Integrity), (_scratch["fifo"], DiskFault.Usage), ("/dev/null", DiskFault.Usage), (_scratch["folder"], DiskFault.Usage),
        ];
        foreach (var (path, kind) in table)
        {
            Assert.Equal(kind, Assert.Throws<DiskException>(() => Disk.Open(path, DiskFormat.Raw)).Kind);
        }
    }

    [Fact]
    public void A_file_that_shrinks_or_changes_while_it_is_read_is_an_integrity_failure()
    {
        File.WriteAllBytes(_scratch["disk"], Images.Random(1 << 20));
        using var disk = Disk.Open(_scratch["disk"], DiskFormat.Raw);
        disk.CheckUnchanged();
        Tool.Run("truncate", "-s", "512K", _scratch["disk"]);

        Assert.Equal(DiskFault.Integrity, Assert.Throws<DiskException>(() => disk.Read(600 << 10, new byte[512])).Kind);
        Assert.Equal(DiskFault.Integrity, Assert.Throws<DiskException>(disk.CheckUnchanged).Kind);
    }

    [Fact]
    public void Holes_are_not_read_and_zeros_are_seen()
    {
        using (var file = File.Create(_scratch["disk"]))
        {
            file.SetLength(1L << 40);
            file.Position = 700L << 30;
            file.Write(new byte[200_000]);
            file.Position = 800L << 30;
            file.Write(Images.Random(512));
        }

        using var disk = Disk.Open(_scratch["disk"], DiskFormat.Raw);
        Assert.InRange(disk.AllocatedExtents().Sum(extent => extent.Length), 200_512, 1 << 20);
        var map = ZeroScan.Run(disk, null, CancellationToken.None);
        Assert.Equal((1L, (800L << 30) / 65536), (map.Count, map.Find(0)));
    }

    [Fact]
    public void The_last_byte_of_a_cluster_counts()
    {
        var bytes = new byte[4 * 65536];
        bytes[65535] = 1;
        bytes[2 * 65536 + 4096] = 1;
        File.WriteAllBytes(_scratch["disk"], bytes);
        using var disk = Disk.Open(_scratch["disk"], DiskFormat.Raw);
        var map = ZeroScan.Run(disk, null, CancellationToken.None);
        Assert.Equal([true, false, true, false], Enumerable.Range(0, 4).Select(cluster => map[cluster]));
    }

    [Fact]
    public void A_target_has_holes_for_zeros_and_its_name_only_when_complete()
    {
        using (var target = new RawTarget(_scratch["disk"], 100 << 20, overwrite: false))
        {
            target.Write(0, new byte[1 << 20]);
            target.Write(50 << 20, [.. new byte[8192], .. Images.Random(4096), .. new byte[8192]]);
            Assert.False(File.Exists(_scratch["disk"]));
            target.Complete();
        }

        Assert.Equal(100 << 20, new FileInfo(_scratch["disk"]).Length);
        Assert.Equal("660", Tool.Run("stat", "-c", "%a", _scratch["disk"]).Output.Trim());
        Assert.InRange(Images.Stored(_scratch["disk"]), 4096, 64 << 10);
        Assert.Equal(Images.Random(4096), File.ReadAllBytes(_scratch["disk"])[((50 << 20) + 8192)..((50 << 20) + 8192 + 4096)]);
    }

    [Fact]
    public void A_target_that_is_given_up_leaves_nothing_and_an_existing_file_is_kept()
    {
        File.WriteAllText(_scratch["disk"], "good");
        Assert.Equal(DiskFault.Usage, Assert.Throws<DiskException>(() => new RawTarget(_scratch["disk"], 512, overwrite: false)).Kind);
        using (var target = new RawTarget(_scratch["disk"], 512, overwrite: true))
        {
            target.Write(0, Images.Random(512));
        }

        Assert.Equal("good", File.ReadAllText(_scratch["disk"]));
        Assert.Equal([_scratch["disk"]], Directory.GetFileSystemEntries(_scratch.Folder));
    }

    [Fact]
    public void Two_do_not_write_the_same_target_at_once()
    {
        using (var first = new RawTarget(_scratch["disk"], 512, overwrite: false))
        {
            Assert.Equal(DiskFault.Usage, Assert.Throws<DiskException>(() => new RawTarget(_scratch["disk"], 1024, overwrite: false)).Kind);
            first.Write(0, Images.Random(512));
            first.Complete();
        }

        Assert.Equal(Images.Random(512), File.ReadAllBytes(_scratch["disk"]));
    }

    [SkippableFact]
    public void Full_storage_is_said()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "only root may mount a small tmpfs");
        Directory.CreateDirectory(_scratch["small"]);
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=1m", "none", _scratch["small"]);
        try
        {
            using var target = new RawTarget(Path.Combine(_scratch["small"], "disk"), 4 << 20, overwrite: false);
            var error = Assert.Throws<DiskException>(() => target.Write(0, Images.Random(3 << 20)));
            Assert.Equal(DiskFault.NoSpace, error.Kind);
        }
        finally
        {
            Tool.Run("umount", _scratch["small"]);
        }
    }

    [SkippableFact]
    public void A_block_device_is_read_like_a_file_and_zeroed_where_the_disk_is_zero()
    {
        var model = new SparseModel(8 << 20, new Dictionary<long, byte> { [0] = 1, [300] = 9, [2047] = 3 });
        model.Write(_scratch["disk.raw"]);
        File.WriteAllBytes(_scratch["device"], Images.Random(9 << 20));
        Skip.IfNot(Environment.IsPrivilegedProcess, "only root may set up a loop device");
        Skip.IfNot(File.Exists("/dev/loop-control"), "this kernel or container has no loop devices");
        var device = Tool.Run("losetup", "--find", "--show", _scratch["device"]).Output.Trim();
        try
        {
            using (var source = Disk.Open(_scratch["disk.raw"], DiskFormat.Raw))
            using (var target = new RawTarget(device, source.Length, overwrite: false))
            {
                DiskImport.Copy(source, target, CancellationToken.None);
                target.Complete();
            }

            Tool.Run("cmp", "-n", (8 << 20).ToString(), _scratch["disk.raw"], device);
            Assert.Equal(DiskFault.NoSpace, Assert.Throws<DiskException>(() => new RawTarget(device, 10 << 20, overwrite: false)).Kind);

            using var disk = Disk.Open(device, DiskFormat.Raw);
            Assert.Equal(9 << 20, disk.Length);
            var map = ZeroScan.Run(disk, null, CancellationToken.None);

            // Three clusters of the disk, and the random rest of the device behind it.
            Assert.Equal(3 + 16, map.Count);
        }
        finally
        {
            Tool.Run("losetup", "--detach", device);
        }
    }
}
