using StepRuntime;
using Steps.CustomizeDisk;

return await StepHost.RunAsync(new CustomizeDiskStep(), args);
