using System.Diagnostics;
using System.Text;
using Guests.Engine;
using Guests.Inspect;
using Lab;

namespace Guests.Tests.Engine;

/// <summary>One appliance on a disk of five partitions: two systems, data, a broken filesystem, and a tiny one.</summary>
public sealed class FivePartitions : IDisposable
{
    private readonly Scratch _scratch = new();

    public FivePartitions()
    {
        var debian = GuestDisks.BareSystem(_scratch, "debian");
        var fedora = GuestDisks.BareSystem(_scratch, "fedora", "fedora", "Fedora Linux 42");
        var data = _scratch["data"];
        Directory.CreateDirectory(Path.Combine(data, "folder"));
        GuestDisks.Put(data, "folder/file", "content");
        Disk = GuestDisks.Partitioned(_scratch["disk.img"], [debian, fedora, data, data, data], 48, 48, 1024, 48, 8);
        // The group descriptors, after the superblock by which blkid knows ext4.
        Tool.Run("dd", "if=/dev/urandom", $"of={Disk}", "bs=1024", "count=256", $"seek={((1 + 48 + 48 + 1024) * 1024) + 2}", "conv=notrunc", "status=none");
        Directory.CreateDirectory(Temporary);
        Options = Hypervisors.OptionsWith(_scratch, Temporary, "sleep 600", "exit 1");
        Guest = GuestLauncher.Launch(GuestDisk.Open(Disk, DiskFormat.Raw, forWriting: true), Options, Log.Add, Cancel.Token);
    }

    public string Disk { get; }

    public string Temporary => _scratch["tmp"];

    public LaunchOptions Options { get; }

    public IGuest Guest { get; }

    public CancellationTokenSource Cancel { get; } = new();

    public List<string> Log { get; } = [];

    public string File(string name, string content) => _scratch.File(name, content);

    public void Dispose()
    {
        Guest.Dispose();
        Cancel.Dispose();
        _scratch.Dispose();
    }
}

[Collection(Launches.Name)]
public sealed class LibguestfsGuestTests(FivePartitions fixture) : IClassFixture<FivePartitions>
{
    private readonly IGuest _guest = fixture.Guest;

