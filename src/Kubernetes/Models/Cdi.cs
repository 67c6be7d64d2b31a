using System.Text.Json.Serialization;

namespace Kubernetes.Models;

/// <summary>A volume and where its content comes from (cdi.kubevirt.io/v1beta1; containerized-data-importer-api, types.go).</summary>
public sealed class DataVolume : KubernetesObject
{
    /// <summary>Source and storage.</summary>
    public DataVolumeSpec Spec { get; set; } = new();

    /// <summary>How far it is.</summary>
    public DataVolumeStatus? Status { get; set; }
}

/// <summary>Source and storage of a DataVolume; can't be changed once it is made.</summary>
public sealed class DataVolumeSpec : OpenObject
{
    /// <summary>Where the content comes from; this or <see cref="SourceRef"/>.</summary>
    public DataVolumeSource? Source { get; set; }

    /// <summary>A DataSource as the source.</summary>
    public DataVolumeSourceRef? SourceRef { get; set; }

    /// <summary>The claim, verbatim; this or <see cref="Storage"/>.</summary>
    public PersistentVolumeClaimSpec? Pvc { get; set; }

    /// <summary>The claim, completed by CDI from the storage profile.</summary>
    public PersistentVolumeClaimSpec? Storage { get; set; }

    /// <summary><c>kubevirt</c> or <c>archive</c>.</summary>
    public string? ContentType { get; set; }
}

/// <summary>Where a DataVolume's content comes from: exactly one.</summary>
public sealed class DataVolumeSource : OpenObject
{
    /// <summary>A web server.</summary>
    public HttpSource? Http { get; set; }

    /// <summary>A container disk.</summary>
    public RegistrySource? Registry { get; set; }

    /// <summary>A claim.</summary>
    public NamespacedName? Pvc { get; set; }

    /// <summary>A VolumeSnapshot.</summary>
    public NamespacedName? Snapshot { get; set; }

    /// <summary>A client sends it.</summary>
    public EmptyObject? Upload { get; set; }

    /// <summary>Nothing: an empty disk.</summary>
    public EmptyObject? Blank { get; set; }
}

/// <summary>An object without fields, which says something by being there.</summary>
public sealed class EmptyObject : OpenObject;

/// <summary>A web server as the source.</summary>
public sealed class HttpSource : OpenObject
{
    /// <summary>The address.</summary>
    public string Url { get; set; } = "";

    /// <summary>ConfigMap with its certificate authorities.</summary>
    public string? CertConfigMap { get; set; }

    /// <summary>Secret with <c>accessKeyId</c> and <c>secretKey</c>.</summary>
    public string? SecretRef { get; set; }

    /// <summary><c>sha256:</c> and hex digits (CDI 1.65 and later).</summary>
    public string? Checksum { get; set; }
}

/// <summary>A container disk as the source.</summary>
public sealed class RegistrySource : OpenObject
{
    /// <summary><c>docker://</c> and the image reference.</summary>
    public string? Url { get; set; }

    /// <summary>An ImageStream instead of an address (OpenShift).</summary>
    public string? ImageStream { get; set; }

    /// <summary><c>pod</c> or <c>node</c>.</summary>
    public string? PullMethod { get; set; }

    /// <summary>Secret with <c>accessKeyId</c> and <c>secretKey</c>.</summary>
    public string? SecretRef { get; set; }

    /// <summary>ConfigMap with its certificate authorities.</summary>
    public string? CertConfigMap { get; set; }

    /// <summary>Which image of an index.</summary>
    public RegistryPlatform? Platform { get; set; }
}

/// <summary>Which image of an index (CDI 1.63 and later).</summary>
public sealed class RegistryPlatform : OpenObject
{
    /// <summary>As in <c>amd64</c>.</summary>
    public string? Architecture { get; set; }
}

/// <summary>Names an object in a namespace.</summary>
public sealed class NamespacedName : OpenObject
{
    /// <summary>The namespace.</summary>
    public string? Namespace { get; set; }

    /// <summary>The name.</summary>
    public string? Name { get; set; }

    /// <summary><c>namespace/name</c>.</summary>
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>A DataSource as the source.</summary>
public sealed class DataVolumeSourceRef : OpenObject
{
    /// <summary><c>DataSource</c>.</summary>
    public string Kind { get; set; } = "DataSource";

    /// <summary>Its namespace; the DataVolume's without it.</summary>
    public string? Namespace { get; set; }

    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";
}

/// <summary>How far a DataVolume is.</summary>
public sealed class DataVolumeStatus : OpenObject
{
    /// <summary>Its claim.</summary>
    public string? ClaimName { get; set; }

    /// <summary>Its phase; absent before CDI saw it.</summary>
    public string? Phase { get; set; }

    /// <summary><c>N/A</c> or a percentage. 100.0% does not mean that it is done.</summary>
    public string? Progress { get; set; }

    /// <summary>How often its worker started anew.</summary>
    public int? RestartCount { get; set; }

