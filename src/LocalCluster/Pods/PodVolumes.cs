using System.Globalization;
using System.Text;
using System.Text.Json;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Microsoft.Win32.SafeHandles;

namespace LocalCluster.Pods;

/// <summary>
/// A pod's volumes as folders and files of the node. ConfigMaps and Secrets are laid out as the kubelet does it, once: what changes in them
/// later, a running pod does not see. Sizes of emptyDir are not enforced.
/// </summary>
internal sealed class PodVolumes(KubernetesClient client, PodRunnerOptions options, Pod pod, string folder) : IDisposable
{
    private const string TokenFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string TokenVolume = ".token";
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromHours(1);
    private static readonly string[] NotToHide = ["/app", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/proc", "/sys"];
    private readonly Dictionary<string, Source> _sources = new(StringComparer.Ordinal);
    private readonly List<SafeFileHandle> _handles = [];
    private string Space => pod.Metadata.Namespace!;

    private sealed record Source(string Path, bool ReadOnly, bool Block = false);

    /// <summary>Makes what is not made yet.</summary>
    /// <returns>When the token must be renewed; null without one.</returns>
    /// <exception cref="PodException">Something is missing, or can't be.</exception>
    internal async Task<DateTimeOffset?> PrepareAsync(CancellationToken cancellation)
    {
        foreach (var volume in pod.Spec.Volumes ?? [])
        {
            if (!_sources.ContainsKey(volume.Name) && volume.Unknown?.ContainsKey("projected") != true)
            {
                _sources[volume.Name] = await PrepareAsync(volume, Path.Combine(folder, Name(volume.Name)), cancellation);
            }
        }

        return await HasTokenAsync(cancellation) ? await RenewTokenAsync(cancellation) : null;
    }

    /// <summary>Writes a fresh token; when the next one is due.</summary>
    internal async Task<DateTimeOffset> RenewTokenAsync(CancellationToken cancellation)
    {
        var account = pod.Spec.ServiceAccountName is { Length: > 0 } name ? name : "default";
        TokenRequestStatus token;
        try
        {
            token = await client.CreateTokenAsync(Space, account, TokenLifetime, cancellation);
        }
        catch (KubernetesException fault)
        {
            throw PodException.Missing(fault.Message);
        }

        var path = Path.Combine(folder, TokenVolume);
        Publish(path, secret: true, [
            ("token", Encoding.UTF8.GetBytes(token.Token), 0x1a4), ("ca.crt", await File.ReadAllBytesAsync(options.ApiServerCaFile, cancellation), 0x1a4), ("namespace", Encoding.UTF8.GetBytes(Space), 0x1a4)]);
        _sources[TokenVolume] = new(path, true);
        var now = client.Time.GetUtcNow();
        return now + (((token.ExpirationTimestamp ?? now + TokenLifetime) - now) * 0.8);
    }

    /// <summary>What a container sees of them, parents before children.</summary>
    /// <exception cref="PodException">A mount leads where it must not.</exception>
    internal IReadOnlyList<Mount> MountsOf(Container container)
    {
        List<Mount> mounts = [];
        foreach (var mount in container.VolumeMounts ?? [])
        {
            var source = SourceOf(container, mount.Name);
            Require(!source.Block, container, $"volume {mount.Name} is a block device: use volumeDevices");
            Require(mount.Unknown?.ContainsKey("subPathExpr") != true, container, "subPathExpr is not supported: use subPath");
            mounts.Add(new(Below(container, mount, source.Path), Place(container, mount.MountPath), source.ReadOnly || mount.ReadOnly == true));
        }

        foreach (var device in container.VolumeDevices ?? [])
        {
            var source = SourceOf(container, device.Name);
            Require(source.Block, container, $"volume {device.Name} is a file system: use volumeMounts");
            mounts.Add(new(source.Path, Place(container, device.DevicePath), source.ReadOnly));
        }

        if (_sources.TryGetValue(TokenVolume, out var token) && mounts.All(one => one.Path != TokenFolder))
        {
            mounts.Add(new(token.Path, TokenFolder, true));
        }

        // A place inside another volume would be made there, by the node and wherever that volume's links lead.
        foreach (var one in mounts)
        {
            Require(
                !mounts.Any(other => !ReferenceEquals(one, other) && (one.Path == other.Path || one.Path.StartsWith($"{other.Path}/", StringComparison.Ordinal))), container,
                $"{one.Path} lies in another volume: give it a place of its own");
        }

        return mounts;
    }

    /// <summary>The folder of the volume that a container mounts at a path; null where it mounts none.</summary>
    internal string? FolderAt(Container container, string path) =>
        container.VolumeMounts?.FirstOrDefault(mount => mount.MountPath.TrimEnd('/') == path && string.IsNullOrEmpty(mount.SubPath)) is { } found
        && _sources.GetValueOrDefault(found.Name) is { Block: false } source ? source.Path : null;

    /// <inheritdoc/>
    public void Dispose() => _handles.ForEach(one => one.Dispose());

    private static void Require(bool holds, Container container, string otherwise)
    {
        if (!holds)
        {
            throw PodException.Refused($"container {container.Name}: {otherwise}");
        }
    }

    private static string Name(string name) => name.Length is > 0 and < 64 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-')
        ? name
        : throw PodException.Refused($"\"{name}\" can't be the name of a volume");

    /// <summary>A path in a container: absolute, without detours, and nothing of the system's own.</summary>
    private static string Place(Container container, string path)
    {
        path = path.TrimEnd('/');
        Require(path.StartsWith('/') && path.Split('/')[1..].All(part => part is not ("" or "." or "..")), container, $"the path \"{path}\" is none: give an absolute one without ..");
        Require(path != "/dev" && !NotToHide.Any(one => path == one || path.StartsWith($"{one}/", StringComparison.Ordinal)), container, $"nothing can be mounted at {path}: give another path");
        return path;
    }

    private string Below(Container container, VolumeMount mount, string path)
    {
        if (string.IsNullOrEmpty(mount.SubPath))
        {
            return path;
        }

        Require(!mount.SubPath.StartsWith('/') && !mount.SubPath.Split('/').Contains(".."), container, $"subPath \"{mount.SubPath}\" leads out of volume {mount.Name}");
        try
        {
            var found = Posix.OpenBelow(path, mount.SubPath);
            _handles.Add(found);
            return string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{found.DangerousGetHandle()}");
        }
        catch (IOException)
        {
            throw PodException.Refused($"container {container.Name}: volume {mount.Name} has no {mount.SubPath}: make it first, or leave subPath away");
        }
    }

    private Source SourceOf(Container container, string volume) => _sources.GetValueOrDefault(volume)
        ?? (pod.Spec.Volumes?.Any(one => one.Name == volume && one.Unknown?.ContainsKey("projected") == true) == true ? _sources.GetValueOrDefault(TokenVolume) : null)
        ?? throw PodException.Refused($"container {container.Name}: the pod has no volume {volume}");

    private async Task<Source> PrepareAsync(Volume volume, string path, CancellationToken cancellation)
    {
        switch (volume)
        {
            case { EmptyDir: not null }:
                Directory.CreateDirectory(path);
                File.SetUnixFileMode(path, (UnixFileMode)0x1ff);
                Posix.Give(path, Sandbox.User);
                return new(path, false);
            case { ConfigMap: { } map }:
                var texts = await client.FindAsync(Kinds.ConfigMaps, Space, map.Name, cancellation);
                var values = (texts?.Data ?? []).ToDictionary(one => one.Key, one => Encoding.UTF8.GetBytes(one.Value));
                foreach (var (key, value) in texts?.BinaryData ?? [])
                {
                    values[key] = Convert.FromBase64String(value);
                }

                Publish(path, false, Files($"ConfigMap {Space}/{map.Name}", texts is not null, values, map.Items, map.Optional, ModeOf(map)));
                return new(path, true);
            case { Secret: { } secret }:
                var found = await client.FindAsync(Kinds.Secrets, Space, secret.SecretName, cancellation);
                var secrets = (found?.Data ?? []).ToDictionary(one => one.Key, one => Convert.FromBase64String(one.Value));
                Publish(path, true, Files($"Secret {Space}/{secret.SecretName}", found is not null, secrets, secret.Items, secret.Optional, ModeOf(secret)));
                return new(path, true);
            case { PersistentVolumeClaim: { } claim }:
                var subject = $"PersistentVolumeClaim {Space}/{claim.ClaimName}";
                var bound = await client.FindAsync(Kinds.PersistentVolumeClaims, Space, claim.ClaimName, cancellation) ?? throw PodException.Missing($"{subject} is not there");
                if (!bound.IsBound || bound.Metadata.DeletionTimestamp is not null)
                {
                    throw PodException.Missing($"{subject} is {(bound.IsBound ? "being deleted" : "not bound yet")}");
                }

                var disk = await options.VolumePath(Space, claim.ClaimName, cancellation);
                var isBlock = bound.Spec.VolumeMode == "Block";
                return File.Exists(disk) || (!isBlock && Directory.Exists(Path.GetDirectoryName(disk)))
                    ? new(isBlock ? disk : Path.GetDirectoryName(disk)!, claim.ReadOnly == true, isBlock)
                    : throw PodException.Missing($"{subject} has no disk: {disk} is not there");
            default:
                throw PodException.Refused($"volume {volume.Name} is of a kind that this node does not have: use emptyDir, configMap, secret or persistentVolumeClaim");
        }
    }

    private static int ModeOf(OpenObject part) => part.Unknown?.GetValueOrDefault(part is KeyToPath ? "mode" : "defaultMode") is { ValueKind: JsonValueKind.Number } mode ? mode.GetInt32() & 0x1ff : part is KeyToPath ? 0 : 0x1a4;

    private static List<(string Path, byte[] Bytes, int Mode)> Files(
        string subject, bool isThere, Dictionary<string, byte[]> values, List<KeyToPath>? items, bool? optional, int mode)
    {
        if (!isThere && optional != true)
        {
            throw PodException.Missing($"{subject} is not there: make it, or the pod waits");
        }

        List<(string, byte[], int)> files = [];
        foreach (var item in items ?? [.. values.Keys.Select(key => new KeyToPath { Key = key, Path = key })])
        {
            if (item.Path.StartsWith("..", StringComparison.Ordinal) || item.Path.Split('/').Any(part => part is "" or "." or "..") || item.Path.Contains('\0', StringComparison.Ordinal))
            {
                throw PodException.Refused($"{subject}: \"{item.Path}\" can't be a file's path");
            }

            if (values.TryGetValue(item.Key, out var value))
            {
                files.Add((item.Path, value, ModeOf(item) is > 0 and var own ? own : mode));
            }
            else if (optional != true)
            {
                throw PodException.Missing($"{subject} has no key {item.Key}");
            }
        }

        return files;
    }

    /// <summary>Puts files in place all at once, as the kubelet's atomic writer does: <c>..data</c> leads to the folder of the time.</summary>
    private static void Publish(string path, bool secret, IEnumerable<(string Path, byte[] Bytes, int Mode)> files)
    {
        // Nobody but the pod's user and us gets to a secret.
        Directory.CreateDirectory(path, (UnixFileMode)(secret ? 0x1c0 : 0x1ed));
        Posix.Give(path, Sandbox.User);
        var fresh = $"..{Guid.NewGuid():N}";
        var before = new DirectoryInfo(Path.Combine(path, "..data")).LinkTarget;
        Directory.CreateDirectory(Path.Combine(path, fresh));
        foreach (var (name, bytes, mode) in files)
        {
            var file = Path.Combine(path, fresh, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, bytes);
            Posix.Give(file, Sandbox.User);
            File.SetUnixFileMode(file, (UnixFileMode)mode);
            var top = name.Split('/')[0];
            if (new FileInfo(Path.Combine(path, top)).LinkTarget is null)
            {
                File.CreateSymbolicLink(Path.Combine(path, top), $"..data/{top}");
            }
        }

        File.CreateSymbolicLink(Path.Combine(path, "..data_tmp"), fresh);
        Posix.Rename(Path.Combine(path, "..data_tmp"), Path.Combine(path, "..data"));
        if (before is not null)
        {
            Directory.Delete(Path.Combine(path, before), recursive: true);
        }
    }

    private async Task<bool> HasTokenAsync(CancellationToken cancellation)
    {
        if (_sources.ContainsKey(TokenVolume))
        {
            return false;
        }

        if (Mounts(pod.Spec) is { } said)
        {
            return said;
        }

        var account = pod.Spec.ServiceAccountName is { Length: > 0 } name ? name : "default";
        var found = await client.FindAsync(Kinds.ServiceAccounts, Space, account, cancellation) ?? throw PodException.Missing($"ServiceAccount {Space}/{account} is not there: make it, or the pod waits");
        return Mounts(found) ?? true;
    }

    private static bool? Mounts(OpenObject part) =>
        part.Unknown?.GetValueOrDefault("automountServiceAccountToken") is { ValueKind: JsonValueKind.True or JsonValueKind.False } said ? said.GetBoolean() : null;
}
