using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kubernetes.Models;

/// <summary>
/// A part of an object. What a newer server sends and this program does not know is kept and sent back,
/// so that an update never takes away another's fields.
/// </summary>
public abstract class OpenObject
{
    /// <summary>The fields without a property here.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>What every object of the API has (Kubernetes API conventions, "Objects").</summary>
public abstract class KubernetesObject : OpenObject
{
    /// <summary>Group and version: <c>v1</c>, <c>cdi.kubevirt.io/v1beta1</c>. Lists of custom resources' items may lack it.</summary>
    [JsonPropertyOrder(-3)]
    public string? ApiVersion { get; set; }

    /// <summary>The kind's name.</summary>
    [JsonPropertyOrder(-2)]
    public string? Kind { get; set; }

    /// <summary>Name, namespace, labels and so on.</summary>
    [JsonPropertyOrder(-1)]
    public ObjectMeta Metadata
    {
        get;
        // A broken server's null is no metadata, not our fault.
        set => field = value ?? new();
    } = new();

    /// <summary><c>namespace/name</c>, or the name alone.</summary>
    public override string ToString() => string.IsNullOrEmpty(Metadata.Namespace) ? $"{Metadata.Name}" : $"{Metadata.Namespace}/{Metadata.Name}";
}

/// <summary>Metadata of an object (meta/v1 ObjectMeta).</summary>
public sealed class ObjectMeta : OpenObject
{
    /// <summary>Unique among the kind's objects of the namespace.</summary>
    public string? Name { get; set; }

    /// <summary>Prefix of a name that the server completes.</summary>
    public string? GenerateName { get; set; }

    /// <summary>The namespace; null for kinds of the cluster.</summary>
    public string? Namespace { get; set; }

    /// <summary>Unique over all time.</summary>
    public string? Uid { get; set; }

    /// <summary>The object's version: opaque, to be compared for equality only.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>Counts changes of the spec.</summary>
    public long? Generation { get; set; }

    /// <summary>When the server made it.</summary>
    public DateTimeOffset? CreationTimestamp { get; set; }

    /// <summary>Since when it is being deleted; finalizers hold it.</summary>
    public DateTimeOffset? DeletionTimestamp { get; set; }

    /// <summary>Labels, for selection.</summary>
    public Dictionary<string, string>? Labels { get; set; }

    /// <summary>Annotations.</summary>
    public Dictionary<string, string>? Annotations { get; set; }

    /// <summary>Whom it goes away with.</summary>
    public List<OwnerReference>? OwnerReferences { get; set; }

    /// <summary>What must be done before it goes away.</summary>
    public List<string>? Finalizers { get; set; }

    /// <summary>
    /// Who set which field: often longer than all the rest, and of no use here, so it is passed over when read. The server keeps it when an
    /// update does not have it (Kubernetes docs, "Server-Side Apply", clearing managedFields).
    /// </summary>
    [JsonInclude]
    [JsonConverter(typeof(PassedOverConverter))]
    internal PassedOver? ManagedFields { get; set; }

    /// <summary>A label's value; null without it.</summary>
    public string? Label(string name) => Labels?.GetValueOrDefault(name);

    /// <summary>An annotation's value; null without it.</summary>
    public string? Annotation(string name) => Annotations?.GetValueOrDefault(name);
}

/// <summary>Names an owner in the same namespace, or of the cluster.</summary>
public sealed class OwnerReference : OpenObject
{
    /// <summary>Its group and version.</summary>
    public string ApiVersion { get; set; } = "";

    /// <summary>Its kind.</summary>
    public string Kind { get; set; } = "";

    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its uid.</summary>
    public string Uid { get; set; } = "";

    /// <summary>Whether it is the one that manages the object.</summary>
    public bool? Controller { get; set; }

    /// <summary>Whether a foreground deletion of the owner waits for the object.</summary>
    public bool? BlockOwnerDeletion { get; set; }
}

/// <summary>A condition, as most kinds have them.</summary>
public sealed class Condition : OpenObject
{
    /// <summary>Its type: <c>Ready</c>.</summary>
    public string Type { get; set; } = "";

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string Status { get; set; } = "";

    /// <summary>Why, as one word.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, as a sentence.</summary>
    public string? Message { get; set; }

    /// <summary>When the status changed last.</summary>
    public DateTimeOffset? LastTransitionTime { get; set; }

    /// <summary>When status, reason or message changed last (CDI only).</summary>
    public DateTimeOffset? LastHeartbeatTime { get; set; }

    /// <summary>Whether its status is <c>True</c>.</summary>
    [JsonIgnore]
    public bool IsTrue => Status == "True";

    /// <summary>The condition of a type; null where there is none.</summary>
    public static Condition? Of(IEnumerable<Condition>? conditions, string type) =>
        conditions?.FirstOrDefault(condition => condition?.Type == type);
}

/// <summary>One page of a list.</summary>
public sealed class ObjectList<T> : OpenObject
{
    /// <summary>Version and continuation.</summary>
    public ListMeta Metadata { get; set; } = new();

    /// <summary>The objects. Servers in Go may send null for an empty list.</summary>
    [AllowNull]
    public List<T> Items { get; set => field = value ?? []; } = [];
}

/// <summary>Metadata of a list.</summary>
public sealed class ListMeta : OpenObject
{
    /// <summary>The version that the list shows: where a watch goes on.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>Token of the next page; empty on the last one.</summary>
    public string? Continue { get; set; }
}

/// <summary>A failure as the API server tells it (meta/v1 Status).</summary>
public sealed class Status : OpenObject
{
    /// <summary>HTTP status.</summary>
    public int? Code { get; set; }

    /// <summary>Why, as one word: <c>AlreadyExists</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, as a sentence.</summary>
    public string? Message { get; set; }

    /// <summary>More of it.</summary>
    public StatusDetails? Details { get; set; }
}

/// <summary>Details of a failure.</summary>
public sealed class StatusDetails : OpenObject
{
    /// <summary>The object; empty when the address itself is unknown to the server.</summary>
    public string? Name { get; set; }

    /// <summary>The object's kind, or resource.</summary>
    public string? Kind { get; set; }

    /// <summary>Seconds to wait before the request is sent again.</summary>
    public int? RetryAfterSeconds { get; set; }

    /// <summary>The fields that are wrong.</summary>
    public List<StatusCause>? Causes { get; set; }
}

/// <summary>One wrong field.</summary>
public sealed class StatusCause : OpenObject
{
    /// <summary>Why, as one word.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, as a sentence.</summary>
    public string? Message { get; set; }

    /// <summary>The field's path.</summary>
    public string? Field { get; set; }
}
