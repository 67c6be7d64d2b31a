using System.Text.Json.Nodes;
using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.PublishDataSource;

/// <summary>Reads and writes where a DataSource points.</summary>
internal static class Pointer
{
    /// <summary>What stands on a version and on the DataSource that points to it.</summary>
    private static readonly string[] Copied =
    [
        Names.Source, Names.SourceDigest, Names.BuildKey, Names.BuildInputs, Names.PipelineRun, Names.Image,
        Names.WorkingVolume, Names.WorkingVolumeName, Names.WorkingVolumeCreated,
    ];

    private static readonly string[] HintLabels =
    [
        FieldNames.DefaultInstancetype, FieldNames.DefaultInstancetypeKind, FieldNames.DefaultPreference, FieldNames.DefaultPreferenceKind,
        FieldNames.Architecture,
    ];

    /// <summary>The volume that it points to: a name where it is a claim beside it, with its namespace where it is elsewhere; empty for none.</summary>
    public static string Target(DataSource? shown) => shown?.Spec.Source switch
    {
        { Pvc: { } claim } => IsHere(claim, shown) ? claim.Name ?? "" : $"{claim}",
        { Snapshot: { } snapshot } => IsHere(snapshot, shown) ? snapshot.Name ?? "" : $"{snapshot}",
        { DataSource: { } other } => other.Name ?? "",
        _ => "",
    };

    /// <summary>Whether it points to a claim beside it.</summary>
    public static bool IsAt(DataSource? shown, string claim) => shown?.Spec.Source is { Pvc: { } to } && to.Name == claim && IsHere(to, shown);

    /// <summary>Whether CDI has seen that, and machines can be cloned from it.</summary>
    public static bool IsReadyAt(DataSource shown, string claim) => Shows(shown, claim) && Condition.Of(shown.Status?.Conditions, "Ready")?.IsTrue == true;

    /// <summary>Whether CDI shows a claim beside it, be it of before the last change.</summary>
    public static bool Shows(DataSource shown, string claim) => shown.Status is { Source.Pvc: { } seen } && seen.Name == claim && IsHere(seen, shown);

    /// <summary>What its condition says.</summary>
    public static string Readiness(DataSource? shown) => Condition.Of(shown?.Status?.Conditions, "Ready") is { } ready
        ? $"Ready is {ready.Status} ({ready.Reason}: {ready.Message})"
        : "it has no condition Ready yet";

    /// <summary>Fails when somebody else decides where it points.</summary>
    public static void ThrowUnlessOurs(DataSource? shown, string dataSource, string inNamespace, bool force)
    {
        if (shown is null)
        {
            return;
        }

        var subject = Kinds.DataSources.Describe(inNamespace, dataSource);
        if (shown.Metadata.DeletionTimestamp is not null)
        {
            throw new StepException(ExitCode.Missing, subject, "it is being deleted", "wait until it is gone, then run this again");
        }

        if (!force && Manager(shown) is { } manager)
        {
            throw StepException.BadInput(
                subject, $"{manager} manages it and would take the publication back", "publish under another name, or take it with --force=true");
        }
    }

    /// <summary>From whom a forced flip has taken it, for a warning; null when nobody else managed it.</summary>
    public static string? TakenFrom(DataSource? read) =>
        read is null || Manager(read) is not { } manager ? null
        : Cron(read) is not null ? $"taken from {manager}, which does not update it any more; to give it back, set the label {FieldNames.DataImportCron} again"
        : $"{manager} manages it and may take the publication back";

    /// <summary>The patch that points it to a version, refused (409) when it has changed since it was read.</summary>
    public static JsonObject Flip(DataSource read, VersionVolume version, IEnumerable<KeyValuePair<string, string?>> more)
    {
        var change = Content(version, more);
        change["metadata"]!["resourceVersion"] = read.Metadata.ResourceVersion;
        foreach (var name in (string[])[FieldNames.DataImportCron, FieldNames.DataImportCronCleanup])
        {
            // CDI updates a cron's DataSource only while that has the label (dataimportcron-controller.go), and deletes it by the other one.
            RemoveIfThere("labels", read.Metadata.Label(name), name);
            RemoveIfThere("annotations", read.Metadata.Annotation(name), name);
        }

        return change;

        void RemoveIfThere(string where, string? value, string name)
        {
            if (value is not null)
            {
                change["metadata"]![where]![name] = null;
            }
        }
    }

    /// <summary>A new DataSource that points to a version.</summary>
    public static DataSource New(string name, VersionVolume version, IEnumerable<KeyValuePair<string, string?>> more) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = version.Metadata.Namespace,
            Name = name,
            Labels = Labels(version).Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value!),
            Annotations = Annotations(version).Concat(more).Where(pair => !string.IsNullOrEmpty(pair.Value)).ToDictionary(pair => pair.Key, pair => pair.Value!),
        },
        Spec = new DataSourceSpec { Source = new DataSourceSource { Pvc = new NamespacedName { Namespace = version.Metadata.Namespace, Name = version.Name } } },
    };

    private static JsonObject Content(VersionVolume version, IEnumerable<KeyValuePair<string, string?>> more) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["labels"] = Json(Labels(version)),
            ["annotations"] = Json(Annotations(version).Concat(more)),
        },
        ["spec"] = new JsonObject
        {
            // The members are a union: whatever else it pointed to must go in the same patch.
            ["source"] = new JsonObject
            {
                ["pvc"] = new JsonObject { ["namespace"] = version.Metadata.Namespace, ["name"] = version.Name },
                ["snapshot"] = null,
                ["dataSource"] = null,
            },
        },
    };

    private static IEnumerable<KeyValuePair<string, string?>> Labels(VersionVolume version) =>
        [KeyValuePair.Create(FieldNames.ManagedBy, (string?)Names.Manager), .. HintLabels.Select(name => KeyValuePair.Create(name, version.Metadata.Label(name)))];

    private static IEnumerable<KeyValuePair<string, string?>> Annotations(VersionVolume version) =>
        Copied.Select(name => KeyValuePair.Create(name, version.Metadata.Annotation(name)));

    private static JsonObject Json(IEnumerable<KeyValuePair<string, string?>> pairs)
    {
        var all = new JsonObject();
        foreach (var (name, value) in pairs)
        {
            // Null takes away what the version before had and this one has not.
            all[name] = string.IsNullOrEmpty(value) ? null : value;
        }

        return all;
    }

    private static string? Manager(DataSource shown)
    {
        var meta = shown.Metadata;
        if (Cron(shown) is { } cron)
        {
            return $"the DataImportCron {cron}";
        }

        if (meta.OwnerReferences?.Find(owner => owner.Controller == true) is { } owner)
        {
            return $"{owner.Kind} {owner.Name}";
        }

        return meta.Label(FieldNames.ManagedBy) is { Length: > 0 } manager && manager != Names.Manager ? manager : null;
    }

    private static string? Cron(DataSource shown) => shown.Metadata.Label(FieldNames.DataImportCron) ?? shown.Metadata.Annotation(FieldNames.DataImportCron);

    private static bool IsHere(NamespacedName to, DataSource shown) => string.IsNullOrEmpty(to.Namespace) || to.Namespace == shown.Metadata.Namespace;
}
