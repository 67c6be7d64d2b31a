using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kubernetes.Models;

/// <summary>How the models are read and written: no reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(ObjectList<PersistentVolumeClaim>))]
[JsonSerializable(typeof(ObjectList<Pod>))]
[JsonSerializable(typeof(ObjectList<Namespace>))]
[JsonSerializable(typeof(ObjectList<ConfigMap>))]
[JsonSerializable(typeof(ObjectList<Secret>))]
[JsonSerializable(typeof(ObjectList<ServiceAccount>))]
[JsonSerializable(typeof(TokenRequest))]
[JsonSerializable(typeof(ObjectList<Event>))]
[JsonSerializable(typeof(ObjectList<StorageClass>))]
[JsonSerializable(typeof(ObjectList<DataVolume>))]
[JsonSerializable(typeof(ObjectList<DataSource>))]
[JsonSerializable(typeof(ObjectList<DataImportCron>))]
[JsonSerializable(typeof(ObjectList<VolumeCloneSource>))]
[JsonSerializable(typeof(ObjectList<StorageProfile>))]
[JsonSerializable(typeof(ObjectList<VolumeSnapshot>))]
[JsonSerializable(typeof(ObjectList<AnyObject>))]
[JsonSerializable(typeof(ObjectList<SubjectAccessReview>))]
[JsonSerializable(typeof(ObjectList<SelfSubjectAccessReview>))]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(DeleteOptions))]
public sealed partial class KubernetesJson : JsonSerializerContext;

/// <summary>How the lines of a watch are read.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RawWatchEvent))]
internal sealed partial class WatchJson : JsonSerializerContext;

/// <summary>An object of any kind: its metadata, and all else as it came.</summary>
public sealed class AnyObject : KubernetesObject;

/// <summary>One line of a watch.</summary>
internal sealed class RawWatchEvent
{
    /// <summary>ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.</summary>
    public string Type { get; set; } = "";

    /// <summary>The object, or a Status.</summary>
    public JsonElement Object { get; set; }
}

/// <summary>How something is deleted (meta/v1 DeleteOptions).</summary>
public sealed class DeleteOptions
{
    /// <summary>Delete only this very object.</summary>
    public Preconditions? Preconditions { get; set; }

    /// <summary><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>.</summary>
    public string? PropagationPolicy { get; set; }

    /// <summary>How long a pod has to end; 0 for "it has ended"; null for what the pod says.</summary>
    public long? GracePeriodSeconds { get; set; }
}

/// <summary>What must hold for a deletion; 409 where it does not.</summary>
public sealed class Preconditions
{
    /// <summary>The object's uid.</summary>
    public string? Uid { get; set; }

    /// <summary>The object's version.</summary>
    public string? ResourceVersion { get; set; }
}

/// <summary>Times as Kubernetes writes them: RFC 3339, UTC, in seconds (meta/v1 Time).</summary>
internal sealed class TimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DateTimeOffset.TryParse(reader.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new JsonException($"\"{reader.GetString()}\" is not a time");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}

/// <summary>Nothing: the value of a field that is passed over.</summary>
public sealed class PassedOver;

/// <summary>Passes over a field, whatever is in it.</summary>
internal sealed class PassedOverConverter : JsonConverter<PassedOver>
{
    public override PassedOver? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Skip();
        return null;
    }

    public override void Write(Utf8JsonWriter writer, PassedOver value, JsonSerializerOptions options) => writer.WriteNullValue();
}
