using ContainerDisks;
using ContainerDisks.Push;
using Disks;
using Registry;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;

namespace Steps.PushContainerDisk;

/// <summary>Pushes a disk to a registry as a container disk, in one pass, without a copy on any storage.</summary>
internal sealed class PushContainerDiskStep : IStep
{
    private static readonly StepOption<string> DiskPath = StepOption.Text(
        "disk", "The disk: a folder (its disk.img), a file, or a block device.", required: true);

    private static readonly StepOption<string> Format = StepOption.Choice(
        "disk-format", "The disk's format; never guessed, because a guest may have written its first bytes.", "raw", "raw", "qcow2");

    private static readonly StepOption<string> Image = StepOption.Text(
        "image", "Where the image goes: host/repository:tag, such as quay.io/example/golden-fedora:42.", required: true);

    private static readonly StepOption<IReadOnlyList<string>> Tags = StepOption.List(
        "tags", "More tags for the same image, in the same repository.");

    private static readonly StepOption<string> Compression = StepOption.Choice(
        "compression", "How the layer is compressed.", "gzip", "gzip", "none");

    private static readonly StepOption<int> Level = StepOption.Integer(
        "level", "How much gzip compresses: 1 is fast, 12 is small.", PushRequest.DefaultLevel, 1, 12);

    private static readonly StepOption<string> LayerFormat = StepOption.Choice(
        "layer-format", "What the image holds: container-disk is one layer with disk/disk.qcow2, as KubeVirt and CDI read it.", "container-disk", "container-disk");

    private static readonly StepOption<string> Instancetype = StepOption.Text(
        "default-instancetype", "Name of the instance type that machines of this disk get unless they name one.");

    private static readonly StepOption<string> InstancetypeKind = StepOption.Text(
        "default-instancetype-kind", "Its kind: VirtualMachineClusterInstancetype or VirtualMachineInstancetype.");

    private static readonly StepOption<string> Preference = StepOption.Text(
        "default-preference", "Name of the preference that machines of this disk get unless they name one.");

    private static readonly StepOption<string> PreferenceKind = StepOption.Text(
        "default-preference-kind", "Its kind: VirtualMachineClusterPreference or VirtualMachinePreference.");

    private static readonly StepOption<string> Architecture = StepOption.Text(
        "architecture", "The disk's architecture, as in amd64, arm64, s390x; this machine's unless given.");

    private static readonly StepOption<string> SourceReference = StepOption.Text(
        "source-reference", "The image that the disk was made from; becomes the annotation org.opencontainers.image.base.name.");

    private static readonly StepOption<string> SourceDigest = StepOption.Text(
        "source-digest", "That image's digest; becomes the annotation org.opencontainers.image.base.digest. A uid: of clone-source becomes none.");

    private static readonly StepOption<string> Credentials = StepOption.Text(
        "docker-config", "Credentials: docker's config.json, or the folder of a mounted Secret of type kubernetes.io/dockerconfigjson. Anonymous without it.");

    private static readonly StepOption<string> CaFile = StepOption.Text(
        "ca-file", "Certificate authorities that are trusted for the registry beside the system's: a PEM file, or a folder of them (*.crt, *.pem).");

    private static readonly StepOption<bool> Insecure = StepOption.Boolean(
        "insecure", "Takes any certificate, and plain HTTP where the registry has no HTTPS. For labs.");

    private static readonly StepResult ImageUrl = new("IMAGE_URL", "The image, as host/repository:tag.");

    private static readonly StepResult ImageDigest = new("IMAGE_DIGEST", "The digest of its manifest, sha256:....");

    private static readonly StepResult DiskDigest = new("disk-digest", "SHA-256 of the qcow2 image in it: equal for equal disks, however they are compressed.");

    /// <inheritdoc/>
    public string Name => "push-containerdisk";

    /// <inheritdoc/>
    public string Summary => "Pushes a disk to a registry as a container disk.";

    /// <inheritdoc/>
    public IReadOnlyList<StepOption> Options =>
    [
        DiskPath, Format, Image, Tags, Compression, Level, LayerFormat, Instancetype, InstancetypeKind, Preference,
        PreferenceKind, Architecture, SourceReference, SourceDigest, Credentials, CaFile, Insecure,
    ];

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Results => [ImageUrl, ImageDigest, DiskDigest];

