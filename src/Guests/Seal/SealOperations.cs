namespace Guests.Seal;

/// <summary>
/// Every operation, in the order in which they run. The names are virt-sysprep(1)'s where it has the operation, although
/// some remove more than its.
/// </summary>
public static class SealOperations
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<SealOperation> All { get; } =
    [
        new FilesystemsOperation
        {
            Name = "filesystems", Removes = "nothing: it tells of filesystems that are not mounted, and so are neither sealed nor looked at", Times = SealTimes.Before,
        },

        // Who the machine is.
        new SshHostKeysOperation
        {
            Name = "ssh-hostkeys",
            Removes = "SSH host keys; a guest that has no means to make new ones when it boots gets one",
        },
        new PathsOperation
        {
            Name = "random-seed", Removes = "seeds of the random number generator", Identity = "random seed that all clones would share",
            Patterns =
            [
                "/var/lib/systemd/random-seed", "/var/lib/random-seed", "/var/lib/urandom/random-seed", "/var/lib/misc/random-seed", "/etc/random-seed",
                "/boot/loader/random-seed", "/boot/efi/loader/random-seed", "/efi/loader/random-seed",
            ],
        },
        new PathsOperation
        {
            Name = "credential-secret", Removes = "the key of systemd's encrypted credentials", Identity = "host key of systemd-creds",
            Patterns = ["/var/lib/systemd/credential.secret"],
        },
        new PathsOperation
        {
            Name = "cloud-init", Removes = "cloud-init's instances, seeds and state, and what it configured for them", Identity = "state of a cloud-init instance",
            Patterns =
            [
                "/var/lib/cloud/instance", "/var/lib/cloud/instances/*", "/var/lib/cloud/data/*", "/var/lib/cloud/sem/*", "/var/lib/cloud/handlers/*",
                "/etc/netplan/50-cloud-init.yaml", "/etc/network/interfaces.d/50-cloud-init*", "/etc/systemd/network/*-cloud-init-*.network",
                "/etc/NetworkManager/system-connections/cloud-init-*", "/etc/ssh/sshd_config.d/50-cloud-init.conf", "/etc/sudoers.d/90-cloud-init-users",
            ],
        },
        new PathsOperation
        {
            Name = "cloud-init-seed", Removes = "seeds of cloud-init's NoCloud data source", Identity = "seed of a cloud-init instance", Times = SealTimes.Before,
            Patterns = ["/var/lib/cloud/seed/*/*"],
        },
        new IscsiInitiatorOperation { Name = "iscsi-initiator", Removes = "the iSCSI initiator's name, so that the guest makes a new one" },
        new PathsOperation
        {
            Name = "nvme-host", Removes = "NVMe-oF host identity", Identity = "NVMe host identity that all clones would share", Patterns = ["/etc/nvme/hostnqn", "/etc/nvme/hostid"],
        },
        new PathsOperation
        {
            Name = "smolt-uuid", Removes = "smolt's hardware ID", Identity = "hardware ID", Patterns = ["/etc/sysconfig/hw-uuid", "/etc/smolt/uuid", "/etc/smolt/hw-uuid"],
        },
        new PathsOperation { Name = "yum-uuid", Removes = "yum's installation ID", Identity = "installation ID", Patterns = ["/var/lib/yum/uuid", "/var/lib/dnf/uuid"] },

        // Who may enter, and with what.
        new SshUserKeysOperation { Name = "ssh-userdir", Removes = "users' .ssh folders, but for the keys to keep", Times = SealTimes.Before },
        new PasswordHashesOperation { Name = "password-hashes", Removes = "password hashes in shadow and gshadow; the accounts stay, locked", Times = SealTimes.Before },
        new PathsOperation
        {
            Name = "passwd-backups", Removes = "backups of passwd, shadow and group files", Identity = "backup that may hold password hashes",
            Patterns = ["/etc/shadow-", "/etc/gshadow-", "/etc/passwd-", "/etc/group-", "/etc/subuid-", "/etc/subgid-"],
        },
        new PrivateKeysOperation { Name = "private-keys", Removes = "private keys (told by their content) below /etc, and in home directories", Times = SealTimes.Before },
        new PathsOperation
        {
            Name = "user-secrets", Removes = "users' credentials of common tools", Identity = "credentials", Times = SealTimes.Before, Patterns = [],
            InHomes =
            [
                ".aws/credentials", ".azure", ".config/gcloud", ".docker/config.json", ".kube/config", ".netrc", ".pgpass", ".git-credentials", ".gnupg/private-keys-v1.d",
                ".gnupg/secring.gpg", ".vault-token", ".npmrc", ".pypirc",
            ],
        },
        new PathsOperation
        {
            Name = "kerberos-hostkeytab", Removes = "the host's Kerberos keys", Identity = "Kerberos key of a host", Times = SealTimes.Before, Patterns = ["/etc/krb5.keytab"],
        },
        new PathsOperation
        {
            Name = "kerberos-data", Removes = "a Kerberos server's database", Identity = "Kerberos database", Times = SealTimes.Before,
            Patterns = ["/var/kerberos/krb5kdc/principal*", "/var/kerberos/krb5kdc/.k5*"],
        },
        new PathsOperation
        {
            Name = "rh-subscription-manager", Removes = "certificates of a subscription", Identity = "certificate of a subscription",
            Patterns = ["/etc/pki/consumer/*", "/etc/pki/entitlement/*", "/var/lib/rhsm/facts/*", "/etc/insights-client/machine-id", "/etc/insights-client/.registered"],
        },
        new PathsOperation
        {
            Name = "rhn-systemid", Removes = "the Satellite registration", Identity = "registration", Patterns = ["/etc/sysconfig/rhn/systemid", "/etc/sysconfig/rhn/osad-auth.conf"],
        },
        new PathsOperation
        {
            Name = "ipa-client", Removes = "the enrolment in an IPA domain", Identity = "enrolment in a domain", Times = SealTimes.Before,
            Patterns = ["/etc/ipa/default.conf", "/etc/ipa/ca.crt", "/var/lib/ipa-client/sysrestore/*", "/var/lib/ipa-client/pki/*"],
        },
        new PathsOperation
        {
            Name = "sssd-db-log", Removes = "SSSD's cached users and their hashes", Identity = "cached users", Times = SealTimes.Both,
            Patterns = ["/var/lib/sss/db/*", "/var/lib/sss/mc/*", "/var/lib/sss/secrets/*"],
        },
        new PathsOperation
        {
            Name = "fwupd-keys", Removes = "fwupd's key of this machine", Identity = "private key", Patterns = ["/var/lib/fwupd/pki/*", "/var/lib/fwupd/gnupg/*"],
        },

        // Where it was.
        new PathsOperation
        {
            Name = "dhcp-client-state", Removes = "leases of dhclient and dhcpcd", Identity = "DHCP lease",
            Patterns = ["/var/lib/dhclient/*", "/var/lib/dhcp/*", "/var/lib/dhcpcd/*", "/var/lib/dhcpcd5/*", "/var/db/dhcpcd/*"],
        },
        new PathsOperation
        {
            Name = "network-leases", Removes = "leases and secrets of NetworkManager, networkd and wicked", Identity = "lease or identity of a network client",
            Patterns =
            [
                "/var/lib/NetworkManager/*lease*", "/var/lib/NetworkManager/secret_key", "/var/lib/NetworkManager/seen-bssids", "/var/lib/NetworkManager/timestamps",
                "/var/lib/systemd/network/*", "/var/lib/wicked/*.xml", "/var/lib/wicked/*.ldb",
            ],
        },
        new PathsOperation { Name = "dhcp-server-state", Removes = "leases of a DHCP server", Identity = "leases given to others", Patterns = ["/var/lib/dhcpd/*"] },
        new PathsOperation
        {
            Name = "net-nmconn", Removes = "NetworkManager's saved connections", Identity = "saved connection", Times = SealTimes.Before,
            Patterns = ["/etc/NetworkManager/system-connections/*.nmconnection"],
        },
        new InterfaceFilesOperation { Name = "net-hwaddr", Removes = "HWADDR, HOSTNAME and DHCP_HOSTNAME lines of ifcfg files", Times = SealTimes.Before },
        new PathsOperation
        {
            Name = "udev-persistent-net", Removes = "names that udev tied to network cards", Identity = "name of a network card",
            Patterns = ["/etc/udev/rules.d/70-persistent-net.rules", "/etc/udev/rules.d/75-persistent-net-generator.rules.bak"],
        },
        new PathsOperation { Name = "blkid-tab", Removes = "blkid's cache", Patterns = ["/etc/blkid/blkid.tab*", "/var/run/blkid/blkid.tab*", "/dev/.blkid.tab*"] },

        // What was done on it.
        new PathsOperation
        {
            Name = "bash-history", Removes = "histories of shells and other interactive programs", Identity = "history of a shell", Patterns = [],
            InHomes =
            [
                ".bash_history", ".zsh_history", ".zhistory", ".ash_history", ".sh_history", ".ksh_history", ".history", ".local/share/fish/fish_history",
                ".local/state/bash/history", ".python_history", ".lesshst", ".viminfo", ".mysql_history", ".psql_history", ".sqlite_history", ".node_repl_history",
                ".rediscli_history", ".wget-hsts",
            ],
        },
        new LogFilesOperation { Name = "logfiles", Removes = "everything logged below /var/log, the journal, installers' records" },
        new PathsOperation { Name = "utmp", Removes = "who is logged in", Patterns = ["/var/run/utmp", "/run/utmp"] },
        new PathsOperation { Name = "pacct-log", Removes = "process accounting", Identity = "process accounting", Patterns = ["/var/account/pacct*"] },
        new PathsOperation
        {
            Name = "crash-data", Removes = "core dumps", Identity = "core dump", Patterns = ["/var/crash/*", "/var/lib/systemd/coredump/*"],
        },
        new PathsOperation { Name = "abrt-data", Removes = "ABRT's reports", Identity = "crash report", Patterns = ["/var/spool/abrt/*"] },
        new PathsOperation { Name = "mail-spool", Removes = "local mail", Identity = "mail", Patterns = ["/var/spool/mail/*", "/var/mail/*"] },
        new PathsOperation
        {
            Name = "cron-spool", Removes = "users' crontabs and at jobs", Identity = "job of a user", Times = SealTimes.Before,
            Patterns = ["/var/spool/cron/crontabs/*", "/var/spool/cron/tabs/*", "/var/spool/cron/[a-z]*[!s]", "/var/spool/at/[a-z]0*", "/var/spool/cron/atjobs/[a-z]0*"],
        },
        new PathsOperation { Name = "pam-data", Removes = "PAM's records of logins", Patterns = ["/var/run/console/*", "/var/run/faillock/*", "/var/lib/faillock/*"] },
        new PathsOperation { Name = "dovecot-data", Removes = "Dovecot's state", Times = SealTimes.Before, Patterns = ["/var/lib/dovecot/*"] },
        new PathsOperation { Name = "puppet-data-log", Removes = "Puppet's state and certificates", Identity = "state of a Puppet agent", Times = SealTimes.Before, Patterns = ["/var/lib/puppet/*/*", "/etc/puppetlabs/puppet/ssl/*/*"] },
        new PathsOperation { Name = "samba-db-log", Removes = "Samba's databases", Identity = "database of a Samba server", Times = SealTimes.Before, Patterns = ["/var/lib/samba/*.tdb", "/var/lib/samba/private/*.tdb"] },
        new TemporaryFilesOperation { Name = "tmp-files", Removes = "everything in /tmp and /var/tmp" },
        new PathsOperation
        {
            Name = "package-manager-cache", Removes = "downloaded packages and package lists",
            Patterns =
            [
                "/var/cache/apt/archives/*.deb", "/var/cache/apt/archives/partial/*", "/var/cache/apt/*.bin", "/var/lib/apt/lists/*_*", "/var/lib/apt/lists/partial/*",
                "/var/cache/dnf/*", "/var/cache/yum/*", "/var/cache/libdnf5/*", "/var/cache/zypp*/*", "/var/cache/PackageKit/*", "/var/cache/pacman/pkg/*", "/var/cache/apk/*",
            ],
        },
        new PathsOperation { Name = "rpm-db", Removes = "rpm's lock files", Patterns = ["/var/lib/rpm/__db.*"] },
        new BackupFilesOperation { Name = "backup-files", Removes = "editors' backups (*~ and *.bak) below /etc and /root" },

        // Not by default: a guest may need what they remove.
        new PathsOperation
        {
            Name = "ca-certificates", Removes = "certificates and keys of Red Hat's own folders", IsDefault = false, Times = SealTimes.Before,
            Patterns = ["/etc/pki/CA/certs/*.crt", "/etc/pki/CA/crl/*.crt", "/etc/pki/CA/newcerts/*.crt", "/etc/pki/CA/private/*.key", "/etc/pki/tls/private/*.key"],
        },
        new PathsOperation
        {
            Name = "firewall-rules", Removes = "the firewall's own rules", IsDefault = false, Times = SealTimes.Before,
            Patterns = ["/etc/sysconfig/iptables", "/etc/firewalld/services/*", "/etc/firewalld/zones/*"],
        },

        // Last: nothing that runs after it may want one.
        new MachineIdOperation { Name = "machine-id", Removes = "the content of /etc/machine-id, which stays as an empty file, and D-Bus' copy of it" },
    ];
}
