using Guests.Engine;
using Guests.Inspect;
using Guests.Seal;
using Lab;

namespace Guests.Tests.Seal;

/// <summary>
/// Three launches: what the check finds on a planted disk; its sealing; and the sealed disk read by guestfish, which knows
/// nothing of us.
/// </summary>
public sealed class SealedDisk : IDisposable
{
    private readonly Scratch _scratch = new();

    public SealedDisk()
    {
        var path = PlantedDisk.Make(_scratch);
        var keys = AuthorizedKeys.Parse(PlantedDisk.KeptKey);
        var launch = new LaunchOptions { Appliance = Repository.Appliance };
        var options = new GuestEditOptions { Disk = path, Launch = launch, Seal = SealPlan.Parse("", keys) };
        Found = GuestCheck.Run(options, options.Seal, Log.Add, default);
        Sealed = GuestEdit.Run(options, change: null, Log.Add, default);
        Judge = new Judge(path, _scratch["judge"]);
    }

    public List<string> Log { get; } = [];

    public GuestCheckReport Found { get; }

    public GuestEditReport Sealed { get; }

    internal Judge Judge { get; }

    public void Dispose() => _scratch.Dispose();
}

[Collection(Launches.Name)]
public sealed class SealedDiskTests(SealedDisk disk) : IClassFixture<SealedDisk>
{
    [Fact]
    public void The_check_finds_everything_that_was_planted_and_names_what_removes_it()
    {
        var found = disk.Found.Findings.Select(finding => (finding.Path, finding.Operation)).ToHashSet();
        Assert.All(PlantedDisk.Identity, identity => Assert.Contains(identity, found));
    }

    [Fact]
    public void The_check_finds_nothing_else()
    {
        string[] more =
        [
            "/var/lib/cloud/instances/iid-1", "/etc/gshadow", "/etc/gshadow-", "/home/bob/.viminfo", "/home/bob/.bash_history", "/home/alice/.lesshst", "/etc/passwd-",
            "/etc/random-seed", "/var/spool/abrt/elsewhere", "/var/lib/dhclient/keep",
            "/dev/sda3", "/home/extra/.netrc", "/var/log/bad\u0001\udcffname.log", "/var/log/app/app.log", "/var/log/wtmp",
        ];
        var planted = PlantedDisk.Identity.Select(identity => identity.Path).Concat(more);
        Assert.All(disk.Found.Findings, finding => Assert.Contains(finding.Path, planted));
    }

    [Fact]
    public void The_check_accepts_a_key_on_the_allow_list_and_no_other()
    {
        var keys = disk.Found.Findings.Where(finding => finding.Path == "/root/.ssh/authorized_keys").ToList();
        Assert.Contains("vendor@build", Assert.Single(keys).What, StringComparison.Ordinal);
    }

    [Fact]
    public void The_check_tells_hashes_apart_from_locks()
    {
        var hashes = disk.Found.Findings.Where(finding => finding.Operation == "password-hashes").Select(finding => finding.What);
        Assert.Equal(["password hash of root", "locked password hash of alice", "empty password of open", "password hash of secret"], hashes);
    }

    [Fact]
    public void The_system_is_recognized()
    {
        var system = disk.Sealed.System;
        Assert.Equal(("debian", "12", "Debian GNU/Linux 12 (bookworm)", "x86_64"), (system.Id, system.VersionId, system.PrettyName, system.Architecture));
        Assert.Equal(["/", "/home/extra"], system.MountPoints);
        Assert.Contains("/data: UUID=dead-beef is not on this disk, left out", disk.Log);
    }

    [Fact]
    public void A_filesystem_that_is_not_mounted_is_a_finding_and_a_warning()
    {
        var finding = Assert.Single(disk.Found.Findings, finding => finding.Operation == "filesystems");
        Assert.Equal("/dev/sda3: ext4 filesystem that was not looked at: its directory /absent is not there (accepted with -filesystems)", finding.ToString());
        Assert.Contains(disk.Found.Findings, found => found.Path == "/home/extra/.netrc");
        Assert.Contains("warning: /dev/sda3 (ext4) is not sealed: its directory /absent is not there", disk.Log);
    }

    [Fact]
    public void Sealing_leaves_an_empty_machine_id_and_a_link_to_it()
    {
        Assert.Equal(("File", 0L), disk.Judge.Kind("/etc/machine-id"));
        Assert.Equal("/etc/machine-id", disk.Judge.Link("/var/lib/dbus/machine-id"));
    }

    [Fact]
    public void Sealing_removes_what_was_planted()
    {
        string[] stay = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/shadow", "/root/.ssh/authorized_keys", "/etc/iscsi/initiatorname.iscsi", "/etc/sysconfig/network-scripts/ifcfg-eth0", "/srv/keys/alice.pub"];
        Assert.All(PlantedDisk.Identity.Where(identity => !stay.Contains(identity.Path)), identity => Assert.False(disk.Judge.Has(identity.Path), identity.Path));
        Assert.All(PlantedDisk.Clutter, path => Assert.False(disk.Judge.Has(path), path));
    }

