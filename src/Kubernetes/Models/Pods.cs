using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Kubernetes.Models;

/// <summary>A pod (core/v1): what runs, with which volumes, and how it went.</summary>
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
    /// <summary>Its containers; null in a bookmark of a kube-apiserver, which is a pod without content.</summary>
    [AllowNull]
    public List<Container> Containers { get; set => field = value ?? []; } = [];

    /// <summary>Those that run before.</summary>
    public List<Container>? InitContainers { get; set; }

    /// <summary>Its volumes.</summary>
    public List<Volume>? Volumes { get; set; }

    /// <summary>The node; null while it is not scheduled.</summary>
    public string? NodeName { get; set; }

    /// <summary>Whom its containers are to the API; null for <c>default</c>.</summary>
    public string? ServiceAccountName { get; set; }

    /// <summary><c>Always</c>, <c>OnFailure</c> or <c>Never</c>.</summary>
    public string? RestartPolicy { get; set; }
}

/// <summary>A container of a pod.</summary>
public sealed class Container : OpenObject
{
    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its image.</summary>
    public string? Image { get; set; }

    /// <summary>The program, with its first arguments.</summary>
    public List<string>? Command { get; set; }

    /// <summary>The other arguments.</summary>
    public List<string>? Args { get; set; }

    /// <summary>The folder that it starts in.</summary>
    public string? WorkingDir { get; set; }

    /// <summary>Its variables.</summary>
    public List<EnvironmentVariable>? Env { get; set; }

    /// <summary>What it may take of the node.</summary>
    public ResourceRequirements? Resources { get; set; }

    /// <summary>The volumes that it mounts.</summary>
    public List<VolumeMount>? VolumeMounts { get; set; }

    /// <summary>The volumes that it has as block devices.</summary>
    public List<VolumeDevice>? VolumeDevices { get; set; }
}

/// <summary>A variable of a container.</summary>
public sealed class EnvironmentVariable : OpenObject
{
    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its value.</summary>
    public string? Value { get; set; }
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

    /// <summary>A part of the volume in place of all of it.</summary>
    public string? SubPath { get; set; }

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

    /// <summary>An empty folder that goes with the pod.</summary>
    public EmptyDirVolume? EmptyDir { get; set; }

    /// <summary>The files of a ConfigMap.</summary>
    public ConfigMapVolume? ConfigMap { get; set; }

    /// <summary>The files of a Secret.</summary>
    public SecretVolume? Secret { get; set; }
}

/// <summary>A claim as a pod's volume.</summary>
public sealed class ClaimVolume : OpenObject
{
    /// <summary>The claim's name.</summary>
    public string ClaimName { get; set; } = "";

    /// <summary>Whether it can't be written.</summary>
    public bool? ReadOnly { get; set; }
}

/// <summary>An empty folder as a pod's volume.</summary>
public sealed class EmptyDirVolume : OpenObject;

/// <summary>A ConfigMap as a pod's volume.</summary>
public sealed class ConfigMapVolume : OpenObject
{
    /// <summary>The ConfigMap's name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Which keys, and where; null for all.</summary>
    public List<KeyToPath>? Items { get; set; }

    /// <summary>Whether it may be missing.</summary>
    public bool? Optional { get; set; }
}

/// <summary>A Secret as a pod's volume.</summary>
public sealed class SecretVolume : OpenObject
{
    /// <summary>The Secret's name.</summary>
    public string SecretName { get; set; } = "";

    /// <summary>Which keys, and where; null for all.</summary>
    public List<KeyToPath>? Items { get; set; }

    /// <summary>Whether it may be missing.</summary>
    public bool? Optional { get; set; }
}

/// <summary>A key of a ConfigMap or Secret as a file.</summary>
public sealed class KeyToPath : OpenObject
{
    /// <summary>The key.</summary>
    public string Key { get; set; } = "";

    /// <summary>The file, relative to the volume.</summary>
    public string Path { get; set; } = "";
}

/// <summary>How a pod runs.</summary>
public sealed class PodStatus : OpenObject
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; set; }

    /// <summary>Why, as one word.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, as a sentence.</summary>
    public string? Message { get; set; }

    /// <summary>When the node took it.</summary>
    public DateTimeOffset? StartTime { get; set; }

    /// <summary>Its conditions.</summary>
    public List<Condition>? Conditions { get; set; }

    /// <summary>Its containers.</summary>
    public List<ContainerStatus>? ContainerStatuses { get; set; }
}

/// <summary>How a container runs.</summary>
public sealed class ContainerStatus : OpenObject
{
    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its image.</summary>
    public string Image { get; set; } = "";

    /// <summary>Its image, as it was found.</summary>
    [JsonPropertyName("imageID")]
    public string ImageId { get; set; } = "";

    /// <summary>Whether it serves.</summary>
    public bool Ready { get; set; }

    /// <summary>How often it was started again.</summary>
    public int RestartCount { get; set; }

    /// <summary>Where it stands.</summary>
    public ContainerState State { get; set; } = new();
}

/// <summary>Where a container stands: one of the three.</summary>
public sealed class ContainerState : OpenObject
{
    /// <summary>It has not begun.</summary>
    public ContainerWaiting? Waiting { get; set; }

    /// <summary>It runs.</summary>
    public ContainerRunning? Running { get; set; }

    /// <summary>It has ended.</summary>
    public ContainerTerminated? Terminated { get; set; }
}

/// <summary>Why a container has not begun.</summary>
public sealed class ContainerWaiting : OpenObject
{
    /// <summary>As one word.</summary>
    public string? Reason { get; set; }

    /// <summary>As a sentence.</summary>
    public string? Message { get; set; }
}

/// <summary>A container that runs.</summary>
public sealed class ContainerRunning : OpenObject
{
    /// <summary>Since when.</summary>
    public DateTimeOffset? StartedAt { get; set; }
}

/// <summary>How a container ended.</summary>
public sealed class ContainerTerminated : OpenObject
{
    /// <summary>Its exit code; 128 + n for signal n.</summary>
    public int ExitCode { get; set; }

    /// <summary>As one word: <c>Completed</c>, <c>Error</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>Its termination message: for a step the results, as JSON.</summary>
    public string? Message { get; set; }

    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; set; }
}
