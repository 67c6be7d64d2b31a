using Lab;

namespace Guests.Tests.Seal;

/// <summary>A disk with every kind of identity on it, and with what a hostile guest would plant against its sealing.</summary>
internal static class PlantedDisk
{
    /// <summary>A key of the platform's own, on the allow-list.</summary>
    public const string KeptKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAyeLA8x4bSxrA26YdlZuoVoatp4MWfdzpr+rLtPg2Bw";

    private const string VendorKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK4PaLoZOBydzDt4vZn01cQ/jNciDWgHjD0H9rHAXGia vendor@build";
    private const string PrivateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n";
    private const string Id = "0123456789abcdef0123456789abcdef";

    /// <summary>What the check must find: a path and the operation that removes it.</summary>
    public static readonly (string Path, string Operation)[] Identity =
    [
        ("/etc/machine-id", "machine-id"),
        ("/var/lib/dbus/machine-id", "machine-id"),
        ("/etc/ssh/ssh_host_ed25519_key", "ssh-hostkeys"),
        ("/srv/keys/host", "ssh-hostkeys"),
        ("/srv/keys/alice.pub", "ssh-userdir"),
        ("/srv/sftp/.ssh/authorized_keys", "ssh-userdir"),
        ("/root/.ssh/authorized_keys", "ssh-userdir"),
        ("/home/alice/.ssh/authorized_keys", "ssh-userdir"),
        ("/home/alice/.ssh/id_ed25519", "private-keys"),
        ("/etc/ssl/private/web.pem", "private-keys"),
        ("/etc/app/server.key", "private-keys"),
        ("/root/.bash_history", "bash-history"),
        ("/home/alice/.zsh_history", "bash-history"),
        ("/srv/db/.psql_history", "bash-history"),
        ("/home/alice/.aws/credentials", "user-secrets"),
        ("/etc/shadow", "password-hashes"),
        ("/etc/shadow-", "passwd-backups"),
        ("/var/lib/cloud/instances/iid-1", "cloud-init"),
        ("/var/lib/cloud/instance", "cloud-init"),
        ("/var/lib/cloud/seed/nocloud/user-data", "cloud-init-seed"),
        ("/var/lib/systemd/random-seed", "random-seed"),
        ("/var/lib/systemd/credential.secret", "credential-secret"),
        ("/var/lib/dhcp/dhclient.eth0.leases", "dhcp-client-state"),
        ("/var/lib/NetworkManager/internal-1-eth0.lease", "network-leases"),
        ("/var/lib/NetworkManager/secret_key", "network-leases"),
        ("/etc/NetworkManager/system-connections/Wired.nmconnection", "net-nmconn"),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0", "net-hwaddr"),
        ("/etc/udev/rules.d/70-persistent-net.rules", "udev-persistent-net"),
        ("/etc/krb5.keytab", "kerberos-hostkeytab"),
        ("/etc/pki/consumer/cert.pem", "rh-subscription-manager"),
        ("/etc/iscsi/initiatorname.iscsi", "iscsi-initiator"),
        ("/etc/nvme/hostid", "nvme-host"),
        ("/var/log/journal/" + Id, "logfiles"),
        ("/var/log/syslog", "logfiles"),
        ("/var/mail/alice", "mail-spool"),
        ("/var/spool/cron/crontabs/alice", "cron-spool"),
        ("/var/crash/vmcore", "crash-data"),
    ];

    /// <summary>Caches and the like: no identity, but no clone wants them.</summary>
    public static readonly string[] Clutter =
    [
        "/tmp/left", "/tmp/.hidden", "/var/tmp/left", "/var/cache/apt/archives/x.deb", "/etc/fstab.bak", "/root/notes~", "/etc/passwd-", "/home/alice/.lesshst",
        "/etc/ssh/ssh_host_ed25519_key.pub",
    ];

    /// <summary>What no sealing may touch.</summary>
    public static readonly string[] Untouched =
    [
        "/etc/passwd", "/etc/fstab", "/etc/ssh/sshd_config", "/usr/lib/os-release", "/home/alice/work.txt", "/etc/ssl/certs/ca.pem", "/var/log/README",
        "/usr/share/doc/readme", "/boot/vmlinuz", "/etc/hosts.d/keep",
    ];

    /// <summary>Makes the disk.</summary>
    public static string Make(Scratch scratch, string name = "planted.img")
    {
        var root = GuestDisks.BareSystem(scratch, name + ".tree");
        foreach (var path in Identity.Select(identity => identity.Path).Concat(Clutter).Concat(Untouched))
        {
            var file = root + path;
            if (!Directory.Exists(file) && !File.Exists(file) && path is not ("/var/lib/cloud/instance" or "/var/lib/cloud/instances/iid-1" or "/var/log/journal/" + Id))
            {
                GuestDisks.Put(root, path[1..], $"content of {path}\n");
            }
        }

        Fill(root);
        BeHostile(root);
        var noauto = scratch[name + ".noauto"];
        var hidden = scratch[name + ".hidden"];
        GuestDisks.Put(noauto, ".netrc", "machine x password y");
        GuestDisks.Put(hidden, "file", "content");
        var disk = GuestDisks.Partitioned(scratch[name], [root, noauto, hidden], 64, 8, 8);
        Tool.Run("sfdisk", "-q", "--part-label", disk, "2", "users' data");
        // .NET cannot delete the names that are no text.
        Tool.Run("rm", "-rf", root);
        return disk;
    }

