using System.Text.Json;
using Registry;

namespace ContainerDisks.Pull;

/// <summary>An image for one machine, found by its name: nothing of its layers is read yet.</summary>
/// <param name="Reference">As it was asked for.</param>
/// <param name="Digest">Of the manifest, or of the index that the name points to: what pins it.</param>
/// <param name="Manifest">The manifest for the machine.</param>
/// <param name="Config">Its configuration.</param>
public sealed record ResolvedImage(ImageReference Reference, Digest Digest, ImageManifest Manifest, ImageConfig Config)
{
    private const int MaxLayers = 128;

    /// <summary>What it recommends.</summary>
    public Hints Hints => Hints.FromEnvironment(Config.Config?.Env);

    /// <summary>Finds an image, through an index by its architecture.</summary>
    /// <param name="registry">Its repository.</param>
    /// <param name="image">Its name.</param>
    /// <param name="architecture">For which machine, as GOARCH.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="ContainerDiskException">Not an image, or none for this machine.</exception>
    /// <exception cref="RegistryException">The registry refused or broke.</exception>
    public static async Task<ResolvedImage> FindAsync(
        RegistryClient registry, ImageReference image, string architecture, CancellationToken cancel)
    {
        var subject = image.ToString();
        var fetched = await registry.GetManifestAsync(image.Pointer, cancel);
        var pin = fetched.Digest;
        if (fetched.MediaType is MediaTypes.Index or MediaTypes.DockerIndex)
        {
            var index = Parse(fetched.Bytes, OciJson.Default.ImageIndex, subject);
            var chosen = index.Manifests?.FirstOrDefault(one => one.Platform?.Architecture == architecture && one.Platform.Os is null or "linux");
            if (chosen is null || !Registry.Digest.TryParse(chosen.Digest, out var digest))
            {
                var known = string.Join(", ", (index.Manifests ?? []).Select(one => one.Platform?.Architecture).Where(name => name is not null).Distinct(StringComparer.Ordinal).Take(20));
                throw new ContainerDiskException(
                    ContainerDiskFault.Missing, subject, $"it has no image for {architecture} (but for: {known})", "name another architecture or image");
            }

            fetched = await registry.GetManifestAsync(digest.ToString(), cancel);
            CheckSize(chosen, fetched.Bytes, subject);
        }

        if (fetched.MediaType is not (MediaTypes.Manifest or MediaTypes.DockerManifest))
        {
            throw new ContainerDiskException(
                ContainerDiskFault.Unsupported, subject, $"a manifest of type {fetched.MediaType} is not known", "push it as an OCI image or with docker's schema 2");
        }

        var manifest = Parse(fetched.Bytes, OciJson.Default.ImageManifest, subject);
        if (manifest.Layers is not { Count: > 0 and <= MaxLayers } || manifest.Config is null || !Registry.Digest.TryParse(manifest.Config.Digest, out var config))
        {
            throw new ContainerDiskException(ContainerDiskFault.Integrity, subject, "its manifest names no layers or no configuration", "do not use this image");
        }

        var configuration = await registry.GetBlobAsync(config, cancel);
        CheckSize(manifest.Config, configuration, subject);
        var parsed = Parse(configuration, OciJson.Default.ImageConfig, subject);
        return !string.IsNullOrEmpty(parsed.Architecture) && parsed.Architecture != architecture
            ? throw new ContainerDiskException(ContainerDiskFault.Missing, subject, $"it is for {parsed.Architecture}, not for {architecture}", "name another architecture or image")
            : new ResolvedImage(image, pin, manifest, parsed);
    }

    /// <summary>A descriptor's size is to be checked like its digest (OCI image spec, "Content Descriptors").</summary>
    private static void CheckSize(Descriptor descriptor, byte[] content, string subject)
    {
        if (descriptor.Size != content.Length)
        {
            throw new ContainerDiskException(
                ContainerDiskFault.Integrity, subject, $"{descriptor.Digest} has {content.Length} bytes, not the {descriptor.Size} that are written", "do not use this image");
        }
    }

    private static T Parse<T>(byte[] bytes, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string subject)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new ContainerDiskException(ContainerDiskFault.Integrity, subject, "its manifest is not valid JSON", "do not use this image", error);
        }
    }
}
