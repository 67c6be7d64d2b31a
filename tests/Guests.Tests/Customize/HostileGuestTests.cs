using System.Text;
using Guests.Customize;
using Guests.Customize.Language;
using Guests.Engine;
using Guests.Inspect;
using Lab;

namespace Guests.Tests.Customize;

/// <summary>One launch of a guest that does everything to lead an editor astray; each test customizes it a little.</summary>
[Collection(Launches.Name)]
public sealed class HostileGuestTests(HostileGuest hostile) : IClassFixture<HostileGuest>
{
    private IGuest Guest => hostile.Guest;

    [Fact]
    public void A_file_written_below_an_absolute_link_lands_inside_the_guest()
    {
        Apply("write /var/run/deep/er:x", fails: "deep is not there");
        Apply("mkdir /var/run/deep\nwrite /var/run/deep/er:x\ntouch /up/run/touched\n");
        Assert.Equal("x", Read("/run/deep/er"));
        Assert.Equal(GuestFileKind.Link, Guest.Stat("/var/run")!.Kind);
        Assert.NotNull(Guest.Stat("/run/touched"));
    }

    [Fact]
    public void A_tree_copied_onto_links_to_folders_keeps_the_links_and_the_folders_modes()
    {
        using var scratch = new Scratch();
        scratch.File("var/run/from-tree", "x");
        File.SetUnixFileMode(scratch["var"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Apply($"copy-in {scratch["var"]}:/");
        Assert.Equal("x", Read("/run/from-tree"));
        Assert.Equal(GuestFileKind.Link, Guest.Stat("/var/run")!.Kind);
        Assert.Equal(0x1ED, Guest.Stat("/var")!.Mode);
    }

    [Fact]
    public void A_key_is_not_written_through_a_link_in_the_home()
    {
        const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHq1yDbF0fJ0aO5g0gk9Yh1rHn7z7Zb2pV8X1mB0YcQ2 k";
        var fault = Apply($"ssh-inject root:string:{Key}", fails: "symbolic link");
        Assert.Equal(GuestFault.Integrity, fault!.Fault);
        Assert.Null(Guest.Stat("/etc/authorized_keys"));
        Apply($"delete /root/.ssh\nssh-inject root:string:{Key}\n");
        Apply($"ssh-inject root:string:{Key}");
        Assert.Equal(Key + "\n", Read("/root/.ssh/authorized_keys"));
        Assert.Equal((0x180, 0x1C0), (Guest.Stat("/root/.ssh/authorized_keys")!.Mode, Guest.Stat("/root/.ssh")!.Mode));
    }

    [Fact]
    public void Hosts_behind_an_absolute_link_is_edited_where_the_link_leads_in_the_guest()
    {
        Apply("hostname new.example");
        Assert.Equal("127.0.1.1 new.example\n", Read("/opt/hosts"));
        Assert.Equal(GuestFileKind.Link, Guest.Stat("/etc/hosts")!.Kind);
    }

    [Theory]
    [InlineData("append-line /etc/huge:x", "4194304")]
    [InlineData("append-line /loop/x:y", "more than 40")]
    [InlineData("append-line /dev-null:x", "not a regular file")]
    [InlineData("append-line /etc:x", "not a regular file")]
    [InlineData("write /etc:x", "something other than a file")]
    [InlineData("mkdir /etc/passwd/x", "not a directory")]
    [InlineData("copy-in /etc/hostname:/etc/passwd", "not a directory")]
    [InlineData("chmod 0644:/nothing", "no such file")]
    [InlineData("chown nobody:0:/etc", "no such name")]
    [InlineData("move /nothing:/x", "no such file")]
    [InlineData("timezone Europe/Prague", "no such time zone")]
    [InlineData("password nobody:disabled", "no user nobody")]
    [InlineData("ssh-inject broken:string:ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==", "is broken")]
    [InlineData("user new:uid=0", "uid 0 belongs to user root")]
    [InlineData("user root:uid=5", "is there already")]
    [InlineData("user a:groups=nowhere", "no such group")]
    [InlineData("group root:7", "is there already")]
    [InlineData("firstboot-install vim", "no package manager")]
    public void A_fault_names_the_command_and_the_cause(string command, string cause)
    {
        var fault = Apply("# one\n" + command, fails: cause);
        Assert.StartsWith("f:2", fault!.Subject, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
        Assert.NotEmpty(fault.Next);
    }

    [Fact]
    public void Accounts_full_of_foreign_bytes_are_changed_in_one_line_only()
    {
        var before = Guest.Read("/etc/passwd");
        Apply("user carol\npassword carol:disabled\n");
        var after = Guest.Read("/etc/passwd");
        Assert.True(after.AsSpan().StartsWith(before));
        Assert.Equal("carol:x:1001:1001::/home/carol:/bin/sh\n", Encoding.Latin1.GetString(after.AsSpan(before.Length)));
        Assert.Matches("carol:\\*:\\d+:0:99999:7:::\n$", Read("/etc/shadow"));
        Assert.Equal(0x1A0, Guest.Stat("/etc/shadow")!.Mode);
        Assert.Equal(1001, Guest.Stat("/home/carol/.profile")!.Uid);
    }

    [Fact]
    public void A_user_that_an_uploaded_list_brings_is_known()
    {
        var before = Guest.Read("/etc/passwd");
        using var scratch = new Scratch();
        Apply($"upload {scratch.File("passwd", "root:x:0:0:root:/root:/bin/sh\ndave:x:1700:1700::/opt:/bin/sh\n")}:/etc/passwd\npassword dave:locked\n");
        Assert.Matches("dave:!!\\*:", Read("/etc/shadow"));
        Guest.Write("/etc/passwd", before);
    }

    [Fact]
    public void A_failing_command_is_named_with_its_line_exit_code_and_last_output()
    {
        var fault = Apply("run-command echo fine\nrun-command echo one; echo two >&2; exit 3\nrun-command touch /not-reached\n", fails: "exit code 3");
        Assert.Equal((GuestFault.Command, "f:2: run-command"), (fault!.Fault, fault.Subject));
        Assert.Contains("one | two", fault.Cause, StringComparison.Ordinal);
        Assert.Null(Guest.Stat("/not-reached"));
        Assert.Null(Guest.Stat("/.goldenimage-run"));
    }

    [Fact]
    public void Commands_see_no_variable_of_ours_and_the_files_that_stand_before_them()
    {
        Environment.SetEnvironmentVariable("SECRET_OF_THE_STEP", "geheim");
        using var scratch = new Scratch();
        var script = scratch.File("script", "#!/bin/cat\nthe script itself\n");
        Apply($"write /opt/before:1\nrun-command cat /opt/before && set >/opt/variables && id >/opt/id; sleep 1000 & \nrun {script}\nwrite /opt/before:2\n");
        Assert.DoesNotContain("geheim", Read("/opt/variables"), StringComparison.Ordinal);
        Assert.StartsWith("uid=0(root)", Read("/opt/id"), StringComparison.Ordinal);
        Assert.Equal("2", Read("/opt/before"));
    }

    [Fact]
    public void A_script_is_run_by_the_interpreter_that_it_names()
    {
        using var scratch = new Scratch();
        Apply($"run {scratch.File("script", "#!/bin/nonsense\n")}", fails: "exit code 127 (not found in the guest)");
    }

    [Fact]
    public void A_guest_for_another_processor_runs_no_command_and_is_left_as_it_is()
    {
        var other = hostile.System with { Architecture = "s390x" };
        var fault = Apply("write /opt/never:x\nrun-command id\n", fails: "for s390x", system: other);
        Assert.Equal((GuestFault.Unsupported, "f:2: run-command"), (fault!.Fault, fault.Subject));
        Assert.Contains("firstboot-command", fault.Next, StringComparison.Ordinal);
        Assert.Null(Guest.Stat("/opt/never"));
    }

    [Fact]
    public void Scripts_for_the_first_boot_keep_their_order_and_run_once()
    {
        Apply("firstboot-command echo one >>/opt/order\nfirstboot-command echo two >>/opt/order; exit 5\n");
        Apply("firstboot-command echo three >>/opt/order\n");
        Apply("run-command /usr/lib/goldenimage/firstboot\nrun-command /usr/lib/goldenimage/firstboot\n");
        Assert.Equal("one\ntwo\nthree\n", Read("/opt/order"));
        Assert.Contains("0002-command: exit code 5", Read("/var/log/goldenimage-firstboot.log"), StringComparison.Ordinal);
        Assert.Equal(
            "/etc/systemd/system/goldenimage-firstboot.service",
            Guest.ReadLink("/etc/systemd/system/multi-user.target.wants/goldenimage-firstboot.service"));
    }

    [Fact]
    public void A_full_filesystem_is_said_with_the_command_that_filled_it()
    {
        using var scratch = new Scratch();
        using (var large = File.Create(scratch["large"]))
        {
            large.SetLength(80 << 20);
        }

        try
        {
            var fault = Apply($"write /opt/small:x\nupload {scratch["large"]}:/opt/large\n", fails: "full");
            Assert.Equal((GuestFault.Change, "f:2: upload"), (fault!.Fault, fault.Subject));
        }
        finally
        {
            Guest.RemoveFile("/opt/large");
        }
    }

    [Fact]
    public void A_local_file_that_goes_away_is_said_with_its_command()
    {
        using var scratch = new Scratch();
        var customization = Commands.Read($"upload {scratch.File("gone", "x")}:/opt/gone");
        File.Delete(scratch["gone"]);
        var fault = Assert.Throws<GuestException>(() => customization.Apply(Guest, hostile.System, _ => { }, CancellationToken.None));
        Assert.Equal(GuestFault.Input, fault.Fault);
        Assert.Contains("can no longer be read", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_with_SELinux_labels_its_files_at_its_first_boot()
    {
        Guest.Write("/usr/sbin/load_policy", "x"u8);
        Guest.MakeDirectories("/etc/selinux");
        Guest.Write("/etc/selinux/config", "SELINUX=disabled\n"u8);
        Apply("touch /opt/a");
        Assert.Null(Guest.Stat("/.autorelabel"));
        Guest.Write("/etc/selinux/config", "SELINUX=enforcing\n"u8);
        Apply("touch /opt/b");
        Assert.NotNull(Guest.Stat("/.autorelabel"));
        Guest.RemoveFile("/.autorelabel");
        Guest.RemoveFile("/etc/selinux/config");
    }

    private string Read(string path) => Encoding.UTF8.GetString(Guest.Read(path));

    private GuestException? Apply(string text, string? fails = null, GuestSystem? system = null)
    {
        var mistakes = new List<Mistake>();
        var customization = Customization.Read([new CommandSource("f", text, null, false)], false, mistakes);
        Assert.Empty(mistakes);
        void Run() => customization!.Apply(Guest, system ?? hostile.System, _ => { }, CancellationToken.None);
        if (fails is null)
        {
            Run();
            return null;
        }

        var fault = Assert.Throws<GuestException>(Run);
        Assert.Contains(fails, fault.Message, StringComparison.Ordinal);
        return fault;
    }
}

/// <summary>The guest, started once for all of these tests.</summary>
public sealed class HostileGuest : IDisposable
{
    private readonly Scratch _scratch = new();

    public HostileGuest()
    {
        var tiny = new TinyGuest(_scratch).Basics()
            .Link("/var/run", "/run")
            .Link("/up", "../../../../..")
            .Link("/root/.ssh", "/etc")
            .Link("/loop", "/loop")
            .Link("/dev-null", "/dev/fifo")
            .File("/opt/hosts", "127.0.1.1 tiny\n")
            .File("/etc/huge", new string('x', (4 << 20) + 1))
            .File("/etc/skel/.profile", "skel\n");
        Tool.Run("mkfifo", tiny.Tree + "/dev/fifo");
        File.Delete(tiny.Tree + "/etc/hosts");
        tiny.Link("/etc/hosts", "/opt/hosts");
        File.WriteAllBytes(tiny.Tree + "/etc/passwd", [.. "root:x:0:0:r\xffo\x00t:/root:/bin/sh\n:::\nbroken:x:one:2\n#\nbob:x:1000:1000::/home/bob:/bin/sh\n"u8]);
        Guest = GuestLauncher.Launch(
            GuestDisk.Open(tiny.Build(), DiskFormat.Raw, forWriting: true),
            new LaunchOptions { Accelerator = Accelerator.Tcg, Appliance = Repository.Appliance, MemoryMiB = 512 },
            _ => { },
            CancellationToken.None);
        System = GuestInspector.Mount(Guest, readOnly: false, _ => { });
    }

    public IGuest Guest { get; }

    public GuestSystem System { get; }

    public void Dispose()
    {
        Guest.Dispose();
        _scratch.Dispose();
    }
}
