using Lab;

namespace Benchmarks;

/// <summary>Thirteen customizations, a seal and a trim: in one launch, and in the three of the libguestfs tools.</summary>
public sealed class CustomizeBenchmark : IBenchmark
{
    // Both get the same appliance and the same emulation, so that what differs is the work.
    private static readonly Dictionary<string, string> Emulated = new()
    {
        ["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg",
        ["LIBGUESTFS_PATH"] = Repository.Appliance,
    };

    private readonly BenchDisk disk = new();
    private readonly Scratch scratch = new();
    private readonly string commands;

    /// <summary>Writes the commands, in the part of the language that both have.</summary>
    public CustomizeBenchmark()
    {
        for (var i = 0; i < 20; i++)
        {
            scratch.File($"tree/{i / 5}/file-{i}", new string('x', 100 * i));
        }

        scratch.File("motd", "hello\n");
        scratch.File("password", "correct horse battery staple");
        scratch.File("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII bench@example.com\n");
        commands = scratch.File("customize.commands", $"""
            hostname bench
            timezone Europe/Berlin
            write /etc/bench-release:bench
            upload {scratch["motd"]}:/etc/motd
            mkdir /etc/bench/policies
            copy-in {scratch["tree"]}:/opt
            append-line /etc/environment:BENCH=1
            delete /etc/update-motd.d
            chmod 0600:/etc/bench-release
            ssh-inject root:file:{scratch["key.pub"]}
            root-password file:{scratch["password"]}
            run-command systemctl disable apt-daily.timer
            firstboot-command echo hello

            """);
    }

    /// <inheritdoc/>
    public string Title => "customize, seal and trim a 4 GiB Debian disk";

    /// <inheritdoc/>
    public string Ours => "customize-disk --seal";

    /// <inheritdoc/>
    public string Theirs => "virt-customize, virt-sysprep, virt-sparsify --in-place";

    /// <inheritdoc/>
    public int DefaultRuns => 1;

    /// <inheritdoc/>
    public int SecondsPerRun => 240;

    /// <inheritdoc/>
    public (Cost Cost, long ResultBytes) Run(bool ours)
    {
        var copy = disk.Fresh();
        var cost = ours
            ? Meter.Run(Emulated, Repository.Step("customize-disk"), $"--disk={copy}", $"--commands-file={commands}", "--seal=true", "--accelerator=tcg")
            : Meter.Run(Emulated, "virt-customize", "--no-network", "--format", "raw", "-a", copy, "--commands-from-file", commands)
                .Then(Meter.Run(Emulated, "virt-sysprep", "--format", "raw", "-a", copy))
                .Then(Meter.Run(Emulated, "virt-sparsify", "--in-place", "--format", "raw", copy));
        return (cost, BenchDisk.Allocated(copy));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        disk.Dispose();
        scratch.Dispose();
    }
}