    [Fact]
    public void Sealing_keeps_what_is_not_identity()
    {
        Assert.All(PlantedDisk.Untouched, path => Assert.True(disk.Judge.Has(path), path));
        Assert.Equal(("File", 0L), disk.Judge.Kind("/var/log/wtmp"));
        Assert.True(disk.Judge.Has("/var/log/app"));
        Assert.True(disk.Judge.Has("/var/log/journal"));
        Assert.True(disk.Judge.Has("/tmp"));
    }

    [Fact]
    public void Only_the_kept_key_is_left()
    {
        Assert.Equal($"# ours\n{PlantedDisk.KeptKey}\n", disk.Judge.Text("/srv/keys/alice.pub"));
        Assert.Equal($"{PlantedDisk.KeptKey} platform\n", disk.Judge.Text("/root/.ssh/authorized_keys"));
        Assert.False(disk.Judge.Has("/root/.ssh/known_hosts"));
        Assert.False(disk.Judge.Has("/home/alice/.ssh"));
    }

    [Fact]
    public void Passwords_are_locked_and_the_files_stay_well_formed()
    {
        Assert.Equal("root:*:19000:0:99999:7:::\nalice:*:19000::::::\npostgres:*:19000::::::\nopen:*:19000::::::\nlocked:!:19000::::::\nnobody:!*:1::::::\n", disk.Judge.Text("/etc/shadow"));
        Assert.Equal("root:*::\nwheel:::alice\nsecret:*::\n", disk.Judge.Text("/etc/gshadow"));
        Assert.Equal(0b110_100_000, disk.Judge.Mode("/etc/shadow"));
        Assert.Equal(0b111_000_000, disk.Judge.Mode("/root/.ssh"));
    }

    [Fact]
    public void Lines_of_one_machine_go_from_shared_files()
    {
        Assert.Equal("DEVICE=eth0\nONBOOT=yes\n", disk.Judge.Text("/etc/sysconfig/network-scripts/ifcfg-eth0"));
        Assert.Equal("GenerateName=yes\n", disk.Judge.Text("/etc/iscsi/initiatorname.iscsi"));
    }

    [Fact]
    public void A_guest_that_would_have_no_host_keys_gets_a_unit_that_makes_them()
    {
        const string unit = "/etc/systemd/system/goldenimage-ssh-host-keys.service";
        Assert.Contains("ssh-keygen -q", disk.Judge.Text(unit), StringComparison.Ordinal);
        Assert.Equal(unit, disk.Judge.Link("/etc/systemd/system/multi-user.target.wants/goldenimage-ssh-host-keys.service"));
        Assert.Equal(unit, disk.Judge.Link("/etc/systemd/system/ssh.service.wants/goldenimage-ssh-host-keys.service"));
        Assert.Contains(disk.Log, line => line.Contains("goldenimage-ssh-host-keys.service was added", StringComparison.Ordinal));
    }

    [Fact]
    public void A_link_may_move_data_elsewhere_but_not_make_us_empty_etc()
    {
        Assert.False(disk.Judge.Has("/home/bob/.ssh"));
        Assert.False(disk.Judge.Has("/etc/random-seed"));
        Assert.True(disk.Judge.Has("/etc/hosts.d/keep"));
        Assert.True(disk.Judge.Has("/etc/ssh/sshd_config"));
        Assert.True(disk.Judge.Has("/var/spool/abrt"));
        Assert.False(disk.Judge.Has("/data/elsewhere"));
        Assert.Contains("/var/lib/dhclient is a link to /etc/hosts.d: left alone", disk.Log);
    }

    [Fact]
    public void Names_that_are_no_text_are_removed_too()
    {
        Assert.Empty(disk.Judge.Below("/tmp"));
        Assert.Equal(["/var/log/README", "/var/log/app", "/var/log/journal", "/var/log/many", "/var/log/wtmp"], disk.Judge.Below("/var/log"));
    }

    [Fact]
    public void Strange_files_neither_hang_the_seal_nor_survive_it()
    {
        Assert.False(disk.Judge.Has("/home/bob/.bash_history"));
        Assert.False(disk.Judge.Has("/home/bob/.viminfo"));
        Assert.True(disk.Judge.Has("/etc/pipe.key"));
    }

    [Fact]
    public void No_mark_is_left() => Assert.False(disk.Judge.Has(GuestEdit.Mark));

    [Fact]
    public void Log_lines_hold_no_control_characters() => Assert.DoesNotContain(disk.Log, line => line.Any(char.IsControl));

    [Fact]
    public void The_phases_are_timed() =>
        Assert.Equal(["launch", "inspect", "seal", "seal again", "finish", "flush"], disk.Sealed.Phases.Select(phase => phase.Key));
}
