using StepRuntime;
using Steps.DiscardVolume;

return await StepHost.RunAsync(new DiscardVolumeStep(), args);
