using System.Text;
using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;
using Steps.OnCluster;
using Steps.OnCluster.Sources;
using Steps.OnGuests;

namespace Steps.PlanBuild;

/// <summary>Pins the source, computes the build key, and says whether a build is needed and why. It only reads.</summary>
/// <param name="behaviour">The number of what the guest steps do.</param>
internal sealed class PlanBuildStep(int behaviour) : IStep
{
    private static readonly StepOption<string> DataSource = StepOption.Text(
        "data-source", "The DataSource that the build is for; unset, there is nothing to compare with, and a build is always needed.");

    private static readonly StepOption<string> TargetNamespace = StepOption.Text(
        "target-namespace", "Its namespace; unset, the one that the step runs in, or the kubeconfig's (publish-datasource takes the volume's: name it in both where these differ).");

    private static readonly StepOption<TimeSpan> MaxAge = StepOption.Duration(
        "max-age", "How old the published image may get although nothing changed (7d, 36h); unset, 7d where the customization uses the network, else any age.",
        longest: TimeSpan.FromDays(3650));

    private static readonly StepOption<bool> Force = StepOption.Boolean("force", "Whether to build whatever is published.");

    private static readonly StepResult Needed = new("needed", "Whether a build is needed: true or false.");
    private static readonly StepResult Reason = new("reason", "Why, in one sentence.");
    private static readonly StepResult Key = new("build-key", "The digest of all that the image is made of.");
    private static readonly StepResult Inputs = new("build-inputs", "Short digests of the key's parts, for the volume's annotation: the next plan says by them what changed.");
    private static readonly StepResult SourceKind = new("source-kind", "PersistentVolumeClaim or VolumeSnapshot: what to clone, pinned.");
    private static readonly StepResult SourceName = new("source-name", "Its name.");
    private static readonly StepResult SourceNamespace = new("source-namespace", "Its namespace.");
    private static readonly StepResult SourceReference = new("source-reference", "What the source is: an image's reference, or namespace/kind/name.");
    private static readonly StepResult SourceDigest = new("source-digest", "The image's digest, or uid:… of the volume.");
    private static readonly StepResult CurrentVolume = new("current-volume", "The volume that the DataSource points to now; empty for none.");

    public string Name => "plan-build";

    public string Summary => "Pins the source of a golden image and says whether a build is needed, and why.";

    public IReadOnlyList<StepOption> Options =>
    [
        SourceOptions.Kind, SourceOptions.Name, SourceOptions.Namespace, SourceOptions.Architecture,
        CustomizationOptions.Commands, CustomizationOptions.CommandsFile, CustomizationOptions.Content, CustomizationOptions.Operations, CustomizationOptions.Network,
        DataSource, TargetNamespace, MaxAge, Force, .. ClusterOptions.All,
    ];

    public IReadOnlyList<StepResult> Results =>
        [Needed, Reason, Key, Inputs, SourceKind, SourceName, SourceNamespace, SourceReference, SourceDigest, CurrentVolume];

    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var customization = CustomizationOptions.ReadCommands(input);
        var seal = CustomizationOptions.ReadOperations(input);
        var access = Access(input);
        var source = SourceOptions.Read(input, access?.Namespace ?? "");
        var dataSource = SourceOptions.ReadName(input, DataSource);
        var target = SourceOptions.ReadNamespace(input, TargetNamespace, access?.Namespace ?? "");
        if (source.Kind == SourceRequest.DataSource && (source.Namespace, source.Name) == (target, dataSource))
        {
            input.Mistake(DataSource, "it is the source itself, which every build would change again; give the golden image a name or namespace of its own");
        }

