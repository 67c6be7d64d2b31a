using StepRuntime;
using Steps.PushContainerDisk;

return await StepHost.RunAsync(new PushContainerDiskStep(), args);
