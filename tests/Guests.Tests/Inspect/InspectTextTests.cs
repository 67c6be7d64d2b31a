using FsCheck;
using FsCheck.Fluent;
using Guests.Inspect;

namespace Guests.Tests.Inspect;

public sealed class InspectTextTests
{
    private static readonly GuestFilesystem[] Disk =
    [
        Filesystem("/dev/sda1", "ext4", "1111-AAAA", "root fs", "part-1"),
        Filesystem("/dev/sda15", "vfat", "8A5C-1F3B", "UEFI", "part-15"),
        Filesystem("/dev/vg-0/lv_home", "xfs", "2222", "", ""),
        Filesystem("/dev/sda2", "LVM2_member", "", "", "part-2"),
    ];

    [Fact]
    public void Os_release_is_read_as_its_manual_says()
    {
        var release = OsRelease.Parse("# comment\nNAME=\"Red Hat\"\nID=\"rhel\"\nID_LIKE='fedora  centos'\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"RHEL \\\"Plow\\\" 9.4\"\nID=\"RHEL\"\n");
        Assert.Equal(("rhel", "9.4", "RHEL \"Plow\" 9.4"), (release.Id, release.VersionId, release.PrettyName));
        Assert.Equal(["fedora", "centos"], release.IdLike);
    }

    [Fact]
    public void A_hostile_name_is_one_short_line()
    {
        var release = OsRelease.Parse($"ID=../../x y$(id)\nPRETTY_NAME=\"\u001b[2J\u202eevil{new string('x', 500)}\"");
        Assert.Equal("....xyid", release.Id);
        Assert.StartsWith("[2Jevilxxx", release.PrettyName, StringComparison.Ordinal);
        Assert.Equal(80, release.PrettyName.Length);
    }

    [Fact]
    public void What_is_missing_has_the_defaults_of_the_manual()
    {
        var release = OsRelease.Parse("");
        Assert.Equal(("linux", "", "Linux"), (release.Id, release.VersionId, release.PrettyName));
    }

    [Fact]
    public void Fstab_gives_places_parents_first()
    {
        var entries = Fstab.Parse("UUID=x /boot/efi vfat umask=0077 0 1\n#UUID=no /no ext4\n\t/dev/vda2\t/boot  ext4\n  \nUUID=\"q\" / xfs defaults 0 0\nnone none swap sw\nLABEL=a\\040b /mnt/with\\040blank/ ext4 ro,nofail\n");
        Assert.Equal(["/", "/boot", "/boot/efi", "/mnt/with blank"], entries.Select(entry => entry.MountPoint));
        Assert.Equal("UUID=q", entries[0].Device);
        Assert.Equal(("LABEL=a b", "nofail"), (entries[3].Device, entries[3].Options[1]));
    }

    [Theory]
    [InlineData("/dev/vda1 /../etc ext4")]
    [InlineData("/dev/vda1 relative ext4")]
    [InlineData("/dev/vda1 /only-two")]
    public void What_is_malformed_is_passed_over(string line) => Assert.Empty(Fstab.Parse(line));

    [Fact]
    public void No_text_makes_the_parsers_fail() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
    {
        var escaped = (text ?? "") + "\\0 \\ /a\\04 b c";
        _ = OsRelease.Parse(escaped);
        return Fstab.Parse(escaped).Count <= 64;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("UUID=1111-aaaa", "/dev/sda1")]
    [InlineData("LABEL=root fs", "/dev/sda1")]
    [InlineData("PARTUUID=PART-15", "/dev/sda15")]
    [InlineData("PARTLABEL=name of /dev/sda2", "/dev/sda2")]
    [InlineData("/dev/disk/by-partlabel/name of /dev/sda15", "/dev/sda15")]
    [InlineData("PARTLABEL=", null)]
    [InlineData("/dev/disk/by-uuid/8A5C-1F3B", "/dev/sda15")]
    [InlineData("/dev/disk/by-label/UEFI", "/dev/sda15")]
    [InlineData("/dev/vda15", "/dev/sda15")]
    [InlineData("/dev/nvme0n1p1", "/dev/sda1")]
    [InlineData("/dev/xvda2", "/dev/sda2")]
    [InlineData("/dev/vg-0/lv_home", "/dev/vg-0/lv_home")]
    [InlineData("/dev/mapper/vg--0-lv_home", "/dev/vg-0/lv_home")]
    [InlineData("/dev/sdb1", null)]
    [InlineData("/dev/vda", null)]
    [InlineData("UUID=", null)]
    [InlineData("LABEL=", null)]
    [InlineData("server:/export", null)]
    public void A_guests_name_of_a_device_is_found_on_the_disk(string name, string? device) => Assert.Equal(device, DeviceNames.Resolve(name, Disk)?.Device);

    [Theory]
    [InlineData("7f454c46020101000000000000000000 0300 3e00", "x86_64")]
    [InlineData("7f454c46020101000000000000000000 0300 b700", "aarch64")]
    [InlineData("7f454c46020201000000000000000000 0003 0016", "s390x")]
    [InlineData("7f454c46020201000000000000000000 0003 003e", "")]
    [InlineData("7f454c4602", "")]
    [InlineData("23212f62696e2f73680a2020202020202020202020", "")]
    public void The_architecture_is_a_programs(string header, string machine) =>
        Assert.Equal(machine, ElfMachine.Of(Convert.FromHexString(header.Replace(" ", "", StringComparison.Ordinal))));

    private static GuestFilesystem Filesystem(string device, string type, string uuid, string label, string partition) =>
        new(device, type, () => uuid, () => label, () => partition) { PartitionLabel = () => $"name of {device}" };
}
