using System.Text.Json;
using Lab;

namespace Benchmarks;

/// <summary>A raw disk into a registry as a container disk: in one pass, and by qemu-img and buildah.</summary>
public sealed class PushBenchmark : IBenchmark
{
    private static readonly Dictionary<string, string> Plain = [];
    private readonly BenchDisk disk = new();

    /// <inheritdoc/>
    public string Title => "push a 4 GiB Debian disk as a container disk";

    /// <inheritdoc/>
    public string Ours => "push-containerdisk";

    /// <inheritdoc/>
    public string Theirs => "qemu-img convert, buildah bud, buildah push";

    /// <inheritdoc/>
    public int DefaultRuns => 3;

    /// <inheritdoc/>
    public int SecondsPerRun => 60;

    /// <inheritdoc/>
    public (Cost Cost, long ResultBytes) Run(bool ours)
    {
        // A registry of its own each time: nobody finds a layer that is already there.
        using var registry = DockerRegistry.Start();
        using var scratch = new Scratch();
        var image = $"{registry.Host}/bench/disk:1";
        var cost = ours
            ? Meter.Run(Plain, Repository.Step("push-containerdisk"), $"--disk={disk.Original}", $"--image={image}", "--insecure=true")
            : PushByTools(scratch, image);
        using var manifest = JsonDocument.Parse(Tool.Run("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{image}").Output);
        return (cost, manifest.RootElement.GetProperty("layers").EnumerateArray().Sum(layer => layer.GetProperty("size").GetInt64()));
    }

    /// <inheritdoc/>
    public void Dispose() => disk.Dispose();

    private Cost PushByTools(Scratch scratch, string image)
    {
        scratch.File("context/Containerfile", "FROM scratch\nADD --chown=107:107 disk.qcow2 /disk/\n");

        // overlayfs cannot lie on overlayfs.
        var driver = Tool.Run("stat", "-f", "-c", "%T", scratch.Folder).Output.Trim() == "overlayfs" ? "vfs" : "overlay";
        var environment = new Dictionary<string, string> { ["TMPDIR"] = scratch.Folder };
        string[] storage = ["--storage-driver", driver, "--root", scratch["storage"], "--runroot", scratch["run"]];
        try
        {
            return Meter.Run(environment, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk.Original, scratch["context/disk.qcow2"])
                .Then(Meter.Run(environment, "buildah", [.. storage, "bud", "--isolation", "chroot", "-t", image, scratch["context"]]))
                .Then(Meter.Run(environment, "buildah", [.. storage, "push", "--tls-verify=false", image]));
        }
        finally
        {
            // buildah may leave its storage mounted on itself.
            Tool.Try("umount", scratch["storage/overlay"]);
        }
    }
}