    /// <summary>Bound, Ready, Running.</summary>
    public List<Condition>? Conditions { get; set; }
}

/// <summary>A name for the volume that machines are cloned from. It has no status subresource: change it by a patch.</summary>
public sealed class DataSource : KubernetesObject
{
    /// <summary>Where it points.</summary>
    public DataSourceSpec Spec { get; set; } = new();

    /// <summary>What CDI found there.</summary>
    public DataSourceStatus? Status { get; set; }
}

/// <summary>Where a DataSource points.</summary>
public sealed class DataSourceSpec : OpenObject
{
    /// <summary>At most one of its members.</summary>
    public DataSourceSource Source { get; set; } = new();
}

/// <summary>What a DataSource can point at.</summary>
public sealed class DataSourceSource : OpenObject
{
    /// <summary>A claim.</summary>
    public NamespacedName? Pvc { get; set; }

    /// <summary>A VolumeSnapshot.</summary>
    public NamespacedName? Snapshot { get; set; }

    /// <summary>Another DataSource of the same namespace (CDI 1.63 and later).</summary>
    public NamespacedName? DataSource { get; set; }
}

/// <summary>What CDI found behind a DataSource.</summary>
public sealed class DataSourceStatus : OpenObject
{
    /// <summary>The claim or the snapshot, pointers followed; empty while it is not ready.</summary>
    public DataSourceSource? Source { get; set; }

    /// <summary>Ready.</summary>
    public List<Condition>? Conditions { get; set; }
}

/// <summary>Imports an image again and again, behind a DataSource. It has no status subresource.</summary>
public sealed class DataImportCron : KubernetesObject
{
    /// <summary>What, when, and what is kept.</summary>
    public DataImportCronSpec Spec { get; set; } = new();

    /// <summary>What was imported.</summary>
    public DataImportCronStatus? Status { get; set; }
}

/// <summary>What is imported, when, and what is kept.</summary>
public sealed class DataImportCronSpec : OpenObject
{
    /// <summary>The DataVolume that is made for each new digest.</summary>
    public DataVolume Template { get; set; } = new();

    /// <summary>As in crontab; "" asks never.</summary>
    public string Schedule { get; set; } = "";

    /// <summary><c>Outdated</c> or <c>Never</c>.</summary>
    public string? GarbageCollect { get; set; }

    /// <summary>How many imports are kept.</summary>
    public int? ImportsToKeep { get; set; }

    /// <summary>The DataSource that shows the newest import.</summary>
    public string ManagedDataSource { get; set; } = "";

    /// <summary><c>All</c> or <c>None</c>: what stays when the cron is deleted.</summary>
    public string? RetentionPolicy { get; set; }
}

/// <summary>What a DataImportCron has imported.</summary>
public sealed class DataImportCronStatus : OpenObject
{
    /// <summary>The imports in progress, or the current one.</summary>
    public List<ImportStatus>? CurrentImports { get; set; }

    /// <summary>The last import that is done.</summary>
    public NamespacedName? LastImportedPVC { get; set; }

    /// <summary>When the registry was asked last.</summary>
    public DateTimeOffset? LastExecutionTimestamp { get; set; }

    /// <summary>When something was imported last.</summary>
    public DateTimeOffset? LastImportTimestamp { get; set; }

    /// <summary><c>pvc</c> or <c>snapshot</c>.</summary>
    public string? SourceFormat { get; set; }

    /// <summary>Progressing, UpToDate.</summary>
    public List<Condition>? Conditions { get; set; }
}

/// <summary>One import; its fields begin with capitals in the API.</summary>
public sealed class ImportStatus : OpenObject
{
    /// <summary>The DataVolume.</summary>
    [JsonPropertyName("DataVolumeName")]
    public string DataVolumeName { get; set; } = "";

    /// <summary>The image's digest.</summary>
    [JsonPropertyName("Digest")]
    public string Digest { get; set; } = "";
}

/// <summary>A clone of a claim or a snapshot in progress (CDI's populator): it stands in the source's namespace.</summary>
public sealed class VolumeCloneSource : KubernetesObject
{
    /// <summary>What is cloned.</summary>
    public VolumeCloneSourceSpec Spec { get; set; } = new();
}

/// <summary>What is cloned.</summary>
public sealed class VolumeCloneSourceSpec : OpenObject
{
    /// <summary>A claim or a snapshot of the same namespace.</summary>
    public TypedObjectReference Source { get; set; } = new();
}

/// <summary>What CDI knows of a storage class.</summary>
public sealed class StorageProfile : KubernetesObject
{
    /// <summary>What CDI found out.</summary>
    public StorageProfileStatus? Status { get; set; }
}

/// <summary>What CDI found out of a storage class.</summary>
public sealed class StorageProfileStatus : OpenObject
{
    /// <summary><c>snapshot</c>, <c>csi-clone</c> or <c>copy</c>.</summary>
    public string? CloneStrategy { get; set; }

    /// <summary><c>pvc</c> or <c>snapshot</c>.</summary>
    public string? DataImportCronSourceFormat { get; set; }
}
