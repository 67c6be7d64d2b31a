using System.Text.Json.Serialization;

namespace Registry;

/// <summary>The media types that are understood (OCI image spec, "Media Types"; docker's image manifest v2 schema 2).</summary>
public static class MediaTypes
{
    /// <summary>An OCI image.</summary>
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    /// <summary>OCI images, one per platform.</summary>
    public const string Index = "application/vnd.oci.image.index.v1+json";

    /// <summary>An OCI image's configuration.</summary>
    public const string Config = "application/vnd.oci.image.config.v1+json";

    /// <summary>A layer as it is.</summary>
    public const string Layer = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>A layer compressed with gzip.</summary>
    public const string LayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>A layer compressed with zstd.</summary>
    public const string LayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

    /// <summary>A docker image.</summary>
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>Docker images, one per platform.</summary>
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>A docker layer compressed with gzip.</summary>
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// <summary>A docker layer as it is.</summary>
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
}

/// <summary>Points at content (OCI image spec, "Content Descriptors").</summary>
public sealed record Descriptor
{
    /// <summary>What it is.</summary>
    [JsonPropertyName("mediaType"), JsonPropertyOrder(0)]
    public string? MediaType { get; init; }

    /// <summary>Its digest, as the registry wrote it: check before use.</summary>
    [JsonPropertyName("digest"), JsonPropertyOrder(1)]
    public string? Digest { get; init; }

    /// <summary>Its bytes.</summary>
    [JsonPropertyName("size"), JsonPropertyOrder(2)]
    public long Size { get; init; }

    /// <summary>In an index: for which machine.</summary>
    [JsonPropertyName("platform"), JsonPropertyOrder(3)]
    public Platform? Platform { get; init; }

    /// <summary>Free key and value pairs.</summary>
    [JsonPropertyName("annotations"), JsonPropertyOrder(4)]
    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>A machine (OCI image spec, "Image Index": platform), in Go's names.</summary>
public sealed record Platform
{
    /// <summary>For example <c>amd64</c>.</summary>
    [JsonPropertyName("architecture")]
    public string? Architecture { get; init; }

    /// <summary>For example <c>linux</c>.</summary>
    [JsonPropertyName("os")]
    public string? Os { get; init; }
}

/// <summary>An image manifest (OCI image spec, "Image Manifest"; docker's schema 2 has the same members).</summary>
public sealed record ImageManifest
{
    /// <summary>Always 2.</summary>
    [JsonPropertyName("schemaVersion"), JsonPropertyOrder(0)]
    public int SchemaVersion { get; init; } = 2;

    /// <summary>Which kind of manifest.</summary>
    [JsonPropertyName("mediaType"), JsonPropertyOrder(1)]
    public string? MediaType { get; init; }

    /// <summary>The configuration.</summary>
    [JsonPropertyName("config"), JsonPropertyOrder(2)]
    public Descriptor? Config { get; init; }

    /// <summary>The layers, lowest first.</summary>
    [JsonPropertyName("layers"), JsonPropertyOrder(3)]
    public IReadOnlyList<Descriptor>? Layers { get; init; }

    /// <summary>Free key and value pairs.</summary>
    [JsonPropertyName("annotations"), JsonPropertyOrder(4)]
    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>Images of several platforms under one name (OCI image spec, "Image Index").</summary>
public sealed record ImageIndex
{
    /// <summary>The images.</summary>
    [JsonPropertyName("manifests")]
    public IReadOnlyList<Descriptor>? Manifests { get; init; }
}

/// <summary>An image's configuration (OCI image spec, "Image Configuration"): what a container disk needs of it.</summary>
public sealed record ImageConfig
{
    /// <summary>When it was made, RFC 3339.</summary>
    [JsonPropertyName("created"), JsonPropertyOrder(0)]
    public string? Created { get; init; }

    /// <summary>For example <c>amd64</c>.</summary>
    [JsonPropertyName("architecture"), JsonPropertyOrder(1)]
    public string? Architecture { get; init; }

    /// <summary>For example <c>linux</c>.</summary>
    [JsonPropertyName("os"), JsonPropertyOrder(2)]
    public string? Os { get; init; }

    /// <summary>How a container runs.</summary>
    [JsonPropertyName("config"), JsonPropertyOrder(3)]
    public ContainerConfig? Config { get; init; }

    /// <summary>The layers' uncompressed digests.</summary>
    [JsonPropertyName("rootfs"), JsonPropertyOrder(4)]
    public RootFileSystem? RootFileSystem { get; init; }
}

/// <summary>How a container of the image runs.</summary>
public sealed record ContainerConfig
{
    /// <summary>Variables, <c>NAME=value</c>.</summary>
    [JsonPropertyName("Env")]
    public IReadOnlyList<string>? Env { get; init; }
}

/// <summary>The layers' uncompressed digests.</summary>
public sealed record RootFileSystem
{
    /// <summary>Always <c>layers</c>.</summary>
    [JsonPropertyName("type"), JsonPropertyOrder(0)]
    public string? Type { get; init; }

    /// <summary>The digests of the layers' tar files, lowest first.</summary>
    [JsonPropertyName("diff_ids"), JsonPropertyOrder(1)]
    public IReadOnlyList<string>? DiffIds { get; init; }
}

/// <summary>A registry's error list (OCI distribution spec, "Error Codes").</summary>
internal sealed record ErrorList([property: JsonPropertyName("errors")] IReadOnlyList<ErrorEntry>? Errors);

/// <summary>One error.</summary>
internal sealed record ErrorEntry(
    [property: JsonPropertyName("code")] string? Code, [property: JsonPropertyName("message")] string? Message);

/// <summary>A token server's answer (docker's token authentication specification).</summary>
internal sealed record TokenAnswer
{
    [JsonPropertyName("token")]
    public string? Token { get; init; }

    [JsonPropertyName("access_token")]
    public string? AccessToken { get; init; }

    [JsonPropertyName("expires_in")]
    public double? ExpiresIn { get; init; }
}

/// <summary>docker's <c>config.json</c>, the parts about registries.</summary>
internal sealed record DockerConfigFile
{
    [JsonPropertyName("auths")]
    public Dictionary<string, DockerConfigEntry?>? Auths { get; init; }

    [JsonPropertyName("credsStore")]
    public string? CredsStore { get; init; }

    [JsonPropertyName("credHelpers")]
    public Dictionary<string, string>? CredHelpers { get; init; }
}

/// <summary>One registry in it.</summary>
internal sealed record DockerConfigEntry
{
    [JsonPropertyName("auth")]
    public string? Auth { get; init; }

    [JsonPropertyName("username")]
    public string? Username { get; init; }

    [JsonPropertyName("password")]
    public string? Password { get; init; }

    [JsonPropertyName("identitytoken")]
    public string? IdentityToken { get; init; }
}

/// <summary>Source-generated JSON; members that are null are not written, so that equal images are equal bytes.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(ImageConfig))]
public sealed partial class OciJson : JsonSerializerContext;

/// <summary>The JSON that only this client reads.</summary>
[JsonSerializable(typeof(ErrorList))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(DockerConfigFile))]
internal sealed partial class AnswerJson : JsonSerializerContext;
