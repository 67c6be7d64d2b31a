using ContainerDisks.Push;
using StepRuntime.Output;

namespace Steps.PushContainerDisk;

/// <summary>Shows each phase of a push as an activity of its own.</summary>
internal sealed class PhaseProgress(StepLog log)
{
    private readonly Lock _lock = new();
    private string? _phase;
    private StepProgress? _activity;

    internal void Report(PushProgress progress)
    {
        StepProgress activity;
        lock (_lock)
        {
            if (_activity is null || _phase != progress.Phase)
            {
                _phase = progress.Phase;
                _activity = log.Progress(
                    progress.Phase switch
                    {
                        "scan" => "looking for data",
                        "compare" => "comparing with the registry's image",
                        "verify" => "compressing, to compare the layer",
                        _ => "compressing and uploading",
                    },
                    progress.Total);
            }

            activity = _activity;
        }

        activity.Report(progress.Done);
    }
}
