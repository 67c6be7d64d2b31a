using GoldenImages;

namespace LocalCluster.Cdi;

/// <summary>Annotations and labels that only CDI itself and Kubernetes' volume controllers write (CDI, pkg/controller/common/util.go).</summary>
internal static class CdiNames
{
    internal const string UsePopulator = "cdi.kubevirt.io/storage.usePopulator";
    internal const string ContentType = "cdi.kubevirt.io/storage.contentType";
    internal const string PodRestarts = "cdi.kubevirt.io/storage.pod.restarts";
    internal const string FatalError = "cdi.kubevirt.io/storage.import.fatalError";
    internal const string CloneToken = "cdi.kubevirt.io/storage.clone.token";
    internal const string LastCronTime = "cdi.kubevirt.io/storage.import.lastCronTime";
    internal const string NextCronTime = "cdi.kubevirt.io/storage.import.nextCronTime";
    internal const string LastUseTime = "cdi.kubevirt.io/storage.import.lastUseTime";
    internal const string SelectedNode = "volume.kubernetes.io/selected-node";
    internal const string Provisioner = "volume.kubernetes.io/storage-provisioner";
    internal const string BindCompleted = "pv.kubernetes.io/bind-completed";
    internal const string OurProvisioner = "local-cluster.goldenimage.io";

    /// <summary>The labels that go from a source to what is made of it, where it has none of its own.</summary>
    internal static readonly string[] HintLabels =
    [
        FieldNames.DefaultInstancetype, FieldNames.DefaultInstancetypeKind, FieldNames.DefaultPreference, FieldNames.DefaultPreferenceKind,
    ];

    /// <summary>Adds labels that are not there yet; whether that changed anything.</summary>
    internal static bool AddMissing(Kubernetes.Models.ObjectMeta meta, IReadOnlyDictionary<string, string>? labels)
    {
        var changed = false;
        foreach (var name in HintLabels)
        {
            if (labels?.GetValueOrDefault(name) is { Length: > 0 } value && meta.Label(name) is null)
            {
                (meta.Labels ??= [])[name] = value;
                changed = true;
            }
        }

        return changed;
    }
}
