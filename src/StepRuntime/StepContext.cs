using StepRuntime.Output;
using StepRuntime.Results;

namespace StepRuntime;

/// <summary>What a step works with while it carries out its plan.</summary>
/// <param name="Log">Lines and progress.</param>
/// <param name="Results">The result files.</param>
/// <param name="Time">The clock.</param>
public sealed record StepContext(StepLog Log, ResultFiles Results, TimeProvider Time);
