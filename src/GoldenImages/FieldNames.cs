namespace GoldenImages;

/// <summary>Labels and annotations of Kubernetes, CDI and KubeVirt that we read or write.</summary>
public static class FieldNames
{
    /// <summary>Label: the instance type that a VM of this volume gets by inference (KubeVirt, <c>inferFromVolume</c>).</summary>
    public const string DefaultInstancetype = "instancetype.kubevirt.io/default-instancetype";

    /// <summary>Label: its kind; absent means <c>VirtualMachineClusterInstancetype</c>.</summary>
    public const string DefaultInstancetypeKind = "instancetype.kubevirt.io/default-instancetype-kind";

    /// <summary>Label: the preference that a VM of this volume gets by inference.</summary>
    public const string DefaultPreference = "instancetype.kubevirt.io/default-preference";

    /// <summary>Label: its kind; absent means <c>VirtualMachineClusterPreference</c>.</summary>
    public const string DefaultPreferenceKind = "instancetype.kubevirt.io/default-preference-kind";

    /// <summary>Label: the guest's architecture, in Go's names (<c>amd64</c>, <c>arm64</c>, <c>s390x</c>).</summary>
    public const string Architecture = "template.kubevirt.io/architecture";

    /// <summary>Label: the DataImportCron that manages a DataSource, or that imported a volume.</summary>
    public const string DataImportCron = "cdi.kubevirt.io/dataImportCron";

    /// <summary>Label: the object is removed with its DataImportCron (<c>retentionPolicy: None</c>).</summary>
    public const string DataImportCronCleanup = "cdi.kubevirt.io/dataImportCron.cleanup";

    /// <summary>Annotation: fill the volume at once, also where its storage class waits for a consumer. Its presence counts, not its value.</summary>
    public const string BindImmediate = "cdi.kubevirt.io/storage.bind.immediate.requested";

    /// <summary>Annotation of a DataImportCron: the digest that it is to import.</summary>
    public const string SourceDesiredDigest = "cdi.kubevirt.io/storage.import.sourceDesiredDigest";

    /// <summary>Annotation of a volume that CDI imported: where from (<c>docker://repository@sha256:…</c>).</summary>
    public const string ImportEndpoint = "cdi.kubevirt.io/storage.import.endpoint";

    /// <summary>Annotation of a snapshot: the volume mode of what was snapshotted. Without it CDI copies in place of cloning.</summary>
    public const string SourceVolumeMode = "cdi.kubevirt.io/storage.import.sourceVolumeMode";

    /// <summary>Annotation of a snapshot: how large a volume made of it should be.</summary>
    public const string AdvisedRestoreSize = "cdi.kubevirt.io/storage.import.advisedRestoreSize";

    /// <summary>Label of CDI's temporary objects: the uid of the volume that they are made for.</summary>
    public const string OwnedByUid = "cdi.kubevirt.io/OwnedByUID";

    /// <summary>Label: the tool that manages an object (Kubernetes' recommended labels).</summary>
    public const string ManagedBy = "app.kubernetes.io/managed-by";

    /// <summary>Label that Tekton puts on pods and TaskRuns: their PipelineRun.</summary>
    public const string TektonPipelineRun = "tekton.dev/pipelineRun";

    /// <summary>Annotation: <c>false</c> keeps a DataVolume whose work is done where CDI would remove it (releases before 1.62).</summary>
    public const string DeleteAfterCompletion = "cdi.kubevirt.io/storage.deleteAfterCompletion";
}
