using System.Text.Json.Serialization.Metadata;
using Kubernetes.Models;

namespace Kubernetes;

/// <summary>A kind of object, where the API serves it, and how it is read and written.</summary>
/// <param name="Group">The group; "" for core.</param>
/// <param name="Version">The version.</param>
/// <param name="Plural">The name in addresses and in RBAC.</param>
/// <param name="Kind">The kind's name.</param>
/// <param name="Namespaced">Whether its objects are in namespaces.</param>
/// <param name="Json">How an object is read and written.</param>
/// <param name="ListJson">How a list is read.</param>
public sealed record ResourceKind<T>(
    string Group, string Version, string Plural, string Kind, bool Namespaced, JsonTypeInfo<T> Json, JsonTypeInfo<ObjectList<T>> ListJson)
    where T : KubernetesObject
{
    /// <summary>Group and version as objects name them.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The address of all, or of one object, below the server's address (Kubernetes API concepts, "Resource URIs").</summary>
    /// <param name="inNamespace">The namespace; null for all namespaces, or a kind of the cluster.</param>
    /// <param name="name">The object; null for all.</param>
    /// <param name="subresource">A part of it: <c>status</c>.</param>
    public string Path(string? inNamespace, string? name = null, string? subresource = null)
    {
        var path = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        if (Namespaced && !string.IsNullOrEmpty(inNamespace))
        {
            path += $"/namespaces/{Segment(inNamespace)}";
        }

        path += $"/{Plural}";
        if (name is not null)
        {
            path += $"/{Segment(name)}";
        }

        return subresource is null ? path : $"{path}/{subresource}";
    }

    /// <summary>
    /// A name in an address. A user's text must not lead to another address, as <c>..</c> would; these are the API server's own rules
    /// (k8s.io/apimachinery, api/validation/path).
    /// </summary>
    private string Segment(string name) => name is "" or "." or ".." || name.AsSpan().IndexOfAny('/', '%') >= 0
        ? throw new KubernetesException(KubernetesFault.Usage, Kind, $"\"{Client.Refusals.Printable(name)}\" is no name", "give the name of an object")
        : Uri.EscapeDataString(name);

    /// <summary>How an object is called in messages: <c>DataVolume private-sources/fedora</c>.</summary>
    public string Describe(string? inNamespace, string? name) => (inNamespace, name) switch
    {
        (null or "", null) => Plural,
        (null or "", _) => $"{Kind} {name}",
        (_, null) => $"{Plural} in {inNamespace}",
        _ => $"{Kind} {inNamespace}/{name}",
    };
}

/// <summary>The kinds that the product works with.</summary>
public static class Kinds
{
    private static readonly KubernetesJson Json = KubernetesJson.Default;

    /// <summary>Claims.</summary>
    public static ResourceKind<PersistentVolumeClaim> PersistentVolumeClaims { get; } = new(
        "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, Json.PersistentVolumeClaim, Json.ObjectListPersistentVolumeClaim);

    /// <summary>Pods.</summary>
    public static ResourceKind<Pod> Pods { get; } = new("", "v1", "pods", "Pod", true, Json.Pod, Json.ObjectListPod);

    /// <summary>Namespaces.</summary>
    public static ResourceKind<Namespace> Namespaces { get; } = new("", "v1", "namespaces", "Namespace", false, Json.Namespace, Json.ObjectListNamespace);

    /// <summary>ConfigMaps.</summary>
    public static ResourceKind<ConfigMap> ConfigMaps { get; } = new("", "v1", "configmaps", "ConfigMap", true, Json.ConfigMap, Json.ObjectListConfigMap);

    /// <summary>Secrets.</summary>
    public static ResourceKind<Secret> Secrets { get; } = new("", "v1", "secrets", "Secret", true, Json.Secret, Json.ObjectListSecret);

    /// <summary>ServiceAccounts.</summary>
    public static ResourceKind<ServiceAccount> ServiceAccounts { get; } = new(
        "", "v1", "serviceaccounts", "ServiceAccount", true, Json.ServiceAccount, Json.ObjectListServiceAccount);

    /// <summary>Events.</summary>
    public static ResourceKind<Event> Events { get; } = new("", "v1", "events", "Event", true, Json.Event, Json.ObjectListEvent);

    /// <summary>Storage classes.</summary>
    public static ResourceKind<StorageClass> StorageClasses { get; } = new(
        "storage.k8s.io", "v1", "storageclasses", "StorageClass", false, Json.StorageClass, Json.ObjectListStorageClass);

    /// <summary>DataVolumes.</summary>
    public static ResourceKind<DataVolume> DataVolumes { get; } = new(
        "cdi.kubevirt.io", "v1beta1", "datavolumes", "DataVolume", true, Json.DataVolume, Json.ObjectListDataVolume);

    /// <summary>DataSources.</summary>
    public static ResourceKind<DataSource> DataSources { get; } = new(
        "cdi.kubevirt.io", "v1beta1", "datasources", "DataSource", true, Json.DataSource, Json.ObjectListDataSource);

    /// <summary>DataImportCrons.</summary>
    public static ResourceKind<DataImportCron> DataImportCrons { get; } = new(
        "cdi.kubevirt.io", "v1beta1", "dataimportcrons", "DataImportCron", true, Json.DataImportCron, Json.ObjectListDataImportCron);

    /// <summary>Clones in progress.</summary>
    public static ResourceKind<VolumeCloneSource> VolumeCloneSources { get; } = new(
        "cdi.kubevirt.io", "v1beta1", "volumeclonesources", "VolumeCloneSource", true, Json.VolumeCloneSource, Json.ObjectListVolumeCloneSource);

    /// <summary>What CDI knows of the storage classes.</summary>
    public static ResourceKind<StorageProfile> StorageProfiles { get; } = new(
        "cdi.kubevirt.io", "v1beta1", "storageprofiles", "StorageProfile", false, Json.StorageProfile, Json.ObjectListStorageProfile);

    /// <summary>Snapshots of claims.</summary>
    public static ResourceKind<VolumeSnapshot> VolumeSnapshots { get; } = new(
        "snapshot.storage.k8s.io", "v1", "volumesnapshots", "VolumeSnapshot", true, Json.VolumeSnapshot, Json.ObjectListVolumeSnapshot);

    /// <summary>Questions whether somebody may do something.</summary>
    public static ResourceKind<SubjectAccessReview> SubjectAccessReviews { get; } = new(
        "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false, Json.SubjectAccessReview, Json.ObjectListSubjectAccessReview);

    /// <summary>Questions whether the caller may do something.</summary>
    public static ResourceKind<SelfSubjectAccessReview> SelfSubjectAccessReviews { get; } = new(
        "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false, Json.SelfSubjectAccessReview, Json.ObjectListSelfSubjectAccessReview);

    /// <summary>Any other kind, read and written without knowledge of its fields.</summary>
    public static ResourceKind<AnyObject> Any(string group, string version, string plural, string kind, bool namespaced) =>
        new(group, version, plural, kind, namespaced, Json.AnyObject, Json.ObjectListAnyObject);
}
