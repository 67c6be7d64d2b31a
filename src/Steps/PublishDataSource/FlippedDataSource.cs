using GoldenImages;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using StepRuntime;

namespace Steps.PublishDataSource;

/// <summary>What became of an attempt to point a DataSource to a version.</summary>
/// <param name="Shown">The DataSource, as last seen.</param>
/// <param name="Version">The version, as last seen.</param>
/// <param name="Stays">Why it stays where it is; null when it points to the version.</param>
internal sealed record FlipResult(DataSource Shown, VersionVolume Version, string? Stays);

/// <summary>Points a DataSource to a version, in one patch that only hits the DataSource as it was read.</summary>
internal sealed class FlippedDataSource(Workshop at, string dataSource, string inNamespace)
{
    /// <summary>Each lost race means that somebody else has got ahead, CDI with its status at most a few times.</summary>
    private const int Attempts = 20;

    /// <summary>For messages.</summary>
    public string Subject { get; } = Kinds.DataSources.Describe(inNamespace, dataSource);

    /// <summary>The DataSource; null when there is none.</summary>
    public Task<DataSource?> FindAsync(CancellationToken cancellation) => at.Client.FindAsync(Kinds.DataSources, inNamespace, dataSource, cancellation);

    /// <summary>
    /// Points it to a version, unless a look at what it is now says otherwise. Right before every attempt the version is touched, and must be
    /// complete then: who prunes has read the DataSource when it did not point there yet.
    /// </summary>
    /// <param name="read">The DataSource as the decision to flip knew it; null when there was none.</param>
    /// <param name="version">The version.</param>
    /// <param name="stay">Why it shall stay where it is; null when it shall not. Asked before every attempt. May throw.</param>
    /// <param name="annotations">Annotations of the DataSource beside those of the version, of what it is now.</param>
    /// <param name="cancellation">Stops.</param>
    public async Task<FlipResult> RunAsync(
        DataSource? read,
        VersionVolume version,
        Func<DataSource, Task<string?>> stay,
        Func<DataSource?, IEnumerable<KeyValuePair<string, string?>>> annotations,
        CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (read is not null && Pointer.IsAt(read, version.Name))
            {
                return new(read, version, null);
            }

            if (read is not null && await stay(read) is { } why)
            {
                return new(read, version, why);
            }

            version = await version.TakeHoldAsync(at, cancellation);
            try
            {
                var shown = await PointAsync(read, version, annotations(read), cancellation);
                if (Pointer.TakenFrom(read) is { } taken)
                {
                    at.Warn($"{Subject}: {taken}");
                }

                return new(shown, version, null);
            }
            catch (KubernetesException fault) when (attempt < Attempts && IsLostRace(fault, read))
            {
                read = await FindAsync(cancellation);
            }
        }
    }

    /// <summary>Waits until CDI shows the version; false when somebody has pointed the DataSource elsewhere meanwhile.</summary>
    public async Task<(bool IsThere, DataSource Shown)> WaitAsync(DataSource known, string version, CancellationToken cancellation)
    {
        DataSource? last = known;
        try
        {
            last = await at.Client.WaitAsync(
                Kinds.DataSources,
                inNamespace,
                dataSource,
                found =>
                {
                    last = found;
                    return found is null || !Pointer.IsAt(found, version) || Pointer.IsReadyAt(found, version);
                },
                cancellation,
                known);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            at.Warn($"{Subject}: it points to {version}, but {Pointer.Readiness(last)}; look whether CDI runs");
            throw;
        }

        return last is not null
            ? (Pointer.IsAt(last, version), last)
            : throw new StepException(ExitCode.Missing, Subject, "it was deleted while its publication was waited for", "run this again");
    }

    private async Task<DataSource> PointAsync(
        DataSource? read, VersionVolume version, IEnumerable<KeyValuePair<string, string?>> annotations, CancellationToken cancellation) => read is null
        ? await at.Client.CreateAsync(Kinds.DataSources, Pointer.New(dataSource, version, annotations), cancellation)
        : await at.Client.PatchAsync(Kinds.DataSources, inNamespace, dataSource, Patch.Merge(Pointer.Flip(read, version, annotations)), cancellation);

    private static bool IsLostRace(KubernetesException fault, DataSource? read) => read is null
        ? fault.Kind == KubernetesFault.AlreadyExists
        : fault.Kind is KubernetesFault.Conflict or KubernetesFault.NotFound;
}
