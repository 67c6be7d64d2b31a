using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Storage;

namespace LocalCluster.Cdi;

/// <summary>What all controllers of the local CDI look at.</summary>
internal sealed class CdiWorld(ControllerHost host, LocalCdiOptions options, VolumeStore store)
{
    internal LocalCdiOptions Options => options;

    internal VolumeStore Store => store;

    /// <summary>Whether the server asks the webhook who may clone what.</summary>
    internal bool IsAdmissionReviewed { get; set; }

    internal KubernetesClient Client => host.Client;

    internal EventRecorder Events { get; } = new(host.Client, "local-cdi", options.Log);

    internal ObjectCache<PersistentVolumeClaim> Claims { get; } = host.Cache(Kinds.PersistentVolumeClaims);

    internal ObjectCache<Pod> Pods { get; } = host.Cache(Kinds.Pods);

    internal ObjectCache<DataVolume> DataVolumes { get; } = host.Cache(Kinds.DataVolumes);

    internal ObjectCache<DataSource> DataSources { get; } = host.Cache(Kinds.DataSources);

    internal ObjectCache<DataImportCron> Crons { get; } = host.Cache(Kinds.DataImportCrons);

    internal ObjectCache<VolumeSnapshot> Snapshots { get; } = host.Cache(Kinds.VolumeSnapshots);

    internal ObjectCache<VolumeCloneSource> CloneSources { get; } = host.Cache(Kinds.VolumeCloneSources);

    internal ObjectCache<StorageClass> Classes { get; } = host.Cache(Kinds.StorageClasses);

    internal ObjectCache<StorageProfile> Profiles { get; } = host.Cache(Kinds.StorageProfiles);

    /// <summary>The class of a claim; null where it has none, or names one that needs no object.</summary>
    /// <param name="name">As the claim says: null for the default class, "" for none.</param>
    /// <param name="missing">Whether it names one that is not there.</param>
    internal StorageClass? ClassOf(string? name, out bool missing)
    {
        var found = name is null ? Default() : Classes.Find(null, name);
        missing = found is null && name is not (null or "" or "local");
        return found;
    }

    /// <summary>The default class, CDI's order: the one for virtual machines first.</summary>
    internal StorageClass? Default() =>
        Marked("storageclass.kubevirt.io/is-default-virt-class") ?? Marked("storageclass.kubernetes.io/is-default-class");

    /// <summary>Whether a claim's volume may be made only for a pod, and none is there yet.</summary>
    internal bool WaitsForConsumer(PersistentVolumeClaim claim) =>
        ClassOf(claim.Spec.StorageClassName, out _)?.VolumeBindingMode == "WaitForFirstConsumer"
        && claim.Metadata.Annotation(CdiNames.SelectedNode) is null
        && !PodsOf(claim.Metadata.Namespace!, claim.Metadata.Name!).Any();

    /// <summary>The pods that name a claim, finished ones too.</summary>
    internal IEnumerable<Pod> PodsOf(string inNamespace, string claim) => Pods.Objects.Where(
        pod => pod.Metadata.Namespace == inNamespace && pod.Spec.Volumes?.Any(volume => volume.PersistentVolumeClaim?.ClaimName == claim) == true);

    /// <summary>A pod that runs and may write to a claim; null where there is none (CDI, GetPodsUsingPVCs with allowReadOnly).</summary>
    internal Pod? Writer(string inNamespace, string claim) => PodsOf(inNamespace, claim).FirstOrDefault(
        pod => !pod.IsFinished && pod.Spec.Volumes!.Any(volume => volume.PersistentVolumeClaim is { ReadOnly: not true } mounted && mounted.ClaimName == claim
            && pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).Any(container =>
                container.VolumeMounts?.Any(mount => mount.Name == volume.Name && mount.ReadOnly != true) == true
                || container.VolumeDevices?.Any(device => device.Name == volume.Name) == true)));

    /// <summary>The snapshot strategy and such of a class.</summary>
    internal string CloneStrategyOf(string? className)
    {
        var profile = ClassOf(className, out _)?.Metadata.Name ?? className;
        return (string.IsNullOrEmpty(profile) ? null : Profiles.Find(null, profile)?.Status?.CloneStrategy) is { Length: > 0 } strategy ? strategy : options.CloneStrategy;
    }

    /// <summary>
    /// Makes sure that the server is the one whose objects the state folder's disks belong to: namespace kube-system's uid names a cluster,
    /// or that of default while a server has no other.
    /// </summary>
    /// <exception cref="IOException">It is another one.</exception>
    internal async Task CheckClusterAsync(CancellationToken cancellation)
    {
        List<string> uids = [];
        foreach (var name in (string[])["kube-system", "default"])
        {
            if (await Client.FindAsync(Kinds.Namespaces, null, name, cancellation) is { Metadata.Uid: { } uid })
            {
                uids.Add(uid);
            }
        }

        store.BelongTo(uids);
    }

    /// <summary>Removes the disk of a claim or snapshot that the server itself says is gone: a cache may be behind, or know some namespaces only.</summary>
    internal async Task DiscardAsync<T>(ResourceKind<T> kind, string uid, bool snapshot, CancellationToken cancellation)
        where T : KubernetesObject
    {
        if (store.Owner(uid, snapshot) is { } owner
            && (await Client.FindAsync(kind, owner.Namespace, owner.Name, cancellation))?.Metadata.Uid != uid)
        {
            // A server that lost its state, or another one at its address, knows none of them.
            await CheckClusterAsync(cancellation);
            options.Log($"{kind.Kind} {owner.Namespace}/{owner.Name} is gone: removing its disk");
            store.Delete(uid, snapshot);
        }
    }

    private StorageClass? Marked(string annotation) => Classes.Objects.FirstOrDefault(one => one.Metadata.Annotation(annotation) == "true");
}
