using System.Net;
using System.Text;
using System.Text.Json;
using ContainerDisks;
using ContainerDisks.Pull;
using Kubernetes;
using Kubernetes.Models;
using Registry;

namespace LocalCluster.Cdi.Populate;

/// <summary>Imports a container disk.</summary>
internal sealed class RegistryPopulation(
    CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status, RegistrySource source)
    : ImportPopulation(world, transfers, dataVolume, claim, status)
{
    protected override string? Saying => $"failed to pull image: {source.Url}";

    protected override async Task FetchAsync(CancellationToken cancellation)
    {
        await using var access = await RegistryDoor.OpenAsync(World, DataVolume.Metadata.Namespace!, source, cancellation);
        var image = await ResolvedImage.FindAsync(access.Client, access.Image, source.Platform?.Architecture ?? Hints.MachineArchitecture, cancellation);
        var labels = EnvironmentLabels.Of(image.Config.Config?.Env);
        await World.Client.ChangeAsync(
            Kinds.PersistentVolumeClaims, Claim.Metadata.Namespace, Claim.Metadata.Name!,
            now => now.Metadata.Uid == Claim.Metadata.Uid && EnvironmentLabels.Add(now.Metadata, labels), cancellation);
        await new ContainerDiskPull(access.Client, World.Options.Log, Report).RunAsync(
            image, new PullTarget { Path = World.Store.Unfinished(Volume), Overwrite = true, MaxLength = MostBytes }, cancellation);
    }
}

/// <summary>A registry as the objects of a namespace describe it.</summary>
internal sealed class RegistryDoor : IAsyncDisposable
{
    /// <summary>How addresses of images begin.</summary>
    internal const string Scheme = "docker://";

    private readonly string _folder;

    private RegistryDoor(ImageReference image, RegistryClient client, string folder) => (Image, Client, _folder) = (image, client, folder);

    /// <summary>The image.</summary>
    internal ImageReference Image { get; }

    /// <summary>Its repository.</summary>
    internal RegistryClient Client { get; }

    /// <summary>Connects, with the source's Secret and ConfigMap where it names some.</summary>
    internal static async Task<RegistryDoor> OpenAsync(CdiWorld world, string inNamespace, RegistrySource source, CancellationToken cancellation)
    {
        var image = ParseUrl(source.Url);
        var folder = world.Store.Temporary();
        try
        {
            var options = new RegistryOptions
            {
                Insecure = IsLoopback(image.Host) || world.Options.InsecureRegistries.Contains(image.Host),
                DockerConfig = source.SecretRef is { Length: > 0 } secret ? await ConfigAsync(world, inNamespace, secret, image.Host, folder, cancellation) : null,
                CaFile = source.CertConfigMap is { Length: > 0 } map ? await AuthoritiesAsync(world, inNamespace, map, folder, cancellation) : null,
                Retries = 2,
                Log = world.Options.Log,
                Time = world.Client.Time,
            };
            return new RegistryDoor(image, await RegistryClient.ConnectAsync(image, RegistryAccess.Pull, options, cancellation), folder);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Whether a host, with or without a port, is this machine.</summary>
    internal static bool IsLoopback(string host) => Uri.TryCreate($"http://{host}", UriKind.Absolute, out var uri)
        && (uri.DnsSafeHost == "localhost" || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && IPAddress.IsLoopback(address)));

    /// <summary>The image of a source's address.</summary>
    /// <exception cref="UriFormatException">It is no such address.</exception>
    /// <exception cref="RegistryException">It names no image.</exception>
    internal static ImageReference ParseUrl(string? url) => url?.StartsWith(Scheme, StringComparison.Ordinal) == true
        ? ImageReference.Parse(url[Scheme.Length..])
        : throw new UriFormatException($"\"{url}\" is no image here: {Scheme}HOST/REPOSITORY is read");

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<string> ConfigAsync(CdiWorld world, string inNamespace, string name, string host, string folder, CancellationToken cancellation)
    {
        var data = await DataAsync(world, "secrets", "Secret", inNamespace, name, cancellation);
        var account = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Text("accessKeyId")}:{Text("secretKey")}"));
        var path = Path.Combine(folder, "config.json");
        await File.WriteAllTextAsync(path, $$$$"""{"auths":{"{{{{host}}}}":{"auth":"{{{{account}}}}"}}}""", cancellation);
        return path;

        string Text(string key) => Encoding.UTF8.GetString(Convert.FromBase64String(data.GetValueOrDefault(key, "")));
    }

    private static async Task<string> AuthoritiesAsync(CdiWorld world, string inNamespace, string name, string folder, CancellationToken cancellation)
    {
        var data = await DataAsync(world, "configmaps", "ConfigMap", inNamespace, name, cancellation);
        var path = Path.Combine(folder, "ca.pem");
        await File.WriteAllTextAsync(path, string.Join('\n', data.Values), cancellation);
        return path;
    }

    private static async Task<Dictionary<string, string>> DataAsync(
        CdiWorld world, string plural, string kind, string inNamespace, string name, CancellationToken cancellation)
    {
        var found = await world.Client.GetAsync(Kinds.Any("", "v1", plural, kind, true), inNamespace, name, cancellation);
        return found.Unknown?.GetValueOrDefault("data") is { ValueKind: JsonValueKind.Object } data
            ? data.EnumerateObject().ToDictionary(pair => pair.Name, pair => pair.Value.GetString() ?? "", StringComparer.Ordinal)
            : [];
    }
}

/// <summary>An image's variables that are labels of what is made of it (CDI, pkg/importer/util.go envToLabel).</summary>
internal static class EnvironmentLabels
{
    private const string Mark = "KUBEVIRT_IO_";

    /// <summary>Label and value of each variable that is one.</summary>
    internal static IReadOnlyDictionary<string, string> Of(IEnumerable<string>? variables)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in variables ?? [])
        {
            var at = variable.IndexOf('=', StringComparison.Ordinal);
            var mark = variable.IndexOf(Mark, StringComparison.Ordinal);
            if (mark >= 0 && mark + Mark.Length < at)
            {
                var label = $"{variable[..mark].Replace('_', '.')}kubevirt.io/{variable[(mark + Mark.Length)..at].Replace('_', '-')}";
                labels[label.ToLowerInvariant()] = variable[(at + 1)..];
            }
        }

        return labels;
    }

    /// <summary>Adds them where they are not there yet; what is no label's value is left out.</summary>
    internal static bool Add(ObjectMeta meta, IReadOnlyDictionary<string, string> labels)
    {
        var changed = false;
        foreach (var (name, value) in labels.Where(pair => GoldenImages.LabelValue.Mistake(pair.Value) is null))
        {
            changed |= (meta.Labels ??= []).TryAdd(name, value);
        }

        return changed;
    }
}