    private static void Fill(string root)
    {
        void Put(string path, string content) => GuestDisks.Put(root, path, content);
        Put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\npostgres:x:70:70::/srv/db:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\nsftp:x:71:71::/srv/sftp:/usr/sbin/nologin\n");
        Put("etc/ssh/sshd_config", "PermitRootLogin no\nInclude sshd_config.d/*.conf\nHostKey /etc/passwd\nAuthorizedKeysFile .ssh/authorized_keys /etc/passwd\n");
        Put("etc/ssh/sshd_config.d/10-keys.conf", "HostKey /srv/keys/host\nAuthorizedKeysFile /srv/keys/%u.pub\n");
        Put("srv/keys/host", PrivateKey);
        Put("srv/keys/alice.pub", $"# ours\n{KeptKey}\n{VendorKey}\n");
        Put("srv/sftp/.ssh/authorized_keys", VendorKey + "\n");
        for (var i = 0; i < 2100; i++)
        {
            Put($"var/log/many/{i}", "");
        }

        Put("etc/shadow", "root:$6$salt$hash:19000:0:99999:7:::\nalice:!$y$j9T$x$y:19000::::::\npostgres:*:19000::::::\nopen::19000::::::\nlocked:!:19000::::::\nnobody:!*:1::::::\n");
        Put("etc/fstab", "LABEL=system / ext4 defaults 0 1\nUUID=dead-beef /data ext4 nofail 0 2\nPARTLABEL=users'\\040data /home/extra ext4 noauto 0 0\n/dev/sda3 /absent ext4 defaults 0 0\n");
        Directory.CreateDirectory(Path.Combine(root, "home/extra"));
        Put("etc/gshadow", "root:*::\nwheel:::alice\nsecret:$6$salt$hash::\n");
        Put("etc/machine-id", Id + "\n");
        Put("var/lib/dbus/machine-id", Id + "\n");
        Put("root/.ssh/authorized_keys", $"# vendor\n{VendorKey}\n{KeptKey} platform\n");
        Put("root/.ssh/known_hosts", "host key\n");
        Put("home/alice/.ssh/authorized_keys", VendorKey + "\n");
        Put("home/alice/.ssh/id_ed25519", PrivateKey);
        Put("etc/ssl/private/web.pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
        Put("etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
        Put("etc/app/server.key", "-----BEGIN EC PRIVATE KEY-----\n");
        Put("etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=52:54:00:00:00:01\nDHCP_HOSTNAME=builder\nONBOOT=yes\n");
        Put("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:abc\n");
        Put($"var/log/journal/{Id}/system.journal", "LPKSHHRH");
        Put("var/log/wtmp", "records");
        Put("var/log/app/app.log", "lines\n");
        Put("var/lib/cloud/instances/iid-1/user-data.txt", "#cloud-config\n");
        File.CreateSymbolicLink(Path.Combine(root, "var/lib/cloud/instance"), "/var/lib/cloud/instances/iid-1");
        Put("usr/sbin/sshd", "program");
        Put("usr/lib/systemd/systemd", "program");
        Put("usr/lib/systemd/system/ssh.service", "[Service]\nExecStartPre=/usr/sbin/sshd -t\n");
        Put("etc/systemd/system/sshd-keygen@.service.d/disable.conf", "[Unit]\n");
        Put("usr/share/doc/readme", "text");
    }

    /// <summary>Links out of the guest's root, names that no text can hold, a pipe where a file should be, a link that would empty /etc.</summary>
    private static void BeHostile(string root)
    {
        File.CreateSymbolicLink(Path.Combine(root, "var/crash-link"), "/etc");
        Directory.CreateDirectory(Path.Combine(root, "home/bob"));
        File.CreateSymbolicLink(Path.Combine(root, "home/bob/.ssh"), "/etc");
        File.CreateSymbolicLink(Path.Combine(root, "home/carol"), "/etc");
        File.CreateSymbolicLink(Path.Combine(root, "home/loop"), "/home/loop");
        Directory.CreateDirectory(Path.Combine(root, "var/spool"));
        GuestDisks.Put(root, "data/elsewhere", "a report");
        File.CreateSymbolicLink(Path.Combine(root, "var/spool/abrt"), "/data");
        File.CreateSymbolicLink(Path.Combine(root, "var/lib/dhclient"), "/etc/hosts.d");
        File.CreateSymbolicLink(Path.Combine(root, "etc/random-seed"), "/etc/passwd");
        Tool.Run("sh", "-c",
            """
            cd "$1" || exit 1
            printf x > "tmp/$(printf 'stray\377byte')"
            printf x > "tmp/$(printf 'new\nline')"
            mkdir "tmp/-rf" && printf x > "tmp/-rf/inner"
            printf x > "var/log/$(printf 'bad\001\377name').log"
            mkfifo etc/pipe.key home/bob/.bash_history
            truncate -s 30G home/bob/.viminfo
            printf x > 'home/bob/$(reboot)'
            chmod 0700 root root/.ssh; chmod 0640 etc/shadow; chmod 1777 tmp var/tmp
            """, "sh", root);
    }
}
