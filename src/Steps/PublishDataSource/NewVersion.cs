using System.Text.Json.Nodes;
using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Kubernetes.Waiting;
using StepRuntime;
using Steps.OnCluster;

namespace Steps.PublishDataSource;

/// <summary>Copies the working volume into the target namespace, or finds the copy that an earlier run of the same began.</summary>
internal sealed class NewVersion(Workshop at, PublishRequest request, PersistentVolumeClaim source)
{
    private const int Attempts = 3;

    private readonly WorkingVolume _working = WorkingVolume.Of(source);

    /// <summary>The name that every run of the same publication gives it.</summary>
    public string Name { get; } = VersionName.Of(
        request.DataSource, source.Metadata.CreationTimestamp ?? default, source.Metadata.Uid ?? "").ToString();

    /// <summary>The complete volume, labelled.</summary>
    public async Task<VersionVolume> MakeAsync(CancellationToken cancellation)
    {
        var begun = await BeginAsync(cancellation);
        var ready = await CompleteAsync(at, request.Namespace, begun, cancellation);
        return ready with { Claim = await LabelAsync(ready, cancellation) };
    }

    /// <summary>Waits until a version has all its content.</summary>
    public static async Task<VersionVolume> CompleteAsync(Workshop at, string inNamespace, VersionVolume begun, CancellationToken cancellation)
    {
        if (begun.DataVolume is null)
        {
            var claim = await at.Client.WaitAsync(
                Kinds.PersistentVolumeClaims, inNamespace, begun.Name, found => found is null or { IsBound: true }, cancellation, begun.Claim);
            return claim is not null
                ? begun with { Claim = claim }
                : throw new StepException(ExitCode.Missing, begun.Subject, "it was deleted while it was waited for", "run this again");
        }

        var shown = -1;
        var options = new VolumeWaitOptions
        {
            Log = at.Info,
            LastState = lines => at.Warn(string.Join("; ", lines)),
            Progress = percent =>
            {
                if (percent is { } known && (int)known / 10 > shown)
                {
                    shown = (int)known / 10;
                    at.Info($"{begun.Subject}: {known:0} %");
                }
            },
        };
        var ready = await DataVolumeWait.RunAsync(at.Client, inNamespace, begun.Name, options, cancellation, begun.DataVolume);
        return new VersionVolume(ready.DataVolume, ready.Claim);
    }

