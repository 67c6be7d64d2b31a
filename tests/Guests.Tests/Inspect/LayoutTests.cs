using Guests.Engine;
using Guests.Seal;
using Lab;

namespace Guests.Tests.Inspect;

/// <summary>A disk as Red Hat's images have it, in qcow2: /boot on a partition of its own, XFS on LVM for the rest, an EFI partition.</summary>
[Collection(Launches.Name)]
[Trait("Suite", "Long")]
public sealed class LayoutTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Everything_of_a_system_on_several_filesystems_is_sealed()
    {
        var disk = Make();
        var log = new List<string>();
        var launch = new LaunchOptions { Appliance = Repository.Appliance };
        var options = new GuestEditOptions { Disk = disk, Format = DiskFormat.Qcow2, Launch = launch, Seal = SealPlan.Parse("") };
        var sealedDisk = GuestEdit.Run(options, null, log.Add, default);

        Assert.Equal("rhel", sealedDisk.System.Id);
        Assert.Equal(["/", "/boot", "/home", "/boot/efi"], sealedDisk.System.MountPoints);
        Assert.Contains("SELinux: the first boot labels all files (/.autorelabel) and restarts once", log);
        Tool.Run("qemu-img", "check", "-q", disk);

        var look = GuestCheck.Run(options, options.Seal!, log.Add, default);
        Assert.Empty(look.Findings);
        var judged = Guestfish(
            "--ro", "--format=qcow2", "-a", disk, "run", ":", "mount-ro", "/dev/vg-0/root", "/", ":", "mount-ro", "/dev/sda2", "/boot", ":", "mount-ro", "/dev/sda1", "/boot/efi", ":",
            "mount-ro", "/dev/vg-0/home", "/home", ":", "find", "/");
        Assert.Contains("home/alice/work", judged, StringComparison.Ordinal);
        Assert.Contains("boot/vmlinuz", judged, StringComparison.Ordinal);
        Assert.Contains(".autorelabel", judged, StringComparison.Ordinal);
        Assert.DoesNotContain("random-seed", judged, StringComparison.Ordinal);
        Assert.DoesNotContain(".bash_history", judged, StringComparison.Ordinal);
        Assert.DoesNotContain("goldenimage-edit", judged, StringComparison.Ordinal);
    }

    private string Make()
    {
        var tree = GuestDisks.BareSystem(_scratch, id: "rhel", prettyName: "Red Hat Enterprise Linux 9.4");
        GuestDisks.Put(tree, "etc/fstab",
            "/dev/mapper/vg--0-root / xfs defaults 0 0\nLABEL=boot /boot ext4 defaults 1 2\nLABEL=ESP /boot/efi vfat umask=0077 0 2\n/dev/vg-0/home /home xfs defaults 0 0\n/dev/vg-0/absent /opt xfs nofail 0 0\n");
        GuestDisks.Put(tree, "etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        GuestDisks.Put(tree, "usr/sbin/sshd", "program");
        GuestDisks.Put(tree, "usr/lib/systemd/systemd", "program");
        GuestDisks.Put(tree, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n");
        GuestDisks.Put(tree, "home/alice/.bash_history", "ls\n");
        GuestDisks.Put(tree, "home/alice/work", "work");
        GuestDisks.Put(tree, "boot/vmlinuz", "kernel");
        GuestDisks.Put(tree, "boot/efi/loader/random-seed", "seed");
        Tool.Run("tar", "-C", tree, "-cf", _scratch["tree.tar"], ".");
        var disk = _scratch["layout.qcow2"];
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", disk, "2G");
        Guestfish(
            "--format=qcow2", "-a", disk, "run", ":", "part-init", "/dev/sda", "gpt", ":", "part-add", "/dev/sda", "p", "2048", "206847", ":", "part-add", "/dev/sda", "p", "206848", "616447", ":",
            "part-add", "/dev/sda", "p", "616448", "4192255", ":", "mkfs", "vfat", "/dev/sda1", "label:ESP", ":", "mkfs", "ext4", "/dev/sda2", "label:boot", ":",
            "pvcreate", "/dev/sda3", ":", "vgcreate", "vg-0", "/dev/sda3", ":", "lvcreate", "root", "vg-0", "800", ":", "lvcreate", "home", "vg-0", "400", ":", "mkfs", "xfs", "/dev/vg-0/root", ":",
            "mkfs", "xfs", "/dev/vg-0/home", ":", "mount", "/dev/vg-0/root", "/", ":", "mkdir", "/boot", ":", "mount", "/dev/sda2", "/boot", ":", "mkdir", "/boot/efi", ":", "mount", "/dev/sda1", "/boot/efi", ":",
            "mkdir", "/home", ":", "mount", "/dev/vg-0/home", "/home", ":", "tar-in", _scratch["tree.tar"], "/");
        return disk;
    }

    private static string Guestfish(params string[] arguments)
    {
        var result = Tool.TryWith(
            "guestfish", arguments,
            new Dictionary<string, string>
            {
                ["LIBGUESTFS_BACKEND"] = "direct",
                ["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg",
                ["LIBGUESTFS_PATH"] = Repository.Appliance,
            },
            TimeSpan.FromMinutes(3));
        Assert.True(result.ExitCode == 0, result.All);
        return result.Output;
    }
}