        input.ThrowIfMistaken();
        TimeSpan? maxAge = input.IsSet(MaxAge) ? input.Get(MaxAge) : null;
        return Task.FromResult<IStepPlan>(
            new Plan(access!, source, dataSource, target, maxAge, input.Get(Force), new CustomizationKey(customization!, seal!, behaviour)));
    }

    private static ClusterAccess? Access(StepInput input)
    {
        try
        {
            return ClusterOptions.Access(input);
        }
        catch (StepException fault) when (fault.Code == ExitCode.BadInput)
        {
            // One mistake of several: the others are told with it.
            input.Mistake(fault.Message);
            return null;
        }
    }

    private sealed class Plan(
        ClusterAccess access, SourceRequest source, string? dataSource, string target, TimeSpan? maxAge, bool force, CustomizationKey customization) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"ask {access.Server.Authority} for {source}{(source.Architecture is { } architecture ? $" ({architecture})" : "")}, and pin the volume behind it",
            .. customization.Describe(),
            dataSource is null ? "nothing is published to compare with: a build is needed" : $"compare with what DataSource {target}/{dataSource} points to{(force ? "; a build is forced" : "")}",
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            try
            {
                using var client = ClusterOptions.Connect(access, "plan-build", context.Log);
                await DecideAsync(client, context, cancellation);
            }
            catch (KubernetesException fault)
            {
                throw ClusterFaults.Explain(fault)!;
            }
        }

        private async Task DecideAsync(KubernetesClient client, StepContext context, CancellationToken cancellation)
        {
            // Both sides at once: they are different objects, mostly of different namespaces.
            var publishing = dataSource is null
                ? Task.FromResult(new PublishedImage(null, null, null))
                : PublishedImage.ReadAsync(client, target, dataSource, cancellation);
            PinnedSource pinned;
            SourceIdentity identity;
            try
            {
                pinned = await new SourceResolver(client).ResolveAsync(source, cancellation);
                identity = await SourceIdentity.OfAsync(pinned, client, context.Log.Warn, cancellation);
            }
            catch
            {
                // One fault is told; the other side's would otherwise be one that nobody looked at.
                _ = publishing.ContinueWith(task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                throw;
            }

            context.Log.Info($"{source} is {pinned}: {identity.Reference}, {identity.Digest}");
            context.Results.Set(SourceKind, pinned.Kind);
            context.Results.Set(SourceName, pinned.Name);
            context.Results.Set(SourceNamespace, pinned.Namespace);
            context.Results.Set(SourceReference, identity.Reference);
            context.Results.Set(SourceDigest, identity.Digest);

            var key = customization.With(identity.KeyDigest, cancellation);
            context.Results.Set(Key, key.Value);
            context.Results.Set(Inputs, key.Inputs.ToString());

            var published = await publishing;
            context.Results.Set(CurrentVolume, published.Current?.Name ?? "");
            if (published.OwnedBy is { } cron)
            {
                context.Log.Warn($"DataSource {target}/{dataSource} is managed by DataImportCron {cron}, so publish-datasource will refuse it unless forced");
            }

            var decision = Decide(key, identity, published, context.Time.GetUtcNow());
            context.Log.Info(decision.Needed ? $"a build is needed: {decision.Reason}" : $"no build is needed: {decision.Reason}");
            context.Results.Set(Reason, Fitting(decision.Reason, pinned, identity, published));
            // The last: who sees it sees all the others.
            context.Results.Set(Needed, decision.Needed ? "true" : "false");
        }

        private BuildDecision Decide(BuildKey key, SourceIdentity identity, PublishedImage published, DateTimeOffset now) => dataSource is null
            ? new BuildDecision(BuildCause.NothingPublished, "no data-source is named to compare with")
            : BuildDecision.Of(new BuildQuestion(key, identity.Digest, now)
            {
                Current = published.Current,
                RolledBackKey = published.RolledBackKey,
                MaxAge = maxAge,
                UsesNetwork = customization.UsesNetwork,
                Force = force,
            });

        /// <summary>The sentence as far as the results have room for it beside names of the greatest length; the log has all of it.</summary>
        private static string Fitting(string reason, PinnedSource pinned, SourceIdentity identity, PublishedImage published)
        {
            const int digest = 71, boolean = 5, inputs = 50;
            var taken = ResultBudget.Reserved
                + ResultBudget.Cost(Needed.Name, boolean) + ResultBudget.Cost(Key.Name, digest) + ResultBudget.Cost(Inputs.Name, inputs)
                + ResultBudget.Cost(SourceKind.Name, pinned.Kind.Length) + ResultBudget.Cost(SourceName.Name, pinned.Name.Length)
                + ResultBudget.Cost(SourceNamespace.Name, pinned.Namespace.Length) + ResultBudget.Cost(SourceReference.Name, identity.Reference.Length)
                + ResultBudget.Cost(SourceDigest.Name, identity.Digest.Length) + ResultBudget.Cost(CurrentVolume.Name, published.Current?.Name.Length ?? 0)
                + ResultBudget.Cost(Reason.Name, 0);
            var room = Math.Max(0, ResultBudget.Total - taken);
            var ascii = string.Concat(reason.Select(c => c is >= ' ' and <= '~' ? c : '?'));
            return Encoding.UTF8.GetByteCount(ascii) <= room ? ascii : ascii[..room];
        }
    }
}
