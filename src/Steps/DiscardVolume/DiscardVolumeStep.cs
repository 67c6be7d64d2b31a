using Kubernetes.Configuration;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;
using Steps.OnCluster;
using Steps.OnCluster.Sources;

namespace Steps.DiscardVolume;

/// <summary>Removes the working volume.</summary>
internal sealed class DiscardVolumeStep : IStep
{
    /// <summary>A result has 2 KiB with all others of its step; the log has every name.</summary>
    private const int LongestPending = 1000;

    internal static readonly StepOption<string> VolumeName = StepOption.Text("volume-name", "The volume: its DataVolume, or its claim where it has none.", required: true);

    internal static readonly StepOption<string> VolumeNamespace = StepOption.Text("volume-namespace", "Its namespace; the one that this runs in without it.");

    internal static readonly StepOption<TimeSpan> Wait = StepOption.Duration(
        "wait", "How long to wait until DataVolume and claim are gone, where nothing that is known holds them.", "2m");

    internal static readonly StepResult Pending = new("pending", "What still holds the volume, whose deletion is under way; empty when it is gone.");

    /// <inheritdoc/>
    public string Name => "discard-volume";

    /// <inheritdoc/>
    public string Summary => "Deletes a working volume, also while finished pods still name it; never one that is published.";

    /// <inheritdoc/>
    public IReadOnlyList<StepOption> Options { get; } = [VolumeName, VolumeNamespace, Wait, .. ClusterOptions.All];

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Results { get; } = [Pending];

    /// <inheritdoc/>
    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var access = ClusterOptions.Access(input);
        var target = SourceOptions.ReadNamespace(input, VolumeNamespace, access.Namespace);
        return Task.FromResult<IStepPlan>(new Plan(Name, access, target, SourceOptions.ReadName(input, VolumeName) ?? "", input.Get(Wait)));
    }

    private sealed class Plan(string step, ClusterAccess access, string inNamespace, string name, TimeSpan wait) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"refuse when a DataSource of {inNamespace} points at {name}, when it is published, or a DataImportCron's",
            $"delete DataVolume and PersistentVolumeClaim {inNamespace}/{name}",
            $"let the claim go where only finished pods name it, and wait up to {wait} until it is gone",
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            try
            {
                using var client = ClusterOptions.Connect(access, step, context.Log);
                var removal = new VolumeRemoval(client, context.Log.Info, context.Time);
                var pending = await removal.RunAsync(inNamespace, name, wait, cancellation);
                if (pending.Length == 0)
                {
                    context.Log.Info($"volume {inNamespace}/{name} is gone");
                    return;
                }

                context.Log.Warn($"volume {inNamespace}/{name} is being deleted, and goes when it is no longer held by {pending}");
                context.Results.Set(Pending, pending.Length <= LongestPending ? pending : $"{pending[..LongestPending]}...");
            }
            catch (Exception fault) when (ClusterFaults.IsKnown(fault))
            {
                throw ClusterFaults.Explain(fault)!;
            }
        }
    }
}
