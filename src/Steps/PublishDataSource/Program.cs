using StepRuntime;
using Steps.PublishDataSource;

return await StepHost.RunAsync(new PublishDataSourceStep(), args);
