using GoldenImages;
using Kubernetes.Configuration;
using Kubernetes.Models;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Output;
using StepRuntime.Results;
using Steps.OnCluster;
using Steps.OnCluster.Sources;

namespace Steps.CloneSource;

/// <summary>Makes the working volume: a clone of the source.</summary>
internal sealed class CloneSourceStep : IStep
{
    internal static readonly StepOption<string> Source = StepOption.Text("source-name", "The source's name; this or source-url.");

    internal static readonly StepOption<string> SourceUrl = StepOption.Text(
        "source-url", "In place of a source in the cluster: a container disk (docker://registry/repository@sha256:...), or a disk image on a web server (https://...). Needs size.");

    internal static readonly StepOption<string> SourceSecret = StepOption.Text(
        "source-secret", "Secret with accessKeyId and secretKey for source-url, in the target's namespace.");

    internal static readonly StepOption<string> SourceAuthorities = StepOption.Text(
        "source-authorities", "ConfigMap with the certificate authorities (*.crt, *.pem) of source-url, in the target's namespace.");

    internal static readonly StepOption<string> SourceDisk = StepOption.Text(
        "source-disk", "Which disk of a source that has several. No kind that this version takes has: leave it empty.");

    internal static readonly StepOption<string> TargetName = StepOption.Text("target-name", "The name of the volume that is made.", required: true);

    internal static readonly StepOption<string> TargetNamespace = StepOption.Text("target-namespace", "Its namespace; the one that this runs in without it.");

    internal static readonly StepOption<string> StorageClass = StepOption.Text("storage-class", "Its storage class; CDI's default without it.");

    internal static readonly StepOption<long> Size = StepOption.Size("size", "Its size, such as 20Gi; the source's without it.");

    internal static readonly StepOption<string> AccessMode = StepOption.Choice(
        "access-mode", "Its access mode; the storage profile's without it.", "", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod");

    internal static readonly StepOption<string> VolumeMode = StepOption.Choice(
        "volume-mode", "Its volume mode; the source's without it.", "", "Filesystem", "Block");

    internal static readonly StepOption<string> OwnerName = StepOption.Text("owner-name", "The PipelineRun that the volume goes away with, of the same namespace.");

    internal static readonly StepOption<string> OwnerUid = StepOption.Text("owner-uid", "That PipelineRun's uid.");

    internal static readonly StepResult VolumeName = new("volume-name", "The volume's name.");
    internal static readonly StepResult VolumeNamespace = new("volume-namespace", "Its namespace.");
    internal static readonly StepResult Mode = new("volume-mode", "Filesystem or Block.");
    internal static readonly StepResult VolumeSize = new("size", "Its size, as a quantity.");
    internal static readonly StepResult SourceReference = new("source-reference", "The container disk or address that the source was made from, else namespace/kind/name of what was cloned.");
    internal static readonly StepResult SourceDigest = new("source-digest", "The digest of that content (sha256:...), else uid: and the uid of what was cloned; empty for an address without a digest.");
    internal static readonly StepResult Instancetype = new("default-instancetype", "Hint: the instance type for machines of this image.");
    internal static readonly StepResult InstancetypeKind = new("default-instancetype-kind", "Hint: its kind.");
    internal static readonly StepResult Preference = new("default-preference", "Hint: the preference for machines of this image.");
    internal static readonly StepResult PreferenceKind = new("default-preference-kind", "Hint: its kind.");
    internal static readonly StepResult Architecture = new("architecture", "Hint: the guest's architecture.");

    /// <inheritdoc/>
    public string Name => "clone-source";

    /// <inheritdoc/>
    public string Summary => "Clones a DataSource, a claim, a snapshot, a container disk or a disk image into a new volume, and waits until it is complete.";

    /// <inheritdoc/>
    public IReadOnlyList<StepOption> Options { get; } =
    [
        SourceOptions.Kind, Source, SourceOptions.Namespace, SourceOptions.Architecture, SourceUrl, SourceSecret, SourceAuthorities, SourceDisk, TargetName, TargetNamespace,
        StorageClass, Size, AccessMode, VolumeMode, OwnerName, OwnerUid, .. ClusterOptions.All,
    ];

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Results { get; } =
    [
        VolumeName, VolumeNamespace, Mode, VolumeSize, SourceReference, SourceDigest,
        Instancetype, InstancetypeKind, Preference, PreferenceKind, Architecture,
    ];

    /// <inheritdoc/>
    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var access = ClusterOptions.Access(input);
        var target = SourceOptions.ReadNamespace(input, TargetNamespace, access.Namespace);
        var source = ReadSource(input, access.Namespace);
        foreach (var option in (StepOption<string>[])[TargetName, StorageClass, SourceSecret, SourceAuthorities])
        {
            _ = SourceOptions.ReadName(input, option);
        }

        if (input.IsSet(OwnerName) != input.IsSet(OwnerUid))
        {
            input.Mistake(input.IsSet(OwnerName) ? OwnerUid : OwnerName, "an owner is named by owner-name and owner-uid together");
        }

        if (input.IsSet(OwnerName) && target != access.Namespace)
        {
            // The garbage collector looks for an owner in the object's own namespace, finds none, and deletes the volume.
            input.Mistake(OwnerName, $"the owner is in namespace {access.Namespace}, where this runs, the volume in {target}: an owner reference can't cross namespaces");
        }

        PlanResults(input, target);
        var request = new CloneRequest
        {
            Source = source,
            Url = Given(input, SourceUrl),
            UrlSecret = Given(input, SourceSecret),
            UrlAuthorities = Given(input, SourceAuthorities),
            TargetName = input.Get(TargetName),
            TargetNamespace = target,
            StorageClass = Given(input, StorageClass),
            Size = input.IsSet(Size) ? $"{Quantity.OfBytes(input.Get(Size))}" : null,
            AccessMode = Given(input, AccessMode),
            VolumeMode = Given(input, VolumeMode),
            OwnerName = Given(input, OwnerName),
            OwnerUid = Given(input, OwnerUid),
        };
        return Task.FromResult<IStepPlan>(new Plan(Name, access, request));
    }

