using GoldenImages;
using Kubernetes.Configuration;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;
using Steps.OnCluster;

namespace Steps.PublishDataSource;

/// <summary>Publishes a sealed volume as a new version of a DataSource, or points the DataSource back to an older one.</summary>
internal sealed class PublishDataSourceStep : IStep
{
    /// <summary>What a DataSource points to may be elsewhere: a namespace and a name.</summary>
    private const int LongestName = 63 + 1 + 253;

    private static readonly StepOption<string> VolumeName = StepOption.Text(
        "volume-name", "The sealed working volume: a PersistentVolumeClaim. Not needed for a rollback.");

    private static readonly StepOption<string> VolumeNamespace = StepOption.Text(
        "volume-namespace", "Its namespace; the pod's, or the kubeconfig's, without it.");

    private static readonly StepOption<string> DataSource = StepOption.Text(
        "data-source", "The DataSource that virtual machines are cloned from, as in corp-fedora. It is made if there is none.", required: true);

    private static readonly StepOption<string> TargetNamespace = StepOption.Text(
        "target-namespace", "The DataSource's namespace, which holds its versions, too; that of the volume without it.");

    private static readonly StepOption<string> StorageClass = StepOption.Text(
        "storage-class", "The storage class of the new version; the working volume's without it.");

    private static readonly StepOption<string> BuildKey = StepOption.Text(
        "build-key", "The build key that plan-build gave; the next plan compares with it.");

    private static readonly StepOption<string> BuildInputs = StepOption.Text(
        "build-inputs", "The parts of the build key that plan-build gave; with them the next plan can say what has changed.");

    private static readonly StepOption<int> Keep = StepOption.Integer(
        "keep", "How many versions stay, the current one among them; 1 leaves none to roll back to.", Retention.DefaultKeep, 1, 100);

    private static readonly StepOption<string> Instancetype = StepOption.Text(
        "default-instancetype", "Name of the instance type that machines of this image get unless they name one; the working volume's label without it.");

    private static readonly StepOption<string> InstancetypeKind = StepOption.Text(
        "default-instancetype-kind", "Its kind: VirtualMachineClusterInstancetype or VirtualMachineInstancetype.");

    private static readonly StepOption<string> Preference = StepOption.Text(
        "default-preference", "Name of the preference that machines of this image get unless they name one; the working volume's label without it.");

    private static readonly StepOption<string> PreferenceKind = StepOption.Text(
        "default-preference-kind", "Its kind: VirtualMachineClusterPreference or VirtualMachinePreference.");

    private static readonly StepOption<string> Architecture = StepOption.Text(
        "architecture", "The image's architecture, as in amd64, arm64, s390x; the working volume's label without it.");

    private static readonly StepOption<string> SourceReference = StepOption.Text(
        "source-reference", "What the image was made from; becomes the annotation goldenimage.io/source.");

    private static readonly StepOption<string> SourceDigest = StepOption.Text(
        "source-digest", "The digest of what the image was made from; becomes the annotation goldenimage.io/source-digest.");

    private static readonly StepOption<string> Image = StepOption.Text(
        "image", "The container disk that was pushed of the same disk, with its digest; becomes the annotation goldenimage.io/image.");

    private static readonly StepOption<string> PipelineRun = StepOption.Text(
        "pipeline-run", "The PipelineRun that made the image; the working volume's owner without it.");

    private static readonly StepOption<string> RollbackTo = StepOption.Text(
        "rollback", "Points the DataSource back to a version, without copying anything: previous, or the name of a version.");

    private static readonly StepOption<bool> Force = StepOption.Boolean(
        "force", "Publishes although a DataImportCron or somebody else manages the DataSource, or it already points to something newer.");

    private static readonly StepResult DataSourceResult = new("data-source", "The DataSource's name.");
    private static readonly StepResult VolumeResult = new("volume-name", "The volume that the DataSource points to now.");
    private static readonly StepResult PreviousResult = new("previous-volume", "The volume that it pointed to before; empty for none.");

    /// <inheritdoc/>
    public string Name => "publish-datasource";

    /// <inheritdoc/>
    public string Summary => "Publishes a sealed volume as a new version of a DataSource, or rolls the DataSource back to an older version.";

