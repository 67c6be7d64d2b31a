using ContainerDisks.Pull;
using ContainerDisks.Push;
using Disks;
using Lab;
using Registry;

namespace ContainerDisks.Tests;

/// <summary>A registry, a folder, and short ways to push and pull.</summary>
public sealed class Bench : IDisposable
{
    public DockerRegistry Registry { get; } = DockerRegistry.Start();

    public Scratch Scratch { get; } = new();

    public List<string> Log { get; } = [];

    public static RegistryOptions Options { get; } = new()
    {
        Insecure = true,
        FirstDelay = TimeSpan.FromMilliseconds(5),
        ChunkSize = 1 << 20,
    };

    public void Dispose()
    {
        Registry.Dispose();
        Scratch.Dispose();
    }

    /// <summary>A disk of 40 MiB: random and repetitive places, holes between.</summary>
    public string Disk(string name = "disk.raw", bool holes = true, int seed = 1)
    {
        var path = Scratch[name];
        var random = new System.Random(seed);
        using var file = File.Create(path);
        if (!holes)
        {
            file.Write(new byte[40 << 20]);
        }

        file.SetLength(40 << 20);
        foreach (var place in (int[])[0, 1 << 20, 5 << 20, 17 << 20, (40 << 20) - 3000])
        {
            var bytes = new byte[Math.Min((40 << 20) - place, 3_500_000)];
            random.NextBytes(bytes.AsSpan(0, bytes.Length / 3));
            for (var at = bytes.Length / 3; at < bytes.Length / 2; at++)
            {
                bytes[at] = (byte)(at % 251);
            }

            file.Position = place;
            file.Write(bytes);
        }

        return path;
    }

    public async Task<PushedImage> PushAsync(string disk, string tag, Func<PushRequest, PushRequest>? change = null, string? host = null)
    {
        var image = ImageReference.Parse($"{host ?? Registry.Host}/lab/disk:{tag}");
        using var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Push, Options, CancellationToken.None);
        using var source = Disks.Disk.Open(disk, DiskFormat.Raw);
        var request = new PushRequest { Image = image, Architecture = "amd64" };
        return await new ContainerDiskPush(client, Log.Add, _ => { }).RunAsync(source, change?.Invoke(request) ?? request, CancellationToken.None);
    }

    public async Task<PulledDisk> PullAsync(string pointer, string path, DiskFormat? format = null, string architecture = "amd64", string repository = "lab/disk")
    {
        var image = ImageReference.Parse($"{Registry.Host}/{repository}{(pointer.Contains(':', StringComparison.Ordinal) ? "@" : ":")}{pointer}");
        using var client = await RegistryClient.ConnectAsync(image, RegistryAccess.Pull, Options, CancellationToken.None);
        var found = await ResolvedImage.FindAsync(client, image, architecture, CancellationToken.None);
        return await new ContainerDiskPull(client, Log.Add, (_, _) => { }).RunAsync(found, new PullTarget { Path = path, Format = format }, CancellationToken.None);
    }

    /// <summary>Pulls with skopeo and unpacks with tar: what CDI and containerd would get.</summary>
    public string Unpack(string tag)
    {
        var folder = Scratch[$"unpacked-{tag}"];
        Tool.Run("skopeo", "copy", "--quiet", "--src-tls-verify=false", $"docker://{Registry.Host}/lab/disk:{tag}", $"dir:{folder}");
        var layer = Directory.GetFiles(folder).MaxBy(file => new FileInfo(file).Length)!;
        Tool.Run("tar", "--extract", "--no-same-owner", "--no-same-permissions", "--file", layer, "--directory", folder);
        return Path.Combine(folder, "disk", "disk.qcow2");
    }
}