    /// <summary>The object that is cloned; null for an address.</summary>
    private static SourceRequest? ReadSource(StepInput input, string ownNamespace)
    {
        if (input.IsSet(SourceUrl) == input.IsSet(Source))
        {
            input.Mistake(Source, "the source is either an object (source-kind, source-name) or an address (source-url)");
        }

        if (input.IsSet(SourceDisk))
        {
            input.Mistake(SourceDisk, $"a {input.Get(SourceOptions.Kind)} has one disk; leave it empty");
        }

        if (input.Get(SourceUrl) is { Length: > 0 } url)
        {
            if (SourceAddress.Mistake(url) is { } cause)
            {
                input.Mistake(SourceUrl, cause);
            }

            if (!input.IsSet(Size))
            {
                input.Mistake(Size, "with source-url the size must be given: it is not known before the import");
            }
        }

        if (input.IsSet(Size) && input.Get(Size) < 1 << 20)
        {
            input.Mistake(Size, "CDI makes no volume of less than 1Mi");
        }

        return input.IsSet(SourceUrl)
            ? null
            : new SourceRequest(
                input.Get(SourceOptions.Kind), SourceOptions.ReadNamespace(input, SourceOptions.Namespace, ownNamespace),
                SourceOptions.ReadName(input, Source) ?? "", Given(input, SourceOptions.Architecture));
    }

    /// <summary>Whether the results have room, whatever the source turns out to be: a volume that was made, and can't be told of, helps nobody.</summary>
    private static void PlanResults(StepInput input, string target)
    {
        foreach (var hint in (StepResult[])[Instancetype, InstancetypeKind, Preference, PreferenceKind, Architecture])
        {
            input.PlanResult(hint, new string('x', FilledVolume.LongestLabel));
        }

        var address = input.IsSet(SourceUrl) ? SourceAddress.Identity(input.Get(SourceUrl)) : null;
        input.PlanResult(SourceDigest, address?.Digest ?? new string('x', SourceIdentity.LongestDigest));
        input.PlanResult(SourceReference, address?.Reference ?? new string('x', SourceIdentity.LongestReference));
        input.PlanResult(Mode, "Filesystem");
        input.PlanResult(VolumeSize, new string('x', FilledVolume.LongestSize));
        input.PlanResult(VolumeNamespace, target);
        // The last: it is the one that a user can shorten.
        input.PlanResult(VolumeName, input.Get(TargetName));
    }

    private static string? Given(StepInput input, StepOption<string> option) => input.Get(option) is { Length: > 0 } text ? text : null;

    private sealed class Plan(string step, ClusterAccess access, CloneRequest request) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"clone {request.From}",
            $"into {request.Target}, {request.Size ?? "of the source's size"}, volume mode {request.VolumeMode ?? "as the source's"}, storage class {request.StorageClass ?? "CDI's default"}",
            request.OwnerName is { } owner ? $"owned by PipelineRun {owner}" : "owned by nobody",
            "wait until it has Succeeded and its claim is Bound",
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            try
            {
                await CloneAsync(context, cancellation);
            }
            catch (Exception fault) when (ClusterFaults.IsKnown(fault))
            {
                throw ClusterFaults.Explain(fault)!;
            }
        }

        private async Task CloneAsync(StepContext context, CancellationToken cancellation)
        {
            using var client = ClusterOptions.Connect(access, step, context.Log);
            var clone = new VolumeClone(client, context.Log.Info, context.Log.Warn);
            var made = await clone.MakeAsync(request, cancellation);
            context.Results.Set(VolumeName, request.TargetName);
            context.Results.Set(VolumeNamespace, request.TargetNamespace);
            context.Results.Set(SourceReference, made.Reference);
            context.Results.Set(SourceDigest, made.Digest);

            var ready = await clone.FillAsync(made, Percent(context.Log), cancellation);
            var told = FilledVolume.Of(ready, made.Volume);
            context.Results.Set(Mode, told.Mode);
            context.Results.Set(VolumeSize, told.Size);
            context.Results.Set(Instancetype, told.Hints.Instancetype ?? "");
            context.Results.Set(InstancetypeKind, told.Hints.InstancetypeKind ?? "");
            context.Results.Set(Preference, told.Hints.Preference ?? "");
            context.Results.Set(PreferenceKind, told.Hints.PreferenceKind ?? "");
            context.Results.Set(Architecture, told.Hints.Architecture ?? "");
            context.Log.Info($"{request.Target} is complete: {told.Size}, {told.Mode}");
        }

        /// <summary>A line for every five percent; in between the log itself says what goes on.</summary>
        private static Action<double?> Percent(StepLog log)
        {
            var next = 0;
            return percent =>
            {
                if (percent is { } known && known >= next)
                {
                    next = ((int)known / 5 * 5) + 5;
                    log.Info($"filling the volume: {known:F0} %");
                }
            };
        }
    }
}
