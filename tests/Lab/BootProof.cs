using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lab;

/// <summary>
/// Facts that a booted guest prints about itself on its console: lines of <c>PROOF name=value;</c>. cloud-init starts
/// the script (it is the one agent that every vendor's image has), as a unit that waits for the end of the boot.
/// </summary>
public static partial class BootProof
{
    /// <summary>The value of <c>made.NAME</c> of what was written after the kernel started; else <c>before this boot</c>.</summary>
    public const string ThisBoot = "in this boot";

    /// <summary>
    /// User data that prints, at the end of the boot: <c>hostname</c>, <c>machine-id</c>, <c>timezone</c>, <c>os</c>,
    /// <c>host-key.TYPE</c> (SHA-256 fingerprint), <c>made.machine-id</c> and <c>made.host-key.TYPE</c> (<see cref="ThisBoot"/>), <c>sshd</c> (listening, silent), <c>sha256.PATH</c> of each file and
    /// <c>unit.NAME</c> (enabled, disabled, masked ...) of each unit, <c>key.USER</c> (there, absent) of each key. cloud-init's own making of new host keys is
    /// switched off, so that keys that were left in the image show.
    /// </summary>
    public static string UserData(IEnumerable<string> files, IEnumerable<string> units, IEnumerable<AuthorizedKey> keys)
    {
        var script = $$"""
            say() { out="$out
            PROOF $1=$2;"; count=$((count + 1)); }
            count=0
            # proc(5): btime, the boot's time in seconds since the epoch
            btime=$(sed -n 's/^btime //p' /proc/stat)
            made() { if [ "$(stat -c %Y "$2")" -ge "$btime" ]; then say "made.$1" "{{ThisBoot}}"; else say "made.$1" "before this boot"; fi; }
            say hostname "$(cat /proc/sys/kernel/hostname)"
            say machine-id "$(cat /etc/machine-id)"
            made machine-id /etc/machine-id
            say timezone "$(readlink /etc/localtime | sed 's#.*zoneinfo/##')"
            say os "$(. /etc/os-release; echo "$PRETTY_NAME")"
            for key in /etc/ssh/ssh_host_*_key.pub; do
                set -- $(ssh-keygen -lf "$key")
                type=${key#/etc/ssh/ssh_host_}
                say "host-key.${type%_key.pub}" "$2"
                made "host-key.${type%_key.pub}" "${key%.pub}"
            done
            if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qE ':0016 0+:0000 0A '; then say sshd listening; else say sshd silent; fi
            {{Lines(files, file => $"set -- $(sha256sum {Shell(file)} 2>/dev/null || echo absent); say {Shell("sha256." + file)} \"$1\"")}}
            {{Lines(units, unit => $"say {Shell("unit." + unit)} \"$(systemctl is-enabled {Shell(unit)} 2>/dev/null || true)\"")}}
            {{Lines(keys, key => $"if grep -qF {Shell(key.Blob)} \"$(getent passwd {Shell(key.User)} | cut -d: -f6)/.ssh/authorized_keys\"; then say {Shell("key." + key.User)} there; else say {Shell("key." + key.User)} absent; fi")}}
            echo 1 >/proc/sys/kernel/printk
            kill -s RTMIN+21 1
            printf '%s\nPROOF end=%s;\n' "$out" "$count" >/dev/ttyS0
            """;
        var command = new JsonArray("systemd-run", "--no-block", "--quiet", "--collect", "--unit=boot-proof",
            "--property=After=multi-user.target", "--property=After=ssh.service", "--property=After=sshd.service",
            "/bin/sh", "-c", script.Replace("$", "$$")); // systemd.service(5): "$$" is a "$" that systemd leaves alone

        // What this boot must not wait for: modules that configure nothing here. Of the first stage, those stay that could
        // undo what an image sets: its host name, its accounts, its keys. A DSA key takes longest, and no sshd of today
        // takes it; what cloud-init does not make, the image's own means must.
        return $"""
            #cloud-config
            ssh_deletekeys: false
            ssh_genkeytypes: [ed25519]
            cloud_init_modules: [bootcmd, set_hostname, update_hostname, users-groups, ssh]
            cloud_config_modules: []
            cloud_final_modules: []
            bootcmd:
              - {command.ToJsonString()}

            """;
    }

    /// <summary>Waits for the proof and reads it: facts by name.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> Read(
        SerialConsole console, TimeSpan limit, CancellationToken cancellation = default)
    {
        var end = await console.WaitFor(@"^PROOF end=(\d+);$", limit, cancellation);
        var facts = Line().Matches(console.Text)
            .DistinctBy(match => match.Groups[1].Value)
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        facts.Remove("end");
        return facts.Count == int.Parse(end.Groups[1].Value)
            ? facts
            : throw new InvalidDataException($"the proof on the console is incomplete:\n{console.LastLines(30)}");
    }

    private static string Lines<T>(IEnumerable<T> items, Func<T, string> line) => string.Join('\n', items.Select(line));

    private static string Shell(string word) => $"'{word.Replace("'", "'\\''")}'";

    [GeneratedRegex("^PROOF ([^=;\n]+)=([^;\n]*);$", RegexOptions.Multiline)]
    private static partial Regex Line();
}

/// <summary>A public SSH key that a user may log in with.</summary>
/// <param name="User">Whose.</param>
/// <param name="Line">Its line of <c>authorized_keys</c>: options, type, key, comment.</param>
public sealed record AuthorizedKey(string User, string Line)
{
    /// <summary>The key itself, in base64.</summary>
    public string Blob => Line.Split(' ').FirstOrDefault(word => word.StartsWith("AAAA", StringComparison.Ordinal)) ?? Line;
}