    [Fact]
    public void A_KVM_that_hangs_every_boot_is_found_out_said_and_replaced_by_emulation()
    {
        Assert.Equal("accelerator: emulation (/dev/null opens, but a kernel under KVM said nothing for 4 s)", fixture.Log[0]);
        Assert.StartsWith("appliance started in", fixture.Log[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_removed_is_overwritten_with_the_free_space()
    {
        const string secret = "a secret that was removed 5d1f0c";
        _guest.UnmountAll();
        _guest.Mount("/dev/sda5", "/", "ext4", readOnly: false);
        _guest.Write("/secret", Encoding.UTF8.GetBytes(secret));
        _guest.Sync();
        Assert.True(Holds());
        _guest.RemoveFile("/secret");
        // ext4 reuses a freed block only when its journal has been told.
        _guest.Sync();
        _guest.ZeroFreeSpace("/");
        _guest.Sync();
        Assert.False(Holds());

        bool Holds() => Tool.Try("grep", "-qaF", secret, fixture.Disk).ExitCode == 0;
    }

    [Fact]
    public void Two_systems_are_named_with_their_devices()
    {
        _guest.UnmountAll();
        var fault = Assert.Throws<GuestException>(() => GuestInspector.Mount(_guest, readOnly: true, _ => { }));
        Assert.Equal(GuestFault.Unsupported, fault.Fault);
        Assert.Equal("holds 2 operating systems: Debian GNU/Linux 12 (bookworm) on /dev/sda1, Fedora Linux 42 on /dev/sda2", fault.Cause);
    }

    [Fact]
    public void No_system_is_said_with_what_there_is()
    {
        _guest.UnmountAll();
        var fault = Assert.Throws<GuestException>(() => GuestInspector.Mount(Narrowed.To(_guest, "/dev/sda3"), readOnly: true, _ => { }));
        Assert.Equal((GuestFault.Unsupported, "no operating system was found (/dev/sda3: ext4)"), (fault.Fault, fault.Cause));
    }

    [Fact]
    public void A_broken_filesystem_is_no_missing_system()
    {
        _guest.UnmountAll();
        var fault = Assert.Throws<GuestException>(() => GuestInspector.Mount(Narrowed.To(_guest, "/dev/sda4"), readOnly: true, _ => { }));
        Assert.Equal((GuestFault.Integrity, "/dev/sda4"), (fault.Fault, fault.Subject));
        Assert.Contains("cannot be mounted", fault.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void One_system_among_other_partitions_is_mounted()
    {
        _guest.UnmountAll();
        var system = GuestInspector.Mount(Narrowed.To(_guest, "/dev/sda2", "/dev/sda3"), readOnly: true, _ => { });
        Assert.True(system.IsLike("fedora") && system.IsLike("linux"));
        Assert.Equal("x86_64", system.Architecture);
    }

    [Fact]
    public void Files_are_what_they_are()
    {
        MountData();
        _guest.Write("/a", "one"u8);
        _guest.Link("/a", "/link");
        _guest.Link("/nowhere", "/dangling");
        _guest.MakeDirectories("/deep/er");
        _guest.ChangeMode("/a", 0b110_100_000);
        _guest.ChangeOwner("/a", 1000, 1001);
        Assert.Equal(new GuestFile(GuestFileKind.File, 0b110_100_000, 1000, 1001, 3), _guest.Stat("/a"));
        Assert.Equal(GuestFileKind.Link, _guest.Stat("/link")?.Kind);
        Assert.Equal(GuestFileKind.File, _guest.StatTarget("/link")?.Kind);
        Assert.Equal(("/a", "/a"), (_guest.ReadLink("/link"), _guest.RealPath("/link")));
        Assert.True(_guest.Exists("/link"));
        Assert.False(_guest.Exists("/dangling"));
        Assert.Null(_guest.RealPath("/dangling"));
        Assert.Null(_guest.Stat("/a/below-a-file"));
        Assert.Null(_guest.Stat("/absent"));
        Assert.Equal(GuestFileKind.Directory, _guest.Stat("/deep/er")?.Kind);
        _guest.Link("/b", "/link");
        Assert.Equal("/b", _guest.ReadLink("/link"));
        _guest.CopyAttributes("/a", "/folder/file");
        Assert.Equal(1000, _guest.Stat("/folder/file")?.Uid);
        _guest.Truncate("/a");
        Assert.Equal(0, _guest.Stat("/a")?.Size);
        _guest.Touch("/touched");
        Assert.True(_guest.Exists("/touched"));
    }

    [Fact]
    public void Content_goes_in_and_out_of_any_size()
    {
        MountData();
        var large = new byte[9_000_000];
        new Random(1).NextBytes(large);
        File.WriteAllBytes(fixture.File("large", ""), large);
        _guest.Upload(fixture.File("small", "uploaded"), "/small");
        Assert.Equal("uploaded", Encoding.UTF8.GetString(_guest.Read("/small")));
        _guest.Write("/large", large);
        Assert.Equal(large, _guest.Read("/large", limit: large.Length));
        Assert.Equal(large[..100], _guest.ReadStart("/large", 100));
        _guest.Write("/empty", default);
        Assert.Empty(_guest.Read("/empty"));
        Assert.Equal(GuestFault.TooLarge, Assert.Throws<GuestException>(() => _guest.Read("/large")).Fault);
        Assert.Throws<GuestException>(() => _guest.Read("/folder"));
        Assert.Throws<GuestException>(() => _guest.Read("/absent"));
        Assert.Throws<GuestException>(() => _guest.Write("/folder", "x"u8));
    }

    [Fact]
    public void Names_may_be_any_bytes()
    {
        MountData();
        var name = "/odd/" + GuestText.Decode([(byte)'a', 0xff, (byte)'\n', (byte)'*', 0x80]);
        _guest.MakeDirectories("/odd");
        _guest.Write(name, "x"u8);
        Assert.Equal([name[5..]], _guest.List("/odd"));
        Assert.All((string[])["/odd", "/odd/", "/odd//"], folder => Assert.Equal([name], _guest.Find(folder)));
        Assert.All(_guest.Find("/"), path => Assert.DoesNotContain("//", path, StringComparison.Ordinal));
        Assert.Equal([name], _guest.Glob("/odd/a*"));
        _guest.RemoveTree(name);
        Assert.Empty(_guest.List("/odd"));
    }

    [Fact]
    public void What_is_absent_lists_as_nothing_and_is_removed_without_fault()
    {
        MountData();
        Assert.Empty(_guest.List("/absent"));
        Assert.Empty(_guest.Find("/absent"));
        Assert.Empty(_guest.Glob("/absent/*"));
        _guest.RemoveFile("/absent");
        _guest.RemoveTree("/absent/deeper");
    }

    [Fact]
    public void Many_names_are_listed()
    {
        MountData();
        var tar = fixture.File("many.tar", "");
        Tool.Run("sh", "-c", "d=$(mktemp -d) && cd $d && mkdir many && seq -f 'many/a-rather-long-name-to-fill-a-reply-%g' 1 5000 | xargs touch && tar cf \"$1\" many && rm -rf $d", "sh", tar);
        _guest.ExtractTar(tar, "/");
        Assert.Equal(5000, _guest.List("/many").Count);
        Assert.Equal(5000, _guest.Find("/many").Count);
        _guest.RemoveTree("/many");
        Assert.False(_guest.Exists("/many"));
    }

    [Fact]
    public void Absolute_links_stay_in_the_guest()
    {
        MountData();
        _guest.MakeDirectories("/usr/target/tree");
        _guest.Write("/usr/target/tree/file", "guest"u8);
        _guest.Link("/usr/target", "/absolute");
        Assert.Equal("guest", Encoding.UTF8.GetString(_guest.Read("/absolute/tree/file")));
        Assert.Equal("/usr/target/tree", _guest.RealPath("/absolute/tree"));
        _guest.Copy("/absolute/tree", "/absolute/copy");
        Assert.True(_guest.Exists("/usr/target/copy/file"));
        _guest.Move("/absolute/copy", "/absolute/moved");
        Assert.True(_guest.Exists("/usr/target/moved/file"));
        _guest.Link("x", "/absolute/new-link");
        Assert.Equal("x", _guest.ReadLink("/usr/target/new-link"));
        _guest.RemoveTree("/absolute/tree");
        Assert.False(_guest.Exists("/usr/target/tree"));
        _guest.RemoveTree("/absolute");
        Assert.True(_guest.Exists("/usr/target/moved/file"));
        Assert.Throws<GuestException>(() => _guest.RemoveTree("/usr/.."));
    }

    [Fact]
    public void A_full_filesystem_is_said()
    {
        _guest.UnmountAll();
        _guest.Mount("/dev/sda5", "/", "ext4", readOnly: false);
        var fault = Assert.Throws<GuestException>(() => _guest.Write("/full", new byte[16 << 20]));
        _guest.RemoveFile("/full");
        Assert.Equal(GuestFault.Change, fault.Fault);
        Assert.Contains("the guest's filesystem is full", fault.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void Filesystems_have_names()
    {
        Assert.Equal(["/dev/sda1", "/dev/sda2", "/dev/sda3", "/dev/sda4", "/dev/sda5"], _guest.Partitions());
        Assert.Empty(_guest.LogicalVolumes());
        Assert.Equal(("ext4", "system"), (_guest.FilesystemType("/dev/sda1"), _guest.FilesystemLabel("/dev/sda1")));
        Assert.Equal(Tool.Run("blkid", "-p", "-O", (1 << 20).ToString(), "-s", "UUID", "-o", "value", fixture.Disk).Output.Trim(), _guest.FilesystemUuid("/dev/sda1"));
        Assert.Equal(
            Tool.Run("sfdisk", "--part-uuid", fixture.Disk, "2").Output.Trim(), _guest.PartitionUuid("/dev/sda2"), ignoreCase: true);
    }

    [Fact]
    public void A_disk_in_use_is_said_at_once()
    {
        var clock = Stopwatch.StartNew();
        var disk = GuestDisk.Open(fixture.Disk, DiskFormat.Raw, forWriting: true);
        var fault = Assert.Throws<GuestException>(() => GuestLauncher.Launch(disk, fixture.Options, _ => { }, default));
        Assert.Equal((GuestFault.Access, "is in use by another process"), (fault.Fault, fault.Cause));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    private void MountData()
    {
        _guest.UnmountAll();
        _guest.Mount("/dev/sda3", "/", "ext4", readOnly: false);
    }
}
