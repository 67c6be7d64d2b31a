using System.Text;
using Guests.Customize.Commands;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Firstboot;

/// <summary>
/// <c>firstboot SCRIPT</c>, <c>firstboot-command COMMAND</c>, <c>firstboot-install PKG,...</c>: run by the guest itself, as
/// root, at its first boot: in order, each at most once, output in <see cref="LogFile"/>.
/// </summary>
/// <remarks>
/// A script is marked as started before it starts, so that one which reboots or hangs the guest does not do so again. The
/// marks lie in /var/lib, the scripts in /usr/lib: /usr may be read-only at run time.
/// </remarks>
sealed class FirstbootScript(CommandOrigin origin, string name, Func<Session, byte[]> program, string shown) : Operation(origin)
{
    /// <summary>The runner.</summary>
    public const string Runner = "/usr/lib/goldenimage/firstboot";

    /// <summary>The scripts, in the order of their names.</summary>
    public const string Scripts = "/usr/lib/goldenimage/firstboot.d";

    /// <summary>A mark for each script that was started.</summary>
    public const string Marks = "/var/lib/goldenimage/firstboot";

    /// <summary>What the scripts printed.</summary>
    public const string LogFile = "/var/log/goldenimage-firstboot.log";

    private const string Unit = "goldenimage-firstboot.service";

    public override string Describe() => shown;

    public override void Check(Preflight check)
    {
        var files = new GuestFiles(check.Guest, TimeProvider.System);
        if (files.Find("/usr/lib/systemd/systemd") is null && files.Find("/lib/systemd/systemd") is null)
        {
            throw new GuestException(
                GuestFault.Unsupported, Origin.ToString(), "the guest has no systemd, which would start the script",
                "use run-command, or write a start script for the guest's own init");
        }
    }

    public override void Apply(Session session)
    {
        var files = session.Files;
        files.MakeDirectories(Scripts);
        Install(files);

        // Numbers go on after those of an earlier customization.
        var staged = files.StagedBelow(Scripts);
        var last = session.Guest.List(Scripts).Concat(staged)
            .Select(there => there.Length > 4 && int.TryParse(there[..4], out var number) ? number : 0)
            .DefaultIfEmpty(0)
            .Max();
        files.Write($"{Scripts}/{last + 1:D4}-{SafeName(name)}", program(session), Modes.PrivateDirectory);
    }

    private static void Install(GuestFiles files)
    {
        files.Write(Runner, Encoding.UTF8.GetBytes(RunnerText), Modes.Program);
        files.ChangeMode(Runner, Modes.Program);
        files.MakeDirectories(Marks, Modes.PrivateDirectory);
        files.Write($"/etc/systemd/system/{Unit}", Encoding.UTF8.GetBytes(UnitText), Modes.File);
        var wants = files.MakeDirectories("/etc/systemd/system/multi-user.target.wants");
        files.Put(new StagedFile
        {
            Path = GuestPaths.Below(wants, Unit),
            Kind = GuestFileKind.Link,
            Mode = Modes.Link,
            Target = $"/etc/systemd/system/{Unit}",
        });
    }

    private static string SafeName(string name)
    {
        var safe = string.Concat(name.ToLowerInvariant().Take(40).Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return safe.Length == 0 ? "script" : safe;
    }

    private const string UnitText = $"""
        [Unit]
        Description=Scripts of the golden image for the first boot
        ConditionDirectoryNotEmpty={Scripts}
        After=network.target network-online.target cloud-init.service

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        TimeoutStartSec=infinity
        ExecStart={Runner}

        [Install]
        WantedBy=multi-user.target

        """;

    private const string RunnerText = $"""
        #!/bin/sh
        # Runs each script of the golden image once, in order. A mark is made before a script starts: one that
        # reboots the machine or hangs is not started again.
        umask 077
        mkdir -p {Marks}
        exec >>{LogFile} 2>&1 </dev/null
        for script in {Scripts}/*; do
            mark={Marks}/$(basename "$script")
            [ -x "$script" ] && [ ! -e "$mark" ] || continue
            : >"$mark" || exit 1
            sync
            echo "$(date) $script: started"
            (umask 022; cd /; exec "$script")
            echo "$(date) $script: exit code $?"
        done

        """;
}
