using Guests;
using StepRuntime;
using Steps.PlanBuild;

return await StepHost.RunAsync(new PlanBuildStep(GuestBehaviour.Number), args);