    private async Task<VersionVolume> BeginAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var made = await at.Client.CreateAsync(Kinds.DataVolumes, Blueprint(), cancellation);
                at.Info($"{Kinds.DataVolumes.Describe(request.Namespace, Name)}: copying {_working.Place}");
                return new VersionVolume(made, null);
            }
            catch (KubernetesException fault) when (CloneRefusal.Is(fault))
            {
                throw CloneRefusal.Explain(fault, Kinds.DataVolumes.Describe(request.Namespace, Name), source.Metadata.Namespace, "publish-datasource");
            }
            catch (KubernetesException fault) when (fault.Kind is KubernetesFault.AlreadyExists or KubernetesFault.Usage && attempt <= Attempts)
            {
                // CDI refuses as invalid (422) what the server would refuse as existing (409), where a claim has the name.
                if (await AdoptAsync(fault, cancellation) is { } own)
                {
                    return own;
                }
            }
        }
    }

    /// <summary>The volume of that name if an earlier run of this publication made it; null when it is gone now.</summary>
    private async Task<VersionVolume?> AdoptAsync(KubernetesException refused, CancellationToken cancellation)
    {
        var volume = await at.Client.FindAsync(Kinds.DataVolumes, request.Namespace, Name, cancellation);
        var claim = volume is null ? await at.Client.FindAsync(Kinds.PersistentVolumeClaims, request.Namespace, Name, cancellation) : null;
        if (claim is not null && Versions.GoesWithItsDataVolume(claim))
        {
            // Another run may have made both between the two looks.
            volume = await at.Client.FindAsync(Kinds.DataVolumes, request.Namespace, Name, cancellation);
        }

        if (volume is null && claim is null)
        {
            return refused.Kind == KubernetesFault.AlreadyExists ? null : throw refused;
        }

        var own = new VersionVolume(volume, claim);
        if (own.Metadata.Annotation(Names.WorkingVolume) != _working.Uid)
        {
            throw new StepException(
                ExitCode.BadInput, own.Subject, $"it is there already, and was not copied from {_working.Place}", "delete it, or publish another working volume");
        }

        if (own.Metadata.DeletionTimestamp is null && volume?.Status?.Phase != "Failed" && (volume is not null || !Versions.GoesWithItsDataVolume(claim!)))
        {
            at.Info($"{own.Subject}: an earlier run began it, going on with it");
            return own;
        }

        await RemoveAsync(own, cancellation);
        return null;
    }

    /// <summary>A copy that has failed for good would be found failed by every run: away with it.</summary>
    private async Task RemoveAsync(VersionVolume failed, CancellationToken cancellation)
    {
        if (failed.DataVolume is { Metadata.DeletionTimestamp: null } volume)
        {
            at.Warn($"{failed.Subject}: an earlier run's copy has failed, making it anew");
            await at.Client.DeleteAsync(Kinds.DataVolumes, request.Namespace, Name, cancellation, new Preconditions { Uid = volume.Metadata.Uid });
        }

        if (failed.DataVolume is not null)
        {
            await at.Client.WaitAsync(Kinds.DataVolumes, request.Namespace, Name, found => found is null || found.Metadata.Uid != failed.Metadata.Uid, cancellation);
            await at.Client.WaitAsync(Kinds.PersistentVolumeClaims, request.Namespace, Name, found => found is null, cancellation);
            return;
        }

        at.Info($"{failed.Subject}: its DataVolume was deleted, and it goes, too; waiting for that");
        await at.Client.WaitAsync(Kinds.PersistentVolumeClaims, request.Namespace, Name, found => found is null || found.Metadata.Uid != failed.Metadata.Uid, cancellation);
    }

    private DataVolume Blueprint()
    {
        var claim = source.Spec;
        var storageClass = request.StorageClass.Length > 0 ? request.StorageClass : claim.StorageClassName;
        return new DataVolume
        {
            Metadata = new ObjectMeta { Namespace = request.Namespace, Name = Name, Labels = Labels(), Annotations = Annotations() },
            Spec = new DataVolumeSpec
            {
                Source = new DataVolumeSource { Pvc = new NamespacedName { Namespace = source.Metadata.Namespace, Name = source.Metadata.Name } },
                // Of the same class and mode the storage can clone it; the size is CDI's to find out.
                Storage = new PersistentVolumeClaimSpec
                {
                    StorageClassName = string.IsNullOrEmpty(storageClass) ? null : storageClass,
                    VolumeMode = storageClass == claim.StorageClassName ? claim.VolumeMode : null,
                },
            },
        };
    }

    private Dictionary<string, string> Labels()
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [Names.DataSource] = LabelValue.Of(request.DataSource),
            [FieldNames.ManagedBy] = Names.Manager,
        };
        foreach (var (name, value) in request.Hints.Over(VolumeHints.FromLabels(source.Metadata.Labels)).ToLabels())
        {
            labels[name] = value;
        }

        return labels;
    }

    private Dictionary<string, string> Annotations()
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [Names.DataSource] = request.DataSource,
            [Names.State] = Names.PublishingState,
            [FieldNames.BindImmediate] = "true",
            [FieldNames.DeleteAfterCompletion] = "false",
        };
        foreach (var name in (string[])[Names.Source, Names.SourceDigest, Names.BuildKey, Names.BuildInputs, Names.Image, Names.PipelineRun])
        {
            if ((request.Provenance.GetValueOrDefault(name) is { Length: > 0 } given ? given : source.Metadata.Annotation(name)) is { Length: > 0 } value)
            {
                annotations[name] = value;
            }
        }

        if (!annotations.ContainsKey(Names.PipelineRun) && source.Metadata.OwnerReferences?.Find(owner => owner.Kind == "PipelineRun") is { } run)
        {
            annotations[Names.PipelineRun] = run.Name;
        }

        foreach (var (name, value) in _working.Annotations())
        {
            annotations[name] = value;
        }

        return annotations;
    }

    /// <summary>KubeVirt reads the hints off the claim, too, and plan-build what it was built of; CDI has put both there unless something went another way.</summary>
    private async Task<PersistentVolumeClaim> LabelAsync(VersionVolume version, CancellationToken cancellation)
    {
        var claim = version.Claim!;
        var labels = Missing(Labels(), claim.Metadata.Labels);
        var annotations = Missing(Annotations().Where(pair => pair.Key.StartsWith(Names.Prefix, StringComparison.Ordinal) && pair.Key != Names.State), claim.Metadata.Annotations);
        return labels.Count + annotations.Count == 0
            ? claim
            : await at.Client.PatchAsync(
                Kinds.PersistentVolumeClaims,
                request.Namespace,
                Name,
                Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = labels, ["annotations"] = annotations } }),
                cancellation);
    }

    private static JsonObject Missing(IEnumerable<KeyValuePair<string, string>> wanted, Dictionary<string, string>? there)
    {
        var missing = new JsonObject();
        foreach (var (name, value) in wanted)
        {
            if (there?.GetValueOrDefault(name) != value)
            {
                missing[name] = value;
            }
        }

        return missing;
    }
}