    /// <inheritdoc/>
    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var image = ParseImage(input);
        var tags = input.Get(Tags);
        foreach (var tag in tags.Where(tag => !ImageReference.IsTag(tag)))
        {
            input.Mistake(Tags, $"\"{tag}\" is not a tag");
        }

        foreach (var option in (StepOption<string>[])[Instancetype, InstancetypeKind, Preference, PreferenceKind, Architecture])
        {
            // They become variables and labels: what Kubernetes takes as a name, and no more.
            if (input.Get(option) is { Length: > 0 } text && (text.Length > 253 || text.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.'))))
            {
                input.Mistake(option, $"\"{text}\" is not a name");
            }
        }

        // A source that was no image is known by its uid, which nobody can pull: the annotation stays away.
        var sourceDigest = input.Get(SourceDigest).StartsWith("uid:", StringComparison.Ordinal) ? "" : input.Get(SourceDigest);
        if (sourceDigest.Length > 0 && !Digest.TryParse(sourceDigest, out _))
        {
            input.Mistake(SourceDigest, $"\"{input.Get(SourceDigest)}\" is not a digest (sha256: and 64 hex digits)");
        }

        if (image is null)
        {
            input.ThrowIfMistaken();
            throw new InvalidOperationException("an image that is no reference is a mistake");
        }

        var url = $"{image.Name}:{image.Tag}";
        input.PlanResult(ImageUrl, url);
        input.PlanResult(ImageDigest, Digest.Of([]).ToString());
        input.PlanResult(DiskDigest, Digest.Of([]).ToString());
        var request = new PushRequest
        {
            Image = image,
            Tags = tags,
            Level = input.Get(Compression) == "none" ? null : input.Get(Level),
            Architecture = input.Get(Architecture) is { Length: > 0 } named ? named : Hints.MachineArchitecture,
            Hints = new Hints(input.Get(Instancetype), input.Get(InstancetypeKind), input.Get(Preference), input.Get(PreferenceKind)),
            SourceReference = input.Get(SourceReference),
            SourceDigest = sourceDigest,
        };
        return Task.FromResult<IStepPlan>(new Plan(
            Disk.Resolve(input.Get(DiskPath)),
            input.Get(Format) == "qcow2" ? DiskFormat.Qcow2 : DiskFormat.Raw,
            request,
            new RegistryOptions { DockerConfig = input.Get(Credentials), CaFile = input.Get(CaFile), Insecure = input.Get(Insecure) },
            url));
    }

    private static ImageReference? ParseImage(StepInput input)
    {
        if (!input.IsSet(Image))
        {
            return null;
        }

        try
        {
            var image = ImageReference.Parse(input.Get(Image));
            if (image.Digest is null)
            {
                return image;
            }

            input.Mistake(Image, "an image is pushed to a tag; its digest is a result");
        }
        catch (RegistryException error)
        {
            input.Mistake(Image, error.Message);
        }

        return null;
    }

    private sealed class Plan(string disk, DiskFormat format, PushRequest request, RegistryOptions registry, string url) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"read {disk} as {(format == DiskFormat.Qcow2 ? "qcow2" : "raw")}",
            $"push it as a container disk for {request.Architecture} to {url}, {(request.Level is { } level ? $"gzip level {level}" : "not compressed")}",
            .. request.Tags.Select(tag => $"tag it {tag}, too"),
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            try
            {
                await PushAsync(context, cancellation);
            }
            catch (Exception fault) when (fault is DiskException or RegistryException or ContainerDiskException)
            {
                throw Faults.Explain(fault);
            }
        }

        private async Task PushAsync(StepContext context, CancellationToken cancellation)
        {
            using var source = Disk.Open(disk, format);
            using var client = await RegistryClient.ConnectAsync(
                request.Image, RegistryAccess.Push, registry with { Log = context.Log.Warn, Time = context.Time }, cancellation);
            var progress = new PhaseProgress(context.Log);
            var pushed = await new ContainerDiskPush(client, context.Log.Info, progress.Report).RunAsync(source, request, cancellation);
            context.Results.Set(ImageUrl, url);
            context.Results.Set(ImageDigest, pushed.Manifest.ToString());
            context.Results.Set(DiskDigest, pushed.DiskDigest.ToString());
            context.Log.Info($"pushed {url}@{pushed.Manifest}: layer {pushed.LayerLength} bytes, of which {pushed.Sent} were sent");
        }
    }
}
