using System.Text.Json;
using Registry;

namespace ContainerDisks.Push;

/// <summary>Makes the manifest and the configuration of a container disk: the same bytes for the same input.</summary>
internal static class ImageBuilder
{
    // Part of the image's identity, and no clock may be: the epoch.
    private const string Created = "1970-01-01T00:00:00Z";

    internal static byte[] Config(PushRequest request, Digest diffId)
    {
        var environment = request.Hints.ToEnvironment();
        return JsonSerializer.SerializeToUtf8Bytes(
            new ImageConfig
            {
                Created = Created,
                Architecture = request.Architecture,
                Os = "linux",
                Config = new ContainerConfig { Env = environment.Count > 0 ? environment : null },
                RootFileSystem = new RootFileSystem { Type = "layers", DiffIds = [diffId.ToString()] },
            },
            OciJson.Default.ImageConfig);
    }

    internal static byte[] Manifest(PushRequest request, byte[] config, Digest layer, long layerLength, Digest disk, string compressor)
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [Annotations.DiskDigest] = disk.ToString(),
            [Annotations.Compressor] = compressor,
        };
        if (!string.IsNullOrEmpty(request.SourceReference))
        {
            annotations[Annotations.BaseName] = request.SourceReference;
        }

        if (!string.IsNullOrEmpty(request.SourceDigest))
        {
            annotations[Annotations.BaseDigest] = request.SourceDigest;
        }

        return JsonSerializer.SerializeToUtf8Bytes(
            new ImageManifest
            {
                MediaType = MediaTypes.Manifest,
                Config = new Descriptor { MediaType = MediaTypes.Config, Digest = Digest.Of(config).ToString(), Size = config.Length },
                Layers =
                [
                    new Descriptor
                    {
                        MediaType = request.Level is null ? MediaTypes.Layer : MediaTypes.LayerGzip,
                        Digest = layer.ToString(),
                        Size = layerLength,
                    },
                ],
                Annotations = annotations,
            },
            OciJson.Default.ImageManifest);
    }
}
