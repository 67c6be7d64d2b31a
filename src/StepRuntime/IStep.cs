using StepRuntime.Options;
using StepRuntime.Results;

namespace StepRuntime;

/// <summary>One job of the pipeline: it declares what it takes and gives, and turns its input into a plan.</summary>
public interface IStep
{
    /// <summary>The executable's name, which is its Task's (<c>seal-volume</c>).</summary>
    string Name { get; }

    /// <summary>What it does, in one sentence.</summary>
    string Summary { get; }

    /// <summary>Its options beside the common ones.</summary>
    IReadOnlyList<StepOption> Options { get; }

    /// <summary>Its results beside <c>error</c>.</summary>
    IReadOnlyList<StepResult> Results { get; }

    /// <summary>
    /// Checks the whole input, all mistakes at once (<see cref="StepInput.Mistake"/>), without changing anything, and
    /// decides what is to be done.
    /// </summary>
    Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation);
}

/// <summary>What a step is about to do.</summary>
public interface IStepPlan
{
    /// <summary>The plan in words, without secrets, for <c>--dry-run</c>.</summary>
    IReadOnlyList<string> Describe();

    /// <summary>Carries the plan out.</summary>
    Task ExecuteAsync(StepContext context, CancellationToken cancellation);
}
