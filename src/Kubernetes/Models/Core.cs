using System.Text.Json.Serialization;

namespace Kubernetes.Models;

/// <summary>A claim on a volume (core/v1).</summary>
public sealed class PersistentVolumeClaim : KubernetesObject
{
    /// <summary>The finalizer that holds a claim while a pod names it.</summary>
    public const string ProtectionFinalizer = "kubernetes.io/pvc-protection";

    /// <summary>What is asked for.</summary>
    public PersistentVolumeClaimSpec Spec { get; set; } = new();

    /// <summary>What is there.</summary>
    public PersistentVolumeClaimStatus? Status { get; set; }

    /// <summary>Whether a volume is bound to it.</summary>
    [JsonIgnore]
    public bool IsBound => Status?.Phase == "Bound";
}

/// <summary>What a claim asks for.</summary>
public sealed class PersistentVolumeClaimSpec : OpenObject
{
    /// <summary>As in <c>ReadWriteOnce</c>.</summary>
    public List<string>? AccessModes { get; set; }

    /// <summary>Requests.</summary>
    public ResourceRequirements? Resources { get; set; }

    /// <summary>The storage class; null for the default one, "" for none.</summary>
    public string? StorageClassName { get; set; }

    /// <summary><c>Filesystem</c> or <c>Block</c>.</summary>
    public string? VolumeMode { get; set; }

    /// <summary>The bound volume.</summary>
    public string? VolumeName { get; set; }

    /// <summary>What populates it.</summary>
    public TypedObjectReference? DataSource { get; set; }

    /// <summary>What populates it, of any kind.</summary>
    public TypedObjectReference? DataSourceRef { get; set; }
}

/// <summary>Requests and limits, by resource.</summary>
public sealed class ResourceRequirements : OpenObject
{
    /// <summary>What is asked for: <c>storage: 10Gi</c>.</summary>
    public Dictionary<string, string>? Requests { get; set; }

    /// <summary>The most.</summary>
    public Dictionary<string, string>? Limits { get; set; }
}

/// <summary>A reference with its kind.</summary>
public sealed class TypedObjectReference : OpenObject
{
    /// <summary>The group; empty for core.</summary>
    public string? ApiGroup { get; set; }

    /// <summary>The kind.</summary>
    public string Kind { get; set; } = "";

    /// <summary>The name.</summary>
    public string Name { get; set; } = "";

    /// <summary>The namespace, where it may differ.</summary>
    public string? Namespace { get; set; }
}

/// <summary>What a claim has.</summary>
public sealed class PersistentVolumeClaimStatus : OpenObject
{
    /// <summary><c>Pending</c>, <c>Bound</c> or <c>Lost</c>.</summary>
    public string? Phase { get; set; }

    /// <summary>The bound volume's access modes.</summary>
    public List<string>? AccessModes { get; set; }

    /// <summary>The bound volume's size.</summary>
    public Dictionary<string, string>? Capacity { get; set; }
}

/// <summary>A namespace (core/v1).</summary>
public sealed class Namespace : KubernetesObject
{
    /// <summary>Its finalizers.</summary>
    public NamespaceSpec? Spec { get; set; }

    /// <summary>Its phase.</summary>
    public NamespaceStatus? Status { get; set; }
}

/// <summary>What a namespace waits for.</summary>
public sealed class NamespaceSpec : OpenObject
{
    /// <summary>Who must clean up before it goes away.</summary>
    public List<string>? Finalizers { get; set; }
}

/// <summary>Where a namespace stands.</summary>
public sealed class NamespaceStatus : OpenObject
{
    /// <summary><c>Active</c> or <c>Terminating</c>.</summary>
    public string? Phase { get; set; }
}

/// <summary>What happened to an object (core/v1).</summary>
public sealed class Event : KubernetesObject
{
    /// <summary>The object.</summary>
    public ObjectReference InvolvedObject { get; set; } = new();

    /// <summary>Why, as one word.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, as a sentence.</summary>
    public string? Message { get; set; }

    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public string? Type { get; set; }

    /// <summary>How often.</summary>
    public int? Count { get; set; }

    /// <summary>When first.</summary>
    public DateTimeOffset? FirstTimestamp { get; set; }

    /// <summary>When last.</summary>
    public DateTimeOffset? LastTimestamp { get; set; }

    /// <summary>Who says so.</summary>
    public EventSource? Source { get; set; }
}

/// <summary>Who reports an event.</summary>
public sealed class EventSource : OpenObject
{
    /// <summary>The program.</summary>
    public string? Component { get; set; }
}

/// <summary>A reference to an object (core/v1 ObjectReference).</summary>
public sealed class ObjectReference : OpenObject
{
    /// <summary>Its group and version.</summary>
    public string? ApiVersion { get; set; }

    /// <summary>Its kind.</summary>
    public string? Kind { get; set; }

    /// <summary>Its namespace.</summary>
    public string? Namespace { get; set; }

    /// <summary>Its name.</summary>
    public string? Name { get; set; }

    /// <summary>Its uid.</summary>
    public string? Uid { get; set; }

    /// <summary>Its version.</summary>
    public string? ResourceVersion { get; set; }
}

/// <summary>A storage class (storage.k8s.io/v1).</summary>
public sealed class StorageClass : KubernetesObject
{
    /// <summary>The driver.</summary>
    public string Provisioner { get; set; } = "";

    /// <summary><c>Immediate</c> or <c>WaitForFirstConsumer</c>.</summary>
    public string? VolumeBindingMode { get; set; }
}

/// <summary>Texts and bytes by name (core/v1).</summary>
public sealed class ConfigMap : KubernetesObject
{
    /// <summary>Texts.</summary>
    public Dictionary<string, string>? Data { get; set; }

    /// <summary>Bytes, in base64.</summary>
    public Dictionary<string, string>? BinaryData { get; set; }
}

/// <summary>Secret bytes by name (core/v1).</summary>
public sealed class Secret : KubernetesObject
{
    /// <summary>What it is for: <c>Opaque</c>, <c>kubernetes.io/dockerconfigjson</c>.</summary>
    public string? Type { get; set; }

    /// <summary>Bytes, in base64.</summary>
    public Dictionary<string, string>? Data { get; set; }
}

/// <summary>Whom pods are to the API (core/v1).</summary>
public sealed class ServiceAccount : KubernetesObject;

/// <summary>Asks for a ServiceAccount's token (authentication.k8s.io/v1).</summary>
public sealed class TokenRequest : KubernetesObject
{
    /// <summary>What is asked for.</summary>
    public TokenRequestSpec Spec { get; set; } = new();

    /// <summary>The answer.</summary>
    public TokenRequestStatus? Status { get; set; }
}

/// <summary>How long a token is wanted for.</summary>
public sealed class TokenRequestSpec : OpenObject
{
    /// <summary>Seconds, 600 at least; the server may give others.</summary>
    public long? ExpirationSeconds { get; set; }
}

/// <summary>A token.</summary>
public sealed class TokenRequestStatus : OpenObject
{
    /// <summary>The token itself: a secret.</summary>
    public string Token { get; set; } = "";

    /// <summary>When it ends.</summary>
    public DateTimeOffset? ExpirationTimestamp { get; set; }
}
