using Guests.Customize.Files;
using Guests.Engine;

namespace Guests.Customize.Commands;

/// <summary>What a package operation does.</summary>
enum PackageAction
{
    /// <summary><c>install</c></summary>
    Install,

    /// <summary><c>update</c></summary>
    Update,

    /// <summary><c>uninstall</c></summary>
    Remove,
}

/// <summary>The package managers of guests, and how each is told to ask nothing.</summary>
static class PackageManager
{
    // A package's service must not start inside the appliance; Debian's invoke-rc.d asks this file. Changed configuration
    // files are kept: the customization may have written them.
    private const string Apt = """
        export DEBIAN_FRONTEND=noninteractive
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        fi
        apt="apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
        """;

    // In the order in which they are looked for: a guest with dnf often has a yum that is a link to it.
    private static readonly (string Program, string Install, string Update, string Remove)[] Known =
    [
        ("/usr/bin/apt-get", Apt + "\n$apt update\n$apt install {0}", Apt + "\n$apt update\n$apt upgrade", Apt + "\n$apt remove {0}"),
        ("/usr/bin/dnf", "dnf -y install {0}", "dnf -y --best upgrade", "dnf -y remove {0}"),
        ("/usr/bin/yum", "yum -y install {0}", "yum -y update", "yum -y remove {0}"),
        ("/usr/bin/zypper", "zypper -n install -l {0}", "zypper -n update -l", "zypper -n remove {0}"),
        ("/sbin/apk", "apk update\napk add {0}", "apk update\napk upgrade", "apk del {0}"),
        ("/usr/bin/pacman", "pacman -Sy --noconfirm {0}", "pacman -Syu --noconfirm", "pacman -R --noconfirm {0}"),
    ];

    /// <summary>The shell's text for an action; package names are checked to hold nothing that a shell knows.</summary>
    public static string Script(GuestFiles files, PackageAction action, IReadOnlyList<string> packages)
    {
        foreach (var (program, install, update, remove) in Known)
        {
            if (files.Find(program) is not null)
            {
                var form = action switch
                {
                    PackageAction.Install => install,
                    PackageAction.Update => update,
                    _ => remove,
                };
                return "set -e\n" + form.Replace("{0}", string.Join(' ', packages), StringComparison.Ordinal);
            }
        }

        throw new GuestException(
            GuestFault.Unsupported, "packages", "the guest has no package manager that we know (apt, dnf, yum, zypper, apk, pacman)",
            "use run-command with the guest's own");
    }
}

/// <summary><c>install PKG,...</c>, <c>update</c>, <c>uninstall PKG,...</c></summary>
sealed class ChangePackages(Language.CommandOrigin origin, PackageAction action, IReadOnlyList<string> packages) : RunInGuest(origin)
{
    public override string Describe() => action == PackageAction.Update ? "all packages" : string.Join(", ", packages);

    // To remove a package nothing must be fetched.
    public override bool NeedsNetwork => action != PackageAction.Remove;

    public override void Check(Preflight check)
    {
        base.Check(check);
        _ = PackageManager.Script(new GuestFiles(check.Guest, TimeProvider.System), action, packages);
    }

    protected override byte[] Program(Session session) => GuestCommands.Shell(PackageManager.Script(session.Files, action, packages));
}
