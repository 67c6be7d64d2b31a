namespace Kubernetes.Models;

/// <summary>Annotations that CDI reads or writes (containerized-data-importer, pkg/controller/common).</summary>
public static class CdiAnnotations
{
    /// <summary>On a DataVolume: bind its claim without waiting for a consumer. Its presence counts, whatever its value.</summary>
    public const string BindImmediately = "cdi.kubevirt.io/storage.bind.immediate.requested";

    /// <summary>On a claim: the phase of the pod that filled it.</summary>
    public const string PodPhase = "cdi.kubevirt.io/storage.pod.phase";

    /// <summary>On a claim: where its clone stands.</summary>
    public const string ClonePhase = "cdi.kubevirt.io/clonePhase";

    /// <summary>On a claim: what hinders its clone now.</summary>
    public const string CloneError = "cdi.kubevirt.io/cloneError";

    /// <summary>On a claim: why it is copied by pods and not by the storage.</summary>
    public const string CloneFallbackReason = "cdi.kubevirt.io/cloneFallbackReason";

    /// <summary>On a claim and its DataVolume: how it is cloned: <c>copy</c>, <c>snapshot</c>, <c>csi-clone</c>.</summary>
    public const string CloneType = "cdi.kubevirt.io/cloneType";

    /// <summary>On a claim: the uid of the DataVolume it was made for.</summary>
    public const string CreatedForDataVolume = "cdi.kubevirt.io/createdForDataVolume";
}
