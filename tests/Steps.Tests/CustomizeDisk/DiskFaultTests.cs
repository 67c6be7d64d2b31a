using Lab;

namespace Steps.Tests.CustomizeDisk;

/// <summary>Disks that customize-disk must refuse, or cannot write.</summary>
[Collection(Launches.Name)]
public sealed class DiskFaultTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_truncated_disk_ends_with_5_before_anything_is_started()
    {
        var disk = GuestDisks.Partitioned(_scratch["cut.img"], [null], 16);
        using (var file = File.OpenWrite(disk))
        {
            file.SetLength(8 << 20);
        }

        var result = Run(disk);
        Assert.True(result.ExitCode == 5, result.All);
        Assert.Contains("is truncated", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("appliance", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Suite", "Long")]
    public void A_disk_without_a_system_ends_with_6()
    {
        var result = Run(GuestDisks.Partitioned(_scratch["none.img"], [null]));
        Assert.True(result.ExitCode == 6, result.All);
        Assert.Contains("no operating system was found (no filesystem at all)", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Suite", "Long")]
    public void A_disk_with_two_systems_ends_with_6_and_neither_is_touched()
    {
        var tree = GuestDisks.BareSystem(_scratch);
        var disk = GuestDisks.Partitioned(_scratch["two.img"], [tree, tree]);
        var before = Tool.Run("sha256sum", disk).Output;
        var result = Run(disk);
        Assert.True(result.ExitCode == 6, result.All);
        Assert.Contains("holds 2 operating systems", result.Error, StringComparison.Ordinal);
        Assert.Equal(before, Tool.Run("sha256sum", disk).Output);
    }

    [Fact]
    [Trait("Suite", "Long")]
    public void A_full_volume_ends_with_4_and_the_disk_is_to_be_thrown_away()
    {
        Directory.CreateDirectory(_scratch["volume"]);
        GuestDisks.Whole(_scratch["volume/disk.img"], GuestDisks.BareSystem(_scratch), 64);
        var sandbox = new Sandbox(new Dictionary<string, string> { ["/mnt/volume"] = _scratch["volume"] })
        {
            More = ["--size", "1048576", "--tmpfs", "/mnt/small"],
        };
        var result = sandbox.Run(
            "sh", "-c",
            """
            cp --sparse=always /mnt/volume/disk.img /mnt/small/disk.img || exit 99
            dd if=/dev/zero of=/mnt/small/ballast bs=4096 2>/dev/null; truncate -s -8192 /mnt/small/ballast
            exec "$0" --disk=/mnt/small --commands='write /etc/motd:hello'
            """, Repository.Step("customize-disk"));
        Assert.True(result.ExitCode == 4, result.All);
        Assert.Contains("/mnt/small/disk.img: its volume is full", result.Error, StringComparison.Ordinal);
        Assert.Contains("make the volume larger and start again from a new clone", result.Error, StringComparison.Ordinal);
    }

    // In the sandbox, a script stands in the place of QEMU and any device in that of KVM. The real QEMU takes the place of
    // another program of its folder, by which it finds its files.
    [Fact]
    [Trait("Suite", "Long")]
    public void A_KVM_that_hangs_is_found_out_and_emulation_taken()
    {
        const string real = "/usr/bin/mcopy";
        var volume = Directory.CreateDirectory(_scratch["volume"]).FullName;
        File.Move(new TinyGuest(_scratch).Basics().Build(), Path.Combine(volume, "disk.img"));
        var script = _scratch.File("qemu", $"#!/bin/sh\ncase \" $* \" in *' -accel kvm '*) exec sleep 600;; esac\nexec {real} \"$@\"\n");
        Tool.Run("chmod", "755", script);
        var sandbox = new Sandbox(new Dictionary<string, string> { ["/mnt/volume"] = volume })
        {
            More =
            [
                "--dev-bind", "/dev/null", "/dev/kvm",
                "--ro-bind", "/usr/bin/qemu-system-x86_64", real, "--ro-bind", script, "/usr/bin/qemu-system-x86_64",
            ],
        };
        var result = sandbox.Run(Repository.Step("customize-disk"), "--disk=/mnt/volume", "--commands=hostname x", "--memory=512Mi");
        Assert.True(result.ExitCode == 0, result.All);
        Assert.Contains("accelerator: emulation (/dev/kvm opens, but a kernel under KVM said nothing for 4 s)", result.Error, StringComparison.Ordinal);
    }

    private static ToolResult Run(string disk) =>
        Tool.Try(Repository.Step("customize-disk"), $"--disk={disk}", "--commands=hostname x", "--accelerator=tcg", "--memory=512Mi");
}