    /// <inheritdoc/>
    public IReadOnlyList<StepOption> Options { get; } =
    [
        VolumeName, VolumeNamespace, DataSource, TargetNamespace, StorageClass, BuildKey, BuildInputs, Keep, Instancetype, InstancetypeKind,
        Preference, PreferenceKind, Architecture, SourceReference, SourceDigest, Image, PipelineRun, RollbackTo, Force, .. ClusterOptions.All,
    ];

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Results { get; } = [DataSourceResult, VolumeResult, PreviousResult];

    /// <inheritdoc/>
    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var rollback = input.Get(RollbackTo);
        if (rollback.Length == 0 && !input.IsSet(VolumeName))
        {
            input.Mistake(VolumeName, "it is required, unless --rollback is given");
        }

        Check(input, ObjectName.Mistake, VolumeName, DataSource, StorageClass, RollbackTo);
        Check(input, ObjectName.NamespaceMistake, VolumeNamespace, TargetNamespace);
        Check(input, LabelValue.Mistake, Instancetype, InstancetypeKind, Preference, PreferenceKind, Architecture);

        if (input.IsSet(BuildInputs) && GoldenImages.BuildInputs.Parse(input.Get(BuildInputs)) is null)
        {
            input.Mistake(BuildInputs, "these are no build inputs of plan-build");
        }

        input.ThrowIfMistaken();
        var access = ClusterOptions.Access(input);
        var from = input.Get(VolumeNamespace) is { Length: > 0 } given ? given : access.Namespace;
        var request = new PublishRequest
        {
            DataSource = input.Get(DataSource),
            Namespace = input.Get(TargetNamespace) is { Length: > 0 } target ? target : from,
            VolumeName = input.Get(VolumeName),
            VolumeNamespace = from,
            StorageClass = input.Get(StorageClass),
            Keep = input.Get(Keep),
            Hints = new VolumeHints(input.Get(Instancetype), input.Get(InstancetypeKind), input.Get(Preference), input.Get(PreferenceKind), input.Get(Architecture)),
            Provenance = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [Names.Source] = input.Get(SourceReference),
                [Names.SourceDigest] = input.Get(SourceDigest),
                [Names.BuildKey] = input.Get(BuildKey),
                [Names.BuildInputs] = input.Get(BuildInputs),
                [Names.Image] = input.Get(Image),
                [Names.PipelineRun] = input.Get(PipelineRun),
            },
            Force = input.Get(Force),
        };
        input.PlanResult(DataSourceResult, request.DataSource);
        input.PlanResult(VolumeResult, new string('x', LongestName));
        input.PlanResult(PreviousResult, new string('x', LongestName));
        return Task.FromResult<IStepPlan>(new Plan(access, request, rollback));
    }

    private static void Check(StepInput input, Func<string, string?> mistake, params StepOption<string>[] options)
    {
        foreach (var option in options.Where(input.IsSet))
        {
            if (mistake(input.Get(option)) is { } cause)
            {
                input.Mistake(option, cause);
            }
        }
    }

    private sealed class Plan(ClusterAccess access, PublishRequest request, string rollback) : IStepPlan
    {
        public IReadOnlyList<string> Describe() => rollback.Length > 0
            ? [$"point DataSource {request.Namespace}/{request.DataSource} to {(rollback == RollbackTarget.Previous ? "the version before the current one" : rollback)}"]
            :
            [
                $"copy PersistentVolumeClaim {request.VolumeNamespace}/{request.VolumeName} to namespace {request.Namespace} as a new version of DataSource {request.DataSource}",
                $"when it is complete, point DataSource {request.Namespace}/{request.DataSource} to it and wait until it is Ready",
                $"keep {request.Keep} versions, delete older ones that nobody uses",
            ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            try
            {
                using var client = ClusterOptions.Connect(access, "publish-datasource", context.Log);
                var workshop = new Workshop(client, context.Time, context.Log.Info, context.Log.Warn);
                context.Results.Set(DataSourceResult, request.DataSource);
                if (rollback.Length > 0)
                {
                    Tell(context, await new Rollback(workshop, request, rollback).RunAsync(cancellation));
                }
                else
                {
                    await new Publication(workshop, request).RunAsync(outcome => Tell(context, outcome), cancellation);
                }
            }
            catch (Exception fault) when (ClusterFaults.IsKnown(fault))
            {
                throw ClusterFaults.Explain(fault)!;
            }
        }

        private static void Tell(StepContext context, PublishOutcome outcome)
        {
            context.Results.Set(VolumeResult, outcome.Volume);
            context.Results.Set(PreviousResult, outcome.Previous);
        }
    }
}
