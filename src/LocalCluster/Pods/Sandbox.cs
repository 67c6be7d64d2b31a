using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace LocalCluster.Pods;

/// <summary>Something of the node in a container.</summary>
internal sealed record Mount(string Source, string Path, bool ReadOnly);

/// <summary>What runs in a sandbox.</summary>
internal sealed record SandboxPlan
{
    /// <summary>Program and arguments, as seen inside.</summary>
    internal required IReadOnlyList<string> Command { get; init; }

    /// <summary>Its variables; there are no others.</summary>
    internal required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>What it sees beside the system.</summary>
    internal required IReadOnlyList<Mount> Mounts { get; init; }

    internal string? WorkingFolder { get; init; }

    internal required string HostName { get; init; }

    /// <summary>Whether it gets <c>/dev/kvm</c>.</summary>
    internal bool Kvm { get; init; }
}

/// <summary>How a container ended.</summary>
/// <param name="ExitCode">128 + n for signal n.</param>
/// <param name="Fault">Why it never began; null where it did.</param>
internal readonly record struct SandboxEnd(int ExitCode, string? Fault);

/// <summary>
/// A process in bubblewrap (bwrap(1)): the system read-only, user 107 as in the images, no capabilities and no new privileges, its own
/// processes, and the host's network, because the API server and registries are on loopback. As root the user is the real one, so that
/// volumes are whose they are; as anybody else it is 107 inside only. Requests and limits of memory and processors are not enforced.
/// </summary>
internal sealed partial class Sandbox
{
    internal const uint User = 107;
    private const string KvmDevice = "/dev/kvm";
    private const string Redirect = "l=$1 a=$2 s=$3; shift 3; exec \"$@\" </dev/null >>\"$l\" 2>&1 8<\"$a\" 9>\"$s\"";

    /// <summary>What programs need to know of the system: no accounts, no keys.</summary>
    private static readonly string[] SystemFiles =
    [
        "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts",
        "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/crypto-policies", "/etc/dotnet",
    ];

    private readonly Process _process;
    private readonly string _status;

    private Sandbox(Process process, string status)
    {
        (_process, _status) = (process, status);
        Ended = EndAsync();
    }

    /// <summary>Ends when nothing of it runs any more.</summary>
    internal Task<SandboxEnd> Ended { get; }

    /// <summary>Starts it; its output goes to <paramref name="files"/><c>.log</c>.</summary>
    /// <exception cref="PodException">It can't be started.</exception>
    internal static async Task<Sandbox> StartAsync(SandboxPlan plan, string node, string files)
    {
        await File.WriteAllBytesAsync($"{files}.args", Encoding.UTF8.GetBytes(string.Concat(Arguments(plan, node).Select(one => $"{Checked(one)}\0"))));
        var groups = plan.Kvm && Posix.IsRoot ? $"--groups={await GroupAsync(KvmDevice)}" : "--clear-groups";
        string[] user = Posix.IsRoot ? ["setpriv", $"--reuid={User}", $"--regid={User}", groups, "--inh-caps=-all", "--"] : [];
        try
        {
            return new(
                await LaunchThread.StartAsync(
                    ["/bin/sh", "-c", Redirect, "sh", $"{files}.log", $"{files}.args", $"{files}.status", "bwrap", "--args", "8", "--json-status-fd", "9", "--", .. user, .. plan.Command.Select(Checked)]),
                $"{files}.status");
        }
        catch (Win32Exception fault)
        {
            throw new PodException("StartError", $"the container can't be started: {fault.Message}; give shorter arguments, or install util-linux and bubblewrap");
        }
    }

    /// <summary>Tells the program to end; whether it was told: it may not have begun yet.</summary>
    internal bool Signal(int signal)
    {
        // bubblewrap makes the sandbox's first process the leader of a group; being the first, it does not heed SIGTERM itself.
        if (ChildPattern().Match(Status()) is not { Success: true } found)
        {
            return false;
        }

        return _process.HasExited || Posix.Kill(-int.Parse(found.Groups["pid"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture), signal) == 0;
    }

    /// <summary>Ends it by force.</summary>
    internal async Task KillAsync()
    {
        Signal(Posix.SigKill);
        if (await Task.WhenAny(Ended, Task.Delay(TimeSpan.FromSeconds(1))) != Ended)
        {
            _process.Kill();
        }
    }

    private static List<string> Arguments(SandboxPlan plan, string node)
    {
        List<string> all =
        [
            "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", plan.HostName,
            .. Posix.IsRoot ? (string[])["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] : ["--unshare-user", "--uid", $"{User}", "--gid", $"{User}"],
            "--ro-bind", "/usr", "/usr",
        ];
        foreach (var folder in (string[])["bin", "lib", "lib64", "sbin"])
        {
            all.AddRange(new DirectoryInfo($"/{folder}").LinkTarget is { } target ? ["--symlink", target, $"/{folder}"] : ["--ro-bind-try", $"/{folder}", $"/{folder}"]);
        }

        all.AddRange(["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp", "--dir", "/run", .. plan.Kvm ? (string[])["--dev-bind", KvmDevice, KvmDevice] : []]);
        IEnumerable<Mount> system = SystemFiles.Where(Path.Exists).Select(path => new Mount(path, path, true));
        foreach (var mount in (IEnumerable<Mount>)[.. system, new(Path.Combine(node, "passwd"), "/etc/passwd", true), new(Path.Combine(node, "group"), "/etc/group", true), .. plan.Mounts])
        {
            // Else bubblewrap makes them for root's eyes only.
            for (var end = mount.Path.IndexOf('/', 1); end > 0; end = mount.Path.IndexOf('/', end + 1))
            {
                all.AddRange(["--perms", "0755", "--dir", mount.Path[..end]]);
            }

            all.AddRange([mount.ReadOnly ? "--ro-bind" : "--bind", mount.Source, mount.Path]);
        }

        all.AddRange(["--remount-ro", "/", "--chdir", plan.WorkingFolder ?? "/", "--clearenv"]);
        foreach (var (name, value) in plan.Environment)
        {
            all.AddRange(["--setenv", name, value]);
        }

        return all;
    }

    /// <summary>A zero byte would end an argument, and what follows it would be another one of bubblewrap's own.</summary>
    private static string Checked(string argument) => argument.Contains('\0', StringComparison.Ordinal)
        ? throw new PodException("StartError", "an argument, a variable or a path has a zero byte: take it away")
        : argument;

    private static async Task<string> GroupAsync(string path)
    {
        using var asked = await LaunchThread.StartAsync(["stat", "-c", "%g", path], redirect: true);
        return (await asked.StandardOutput.ReadToEndAsync()).Trim();
    }

    private async Task<SandboxEnd> EndAsync()
    {
        await _process.WaitForExitAsync();
        var code = _process.ExitCode;
        // bubblewrap tells the program's exit code only where it came to run it.
        return new(code, code is 0 or 128 + Posix.SigKill || Status().Contains("\"exit-code\"", StringComparison.Ordinal) ? null : "the sandbox could not be made; its log says why");
    }

    private string Status()
    {
        try
        {
            return File.ReadAllText(_status);
        }
        catch (IOException)
        {
            return "";
        }
    }

    [GeneratedRegex("\"child-pid\": *(?<pid>[0-9]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ChildPattern();
}
