using Kubernetes.Models;
using Lab;
using LocalCluster.Cdi;
using LocalCluster.Storage;

namespace LocalCluster.Tests;

public sealed class StorageTests
{
    [Theory]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData("-1Gi", null)]
    [InlineData("ten", null)]
    [InlineData(null, null)]
    public void A_size_is_a_quantity_that_is_not_negative(string? text, long? bytes) => Assert.Equal(bytes, VolumeSize.Parse(text));

    [Fact]
    public void What_a_claim_of_the_required_size_can_use_is_at_least_the_disk()
    {
        var random = new Random(1);
        for (var round = 0; round < 10_000; round++)
        {
            var disk = random.NextInt64(1 << 20, 1L << 42) >> 20 << 20;
            Assert.Equal(disk, VolumeSize.Usable(VolumeSize.Required(disk, 0.06), 0.06));
        }
    }

    [Theory]
    [InlineData("*/15 * * * *", "2026-08-20T10:07:30Z", "2026-08-20T10:15:00Z")]
    [InlineData("0 */12 * * *", "2026-08-20T10:07:30Z", "2026-08-20T12:00:00Z")]
    [InlineData("30 4 1,15 * 5", "2026-08-15T04:30:00Z", "2026-08-21T04:30:00Z")]
    [InlineData("0 0 29 2 *", "2026-08-20T10:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("5 0 * 8 7", "2026-08-20T10:00:00Z", "2026-08-23T00:05:00Z")]
    [InlineData("@daily", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z")]
    [InlineData("0 0 30 2 *", "2026-08-20T10:00:00Z", null)]
    public void A_schedule_tells_its_next_time(string schedule, string after, string? next) =>
        Assert.Equal(next is null ? null : DateTimeOffset.Parse(next), CronSchedule.Parse(schedule)!.Next(DateTimeOffset.Parse(after)));

    [Theory]
    [InlineData("")]
    [InlineData("* * * *")]
    [InlineData("60 * * * *")]
    [InlineData("*/0 * * * *")]
    [InlineData("5-1 * * * *")]
    [InlineData("a * * * *")]
    public void What_is_no_schedule_is_none(string schedule) => Assert.Null(CronSchedule.Parse(schedule));

    [Fact]
    public void A_sparse_file_is_copied_by_its_data_only_over_what_a_kill_left()
    {
        using var scratch = new Scratch();
        using (var file = File.Create(scratch["sparse.img"]))
        {
            file.SetLength(40L << 30);
            file.Position = 20L << 30;
            file.Write(new byte[4096].Select(_ => (byte)7).ToArray());
        }

        scratch.File("copy.img.partial", "left by a kill");
        var told = (Done: 0L, Total: 0L);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        FileClone.Copy(scratch["sparse.img"], scratch["copy.img"], 41L << 30, (done, total) => told = (done, total), CancellationToken.None);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{clock.Elapsed}");
        Assert.Equal(told.Total, told.Done);
        Assert.Equal(41L << 30, new FileInfo(scratch["copy.img"]).Length);
        Assert.True(long.Parse(Tool.Run("stat", "--format=%b", scratch["copy.img"]).Output) * 512 < 1 << 20);
        using var copy = File.OpenRead(scratch["copy.img"]);
        copy.Position = 20L << 30;
        Assert.Equal(7, copy.ReadByte());
        Assert.False(File.Exists(scratch["copy.img.partial"]));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("")]
    [InlineData("a/b")]
    public void A_uid_that_leads_elsewhere_is_refused(string uid)
    {
        using var scratch = new Scratch();
        using var store = new VolumeStore(scratch.Folder);
        Assert.Throws<IOException>(() => store.SnapshotDisk(uid));
    }

    [Fact]
    public void A_state_folder_is_one_process_and_one_cluster_at_a_time()
    {
        using var scratch = new Scratch();
        using (var store = new VolumeStore(scratch.Folder))
        {
            Assert.Contains("in use", Assert.Throws<IOException>(() => new VolumeStore(scratch.Folder)).Message);
            Assert.Throws<IOException>(() => store.BelongTo([]));
            store.BelongTo(["default"]);
            store.BelongTo(["kube-system", "default"]);
            Assert.Contains("cluster another", Assert.Throws<IOException>(() => store.BelongTo(["another"])).Message);
        }

        File.Delete(scratch["cluster"]);
        scratch.File("volumes/pvc-1/disk.img", "somebody's");
        using var again = new VolumeStore(scratch.Folder);
        Assert.Contains("unknown cluster", Assert.Throws<IOException>(() => again.BelongTo(["default"])).Message);
    }

    [Fact]
    public void A_disk_is_for_qemu_only_and_what_a_link_in_its_place_leads_to_is_never_copied()
    {
        using var scratch = new Scratch();
        using var store = new VolumeStore(scratch["state"]);
        File.WriteAllBytes(scratch["secret"], new byte[4096]);
        var claim = new PersistentVolumeClaim { Metadata = { Name = "a", Namespace = "n", Uid = "1" } };
        store.Create(claim, 1 << 20);
        store.Snapshot("pvc-1", new VolumeSnapshot { Metadata = { Name = "s", Namespace = "n", Uid = "2" } }, CancellationToken.None);
        File.Copy(store.Disk("pvc-1"), store.Unfinished("pvc-1"));
        store.Finish("pvc-1", 0);
        foreach (var disk in (string[])[store.Disk("pvc-1"), store.SnapshotDisk("2")])
        {
            Assert.Equal("660", Tool.Run("stat", "--format=%a", disk).Output.Trim());
        }

        File.Delete(store.Disk("pvc-1"));
        File.CreateSymbolicLink(store.Disk("pvc-1"), scratch["secret"]);
        Assert.Throws<Disks.DiskException>(() => FileClone.Copy(store.Disk("pvc-1"), scratch["copy"], 0, (_, _) => { }, CancellationToken.None));
        Assert.False(File.Exists(scratch["copy"]));
        Assert.Throws<Disks.DiskException>(() => FileClone.Open(scratch.Folder));
        Assert.Throws<Disks.DiskException>(() => FileClone.Open("/dev/zero"));
    }

    [Theory]
    [InlineData("localhost:5000", true)]
    [InlineData("127.0.0.2", true)]
    [InlineData("[::1]:5000", true)]
    [InlineData("127.evil.example", false)]
    [InlineData("localhost.evil.example:5000", false)]
    [InlineData("10.0.0.1:5000", false)]
    public void Loopback_is_an_address_not_how_a_name_begins(string host, bool isLoopback) =>
        Assert.Equal(isLoopback, LocalCluster.Cdi.Populate.RegistryDoor.IsLoopback(host));
}
