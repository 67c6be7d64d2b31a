using StepRuntime;
using Steps.CloneSource;

return await StepHost.RunAsync(new CloneSourceStep(), args);
