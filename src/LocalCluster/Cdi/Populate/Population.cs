using Kubernetes.Models;
using LocalCluster.Storage;

namespace LocalCluster.Cdi.Populate;

/// <summary>Filling a volume failed.</summary>
/// <param name="reason">The reason in condition Running.</param>
/// <param name="message">Its message.</param>
/// <param name="isFinal">Whether it is not tried again.</param>
internal sealed class PopulationException(string reason, string message, bool isFinal = false, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The reason in condition Running.</summary>
    internal string Reason => reason;

    /// <summary>Whether it is not tried again.</summary>
    internal bool IsFinal => isFinal;
}

/// <summary>
/// Fills one volume: walks through phases, shows them, and leaves the disk complete under its name. Killed and run again it goes on, and
/// phases that were shown before are not shown again.
/// </summary>
internal abstract class Population(CdiWorld world, SemaphoreSlim transfers, DataVolume dataVolume, PersistentVolumeClaim claim, DataVolumeStatusWriter status)
{
    private double _progress = -1;

    /// <summary>The DataVolume as shown last.</summary>
    internal DataVolume DataVolume { get; private set; } = dataVolume;

    /// <summary>Its claim.</summary>
    internal PersistentVolumeClaim Claim => claim;

    /// <summary>Its volume.</summary>
    internal string Volume { get; } = VolumeStore.NameFor(claim.Metadata.Uid!);

    /// <summary>What it does, as in <c>ImportSucceeded</c>.</summary>
    internal abstract string Verb { get; }

    /// <summary>What the last event says.</summary>
    internal abstract string Success { get; }

    /// <summary>Whether failures count as restarts of a pod.</summary>
    internal virtual bool CountsRestarts => true;

    /// <summary>Its phases in their order.</summary>
    protected abstract IReadOnlyList<string> Phases { get; }

    /// <summary>Where things are.</summary>
    protected CdiWorld World => world;

    /// <summary>Bytes of the claim.</summary>
    protected long ClaimSize { get; } = VolumeSize.Parse(claim.Spec.Resources?.Requests?.GetValueOrDefault("storage")) ?? 0;

    /// <summary>Whether the volume is a device.</summary>
    protected bool IsBlock => claim.Spec.VolumeMode == "Block";

    /// <summary>The largest disk that the volume takes.</summary>
    protected long MostBytes => IsBlock ? ClaimSize : VolumeSize.Usable(ClaimSize, world.Options.FilesystemOverhead);

    /// <summary>Fills it.</summary>
    /// <exception cref="PopulationException">It can't be filled now.</exception>
    internal abstract Task RunAsync(CancellationToken cancellation);

    /// <summary>Shows a phase, unless a later one was shown already.</summary>
    protected async Task EnterAsync(string phase, ConditionValue running, CancellationToken cancellation, string? message = null)
    {
        var later = IndexOf(DataVolume.Status?.Phase) > IndexOf(phase);
        if (!later)
        {
            var isNew = DataVolume.Status?.Phase != phase;
            DataVolume = await status.ShowAsync(DataVolume, new() { Phase = phase, Running = running }, cancellation);
            if (isNew && message is not null)
            {
                await world.Events.RecordAsync(DataVolume, false, phase, message, cancellation);
            }
        }

        await world.Options.Hold(DataVolume, phase, cancellation);
    }

    /// <summary>Does the work of the current phase in its turn, and shows its progress.</summary>
    protected async Task TransferAsync(ConditionValue running, Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        await transfers.WaitAsync(cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var task = Task.Run(() => work(stop.Token), CancellationToken.None);
        try
        {
            while (await Task.WhenAny(task, Task.Delay(world.Options.ProgressInterval, world.Client.Time, cancellation)) != task)
            {
                cancellation.ThrowIfCancellationRequested();
                DataVolume = await status.ShowAsync(DataVolume, new() { Progress = Volatile.Read(ref _progress), Running = running }, cancellation);
            }

            await task;
        }
        finally
        {
            // Never two that write one file.
            await stop.CancelAsync();
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            transfers.Release();
        }
    }

    /// <summary>Takes progress; 100 is withheld until all is done, as CDI does.</summary>
    protected void Report(long done, long total) => Volatile.Write(ref _progress, total <= 0 ? -1 : Math.Min(99.99, 100.0 * done / total));

    private int IndexOf(string? phase)
    {
        for (var index = 0; index < Phases.Count; index++)
        {
            if (Phases[index] == phase)
            {
                return index;
            }
        }

        return -1;
    }
}

/// <summary>Chooses how a volume is filled.</summary>
internal sealed class Populations(CdiWorld world, Uploads uploads, SemaphoreSlim transfers)
{
    internal Population For(DataVolume dataVolume, PersistentVolumeClaim claim, ResolvedSource source, DataVolumeStatusWriter status) => source switch
    {
        { IsClone: true } => new ClonePopulation(world, transfers, dataVolume, claim, status, source),
        { Source.Registry: { } registry } => new RegistryPopulation(world, transfers, dataVolume, claim, status, registry),
        { Source.Http: { } http } => new HttpPopulation(world, transfers, dataVolume, claim, status, http),
        { Source.Upload: not null } => new UploadPopulation(world, transfers, dataVolume, claim, status, uploads),
        _ => new BlankPopulation(world, transfers, dataVolume, claim, status),
    };
}
