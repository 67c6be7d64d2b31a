namespace Lab;

/// <summary>
/// A container's confinement without a container: uid 107, no capabilities, no new privileges, read-only root, no network,
/// processes, temporary folder and home of its own. The steps must work there.
/// </summary>
/// <param name="binds">Folders of this machine that are writable inside, by the place where they appear.</param>
public sealed class Sandbox(IReadOnlyDictionary<string, string> binds)
{
    /// <summary>The user of qemu, CDI and KubeVirt.</summary>
    public const int User = 107;

    /// <summary>Further arguments of bwrap(1), such as a small tmpfs for a volume.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>Variables inside, beside PATH, HOME, TMPDIR and DOTNET_ROOT.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Runs a program inside.</summary>
    public ToolResult Run(string program, params string[] arguments) => Tool.TryWith("bwrap", Arguments(program, arguments), null, TimeSpan.FromMinutes(3));

    private List<string> Arguments(string program, string[] arguments)
    {
        List<string> all =
        [
            "--unshare-all", "--uid", User.ToString(), "--gid", User.ToString(), "--cap-drop", "ALL", "--new-session", "--die-with-parent",
            "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/mnt", "--dir", "/tmp/results",
        ];
        foreach (var (place, folder) in binds)
        {
            all.AddRange(["--bind", folder, place]);
        }

        all.AddRange(More);
        all.AddRange(["--clearenv", "--setenv", "PATH", "/usr/bin:/bin:/usr/sbin:/sbin", "--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp"]);
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } runtime)
        {
            all.AddRange(["--setenv", "DOTNET_ROOT", runtime]);
        }

        foreach (var (name, value) in Variables)
        {
            all.AddRange(["--setenv", name, value]);
        }

        return [.. all, "--", program, .. arguments];
    }
}
