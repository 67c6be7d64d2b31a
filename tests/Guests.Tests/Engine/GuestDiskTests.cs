using System.Buffers.Binary;
using Guests.Engine;
using Lab;

namespace Guests.Tests.Engine;

/// <summary>What is refused before anything is started.</summary>
public sealed class GuestDiskTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_missing_disk_is_said()
    {
        var fault = Fault(_scratch["absent.img"], DiskFormat.Raw);
        Assert.Equal(GuestFault.Access, fault.Fault);
        Assert.Contains("absent.img: there is no such disk", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_means_its_disk_img()
    {
        _ = GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 16);
        var disk = GuestDisk.Open(_scratch.Folder, DiskFormat.Raw, forWriting: true);
        Assert.Equal(_scratch["disk.img"], disk.Path);
        Assert.InRange(disk.AllocatedBytes!.Value, 4096, 16 << 20);
    }

    [Fact]
    public void A_folder_without_a_disk_is_said() => Assert.Contains("disk.img: there is no such disk", Fault(_scratch.Folder, DiskFormat.Raw).Message, StringComparison.Ordinal);

    [Fact]
    public void A_tiny_file_is_no_disk() => Assert.Equal(GuestFault.Integrity, Fault(_scratch.File("tiny.img", "hello"), DiskFormat.Raw).Fault);

    [Fact]
    public void A_device_that_is_no_disk_is_refused() => Assert.Equal(GuestFault.Access, Fault("/dev/null", DiskFormat.Raw).Fault);

    [Fact]
    public void A_truncated_disk_is_found_by_its_partition_table()
    {
        var path = GuestDisks.Partitioned(_scratch["cut.img"], [null, null], 8, 8);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(5 << 20);
        }

        var fault = Fault(path, DiskFormat.Raw);
        Assert.Equal(GuestFault.Integrity, fault.Fault);
        Assert.Contains("truncated", fault.Cause, StringComparison.Ordinal);
        Assert.Contains("new clone", fault.Next, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_was_made_larger_is_whole()
    {
        var path = GuestDisks.Partitioned(_scratch["grown.img"], [null], 8);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(64 << 20);
        }

        Assert.Equal(path, GuestDisk.Open(path, DiskFormat.Raw, forWriting: false).Path);
    }

    [Fact]
    public void A_qcow2_file_is_taken_when_it_stands_alone()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", _scratch["alone.qcow2"], "16M");
        Assert.Equal(DiskFormat.Qcow2, GuestDisk.Open(_scratch["alone.qcow2"], DiskFormat.Qcow2, forWriting: false).Format);
    }

    [Fact]
    public void A_backing_file_is_refused()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "raw", _scratch["base.img"], "16M");
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", "-b", _scratch["base.img"], "-F", "raw", _scratch["on-top.qcow2"]);
        var fault = Fault(_scratch["on-top.qcow2"], DiskFormat.Qcow2);
        Assert.Equal(GuestFault.Integrity, fault.Fault);
        Assert.Contains("backing file", fault.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void An_external_data_file_is_refused()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={_scratch["data.raw"]}", _scratch["outside.qcow2"], "16M");
        Assert.Contains("another file", Fault(_scratch["outside.qcow2"], DiskFormat.Qcow2).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void An_encrypted_disk_is_refused()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", _scratch["locked.qcow2"], "16M");
        using (var file = File.OpenWrite(_scratch["locked.qcow2"]))
        {
            // crypt_method, a big-endian number at byte 32 (QEMU's docs/interop/qcow2.txt): 2 is LUKS. qemu-img itself measures the
            // CPU to make such a disk, and gives up on a machine that is too busy.
            file.Position = 35;
            file.WriteByte(2);
        }

        Assert.Equal(GuestFault.Unsupported, Fault(_scratch["locked.qcow2"], DiskFormat.Qcow2).Fault);
    }

    [Fact]
    public void A_format_that_is_not_the_disks_is_said()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", _scratch["a.qcow2"], "16M");
        Assert.Equal(GuestFault.Input, Fault(_scratch["a.qcow2"], DiskFormat.Raw).Fault);
        Assert.Equal(GuestFault.Input, Fault(GuestDisks.Partitioned(_scratch["a.raw"], [null], 8), DiskFormat.Qcow2).Fault);
    }

    [Theory]
    [InlineData(4, 9)]
    [InlineData(72, 1UL << 40)]
    public void An_unknown_qcow2_is_refused(int offset, ulong value)
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", _scratch["odd.qcow2"], "16M");
        using (var file = File.OpenWrite(_scratch["odd.qcow2"]))
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
            file.Seek(offset, SeekOrigin.Begin);
            file.Write(offset == 4 ? bytes[4..] : bytes);
        }

        Assert.Equal(GuestFault.Integrity, Fault(_scratch["odd.qcow2"], DiskFormat.Qcow2).Fault);
    }

    [Fact]
    public async Task A_pipe_in_the_place_of_a_disk_is_not_waited_for()
    {
        Tool.Run("mkfifo", _scratch["disk.img"]);
        var fault = await Task.Run(() => Fault(_scratch.Folder, DiskFormat.Raw)).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Contains("is neither a file nor a block device", fault.Cause, StringComparison.Ordinal);
    }

    private static GuestException Fault(string path, DiskFormat format) =>
        Assert.Throws<GuestException>(() => GuestDisk.Open(path, format, forWriting: true));
}
