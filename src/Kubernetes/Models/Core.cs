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

/// <summary>A pod (core/v1), as far as it holds volumes.</summary>
public sealed class Pod : KubernetesObject
{
    /// <summary>What runs.</summary>
    public PodSpec Spec { get; set; } = new();

    /// <summary>How it runs.</summary>
    public PodStatus? Status { get; set; }

    /// <summary>Whether its containers have ended for good.</summary>
    [JsonIgnore]
    public bool IsFinished => Status?.Phase is "Succeeded" or "Failed";
}

/// <summary>What a pod runs.</summary>
public sealed class PodSpec : OpenObject
{
    /// <summary>Its containers.</summary>
    public List<Container> Containers { get; set; } = [];

    /// <summary>Those that run before.</summary>
    public List<Container>? InitContainers { get; set; }

    /// <summary>Its volumes.</summary>
    public List<Volume>? Volumes { get; set; }

    /// <summary>The node; null while it is not scheduled.</summary>
    public string? NodeName { get; set; }
}

/// <summary>A container of a pod.</summary>
public sealed class Container : OpenObject
{
    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its image.</summary>
    public string? Image { get; set; }

    /// <summary>The volumes that it mounts.</summary>
    public List<VolumeMount>? VolumeMounts { get; set; }

    /// <summary>The volumes that it has as block devices.</summary>
    public List<VolumeDevice>? VolumeDevices { get; set; }
}

/// <summary>A volume as a block device.</summary>
public sealed class VolumeDevice : OpenObject
{
    /// <summary>The volume's name in the pod.</summary>
    public string Name { get; set; } = "";

    /// <summary>The device's path.</summary>
    public string DevicePath { get; set; } = "";
}

/// <summary>Where a volume is seen.</summary>
public sealed class VolumeMount : OpenObject
{
    /// <summary>The volume's name in the pod.</summary>
    public string Name { get; set; } = "";

    /// <summary>The path.</summary>
    public string MountPath { get; set; } = "";

    /// <summary>Whether it can't be written.</summary>
    public bool? ReadOnly { get; set; }
}

/// <summary>A volume of a pod.</summary>
public sealed class Volume : OpenObject
{
    /// <summary>Its name in the pod.</summary>
    public string Name { get; set; } = "";

    /// <summary>The claim that it is.</summary>
    public ClaimVolume? PersistentVolumeClaim { get; set; }
}

/// <summary>A claim as a pod's volume.</summary>
public sealed class ClaimVolume : OpenObject
{
    /// <summary>The claim's name.</summary>
    public string ClaimName { get; set; } = "";

    /// <summary>Whether it can't be written.</summary>
    public bool? ReadOnly { get; set; }
}

/// <summary>How a pod runs.</summary>
public sealed class PodStatus : OpenObject
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; set; }
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
