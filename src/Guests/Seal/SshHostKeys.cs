using System.Text;
using Guests.Engine;

namespace Guests.Seal;

/// <summary>
/// <c>ssh-hostkeys</c>. Red Hat's and SUSE's sshd make missing keys when they start. Debian's package makes them only when
/// it is installed, and cloud-init only where it finds a data source: without keys such an sshd does not start, so the guest
/// gets a unit that makes them.
/// </summary>
internal sealed class SshHostKeysOperation : SealOperation
{
    internal const string Unit = "goldenimage-ssh-host-keys.service";

    private const string UnitFolder = "/etc/systemd/system";

    private static readonly string[] Keys = ["/etc/ssh/ssh_host_*", "/etc/dropbear/dropbear_*_host_key", "/etc/dropbear-initramfs/dropbear_*_host_key"];
    private static readonly string[] Units = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <summary>
    /// The conditions with <c>|</c> hold if any of them does. sshd's own start runs <c>sshd -t</c>, so the keys come before
    /// it; cloud-init throws keys away and makes them anew, so they come after it. A socket that starts one sshd for each
    /// connection is not waited for: that would close a circle through basic.target. Not <c>ssh-keygen -A</c>: it would spend
    /// the boot's time on a DSA key, too, which no sshd of today offers.
    /// </summary>
    private const string UnitText =
        """
        [Unit]
        Description=Make the SSH host keys that are missing
        Documentation=man:ssh-keygen(1)
        ConditionPathIsReadWrite=/etc/ssh
        ConditionPathExists=|!/etc/ssh/ssh_host_rsa_key
        ConditionPathExists=|!/etc/ssh/ssh_host_ecdsa_key
        ConditionPathExists=|!/etc/ssh/ssh_host_ed25519_key
        After=cloud-init.service
        Before=ssh.service sshd.service

        [Service]
        Type=oneshot
        ExecStart=/bin/sh -c 'for type in ed25519 ecdsa rsa; do key=/etc/ssh/ssh_host_$${type}_key; test -s $$key || { rm -f $$key; ssh-keygen -q -N "" -t $$type -f $$key; }; done'

        [Install]
        WantedBy=multi-user.target ssh.service sshd.service

        """;

    /// <inheritdoc/>
    internal override void Remove(SealWork work)
    {
        foreach (var path in Keys.SelectMany(work.Guest.Glob))
        {
            work.Remove(path);
        }

        foreach (var path in Configured(work))
        {
            work.Remove(path);
            work.Remove(path + ".pub");
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<SealFinding> Find(SealWork work) =>
        Keys.SelectMany(work.Guest.Glob)
            .Where(path => !path.EndsWith(".pub", StringComparison.Ordinal) && work.HoldsSomething(path))
            .Select(path => new SealFinding(path, "SSH host key that all clones would share", Name))
            .Concat(Configured(work).Select(path => new SealFinding(path, "SSH host key that all clones would share", Name)));

    /// <summary>Private keys in other places that the guest's sshd_config(5) names; it may name any file.</summary>
    private IEnumerable<string> Configured(SealWork work) =>
        SshdConfiguration.Read(work, Name).HostKeys.Distinct(StringComparer.Ordinal).Except(Keys.SelectMany(work.Guest.Glob))
            .Where(path => work.Guest.Stat(path) is { Kind: GuestFileKind.File, Size: > 0 } && PrivateKeysOperation.IsPrivate(work.Guest, path));

    /// <summary>Gives the guest a unit that makes host keys, where nothing of its own does.</summary>
    /// <returns>Whether files were made.</returns>
    internal static bool EnsureGenerator(SealWork work)
    {
        var guest = work.Guest;
        if (!guest.Exists("/usr/sbin/sshd") || guest.Exists($"{UnitFolder}/{Unit}"))
        {
            return false;
        }

        if (!guest.Exists("/usr/lib/systemd/systemd") && !guest.Exists("/lib/systemd/systemd"))
        {
            work.Log("warning: sshd without systemd: make sure that it makes its host keys when it starts");
            return false;
        }

        if (MakesKeys(work))
        {
            return false;
        }

        guest.MakeDirectories(UnitFolder);
        guest.Write($"{UnitFolder}/{Unit}", Encoding.UTF8.GetBytes(UnitText));
        foreach (var target in (string[])["multi-user.target.wants", "ssh.service.wants", "sshd.service.wants"])
        {
            if (target.StartsWith("sshd", StringComparison.Ordinal) ? HasUnit(guest, "sshd.service") : !target.StartsWith("ssh.", StringComparison.Ordinal) || HasUnit(guest, "ssh.service"))
            {
                guest.MakeDirectories($"{UnitFolder}/{target}");
                guest.Link($"{UnitFolder}/{Unit}", $"{UnitFolder}/{target}/{Unit}");
            }
        }

        work.Log($"this guest would not make SSH host keys when it boots: {Unit} was added, which does");
        return true;
    }

    private static bool HasUnit(IGuest guest, string name) => Array.Exists(Units, folder => guest.Exists($"{folder}/{name}"));

    /// <summary>By a unit for it (Red Hat: sshd-keygen@, Arch: sshdgenkeys), or from sshd's own unit (SUSE).</summary>
    private static bool MakesKeys(SealWork work)
    {
        foreach (var folder in Units)
        {
            // By the unit itself: cloud-init ships a drop-in for sshd-keygen@ also where there is no such unit.
            if (((string[])["*ssh*keygen*.service", "*ssh*keygen*.target", "sshd*genkeys*.service"]).Any(name => work.Guest.Glob($"{folder}/{name}").Count > 0))
            {
                return true;
            }

            foreach (var unit in (string[])["ssh.service", "sshd.service"])
            {
                if (work.ReadText($"{folder}/{unit}") is { } text
                    && (text.Contains("ssh-keygen", StringComparison.Ordinal) || text.Contains("gen-keys", StringComparison.Ordinal)))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
