using System.Text.Json.Nodes;
using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.PublishDataSource;

/// <summary>A version: its DataVolume, or its claim where an old CDI has removed the DataVolume after its work.</summary>
/// <param name="DataVolume">The DataVolume, as last seen.</param>
/// <param name="Claim">The claim, as last seen; null before it was looked at.</param>
internal sealed record VersionVolume(DataVolume? DataVolume, PersistentVolumeClaim? Claim)
{
    /// <summary>The object that carries the version's annotations.</summary>
    public ObjectMeta Metadata => DataVolume?.Metadata ?? Claim!.Metadata;

    /// <summary>Its name, the same for both.</summary>
    public string Name => Metadata.Name!;

    /// <summary>For messages.</summary>
    public string Subject => DataVolume is not null
        ? Kinds.DataVolumes.Describe(Metadata.Namespace, Name)
        : Kinds.PersistentVolumeClaims.Describe(Metadata.Namespace, Name);

    /// <summary>How far its publication got.</summary>
    public VersionState State => ImageVersion.StateOf(Metadata.Annotation(Names.State));

    /// <summary>
    /// Takes hold of it for publication. From here on nobody prunes it: who had listed it before deletes it only with the
    /// resourceVersion that it had then, and who lists it later sees that it is being published.
    /// </summary>
    /// <exception cref="StepException">Not all its content is there, or somebody deletes it.</exception>
    public async Task<VersionVolume> TakeHoldAsync(Workshop at, CancellationToken cancellation)
    {
        var touched = await AnnotateAsync(
            at,
            new JsonObject { [Names.State] = Names.PublishingState, [Names.Touched] = Timestamp.Format(at.Time.GetUtcNow()) },
            cancellation);
        if (State == VersionState.Published && DataVolume is not null)
        {
            // It was others', too, since its claim was seen.
            touched = touched with { Claim = await at.Client.FindAsync(Kinds.PersistentVolumeClaims, Metadata.Namespace, Name, cancellation) };
        }

        touched.ThrowUnlessComplete();
        return touched;
    }

    /// <summary>Says that it is complete and may stay for a rollback.</summary>
    /// <param name="at">The cluster.</param>
    /// <param name="wasPointedTo">Whether the DataSource has pointed to it just now.</param>
    /// <param name="cancellation">Stops.</param>
    public Task<VersionVolume> MarkPublishedAsync(Workshop at, bool wasPointedTo, CancellationToken cancellation)
    {
        var change = new JsonObject { [Names.State] = Names.PublishedState, [Names.Touched] = null };
        if (wasPointedTo)
        {
            change[Names.PublishedAt] = Timestamp.Format(at.Time.GetUtcNow());
        }

        return AnnotateAsync(at, change, cancellation);
    }

    private void ThrowUnlessComplete()
    {
        if (Versions.WhyIncomplete(DataVolume, Claim) is { } why)
        {
            throw new StepException(ExitCode.Missing, Subject, why, "look what happened to it, then run this again");
        }
    }

    private async Task<VersionVolume> AnnotateAsync(Workshop at, JsonObject annotations, CancellationToken cancellation)
    {
        var patch = Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations } });
        return DataVolume is not null
            ? this with { DataVolume = await at.Client.PatchAsync(Kinds.DataVolumes, Metadata.Namespace, Name, patch, cancellation) }
            : this with { Claim = await at.Client.PatchAsync(Kinds.PersistentVolumeClaims, Metadata.Namespace, Name, patch, cancellation) };
    }
}
