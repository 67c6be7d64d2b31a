using StepRuntime;
using Steps.SealVolume;

return await StepHost.RunAsync(new SealVolumeStep(), args);
