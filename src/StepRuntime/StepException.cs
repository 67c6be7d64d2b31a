namespace StepRuntime;

/// <summary>A step can't go on: what failed, on which object, and what to do next.</summary>
/// <param name="code">How the step ends.</param>
/// <param name="subject">The object: a file, a volume, an image's name, an option.</param>
/// <param name="cause">Why, for a user.</param>
/// <param name="next">What the user can do; empty when the cause says it.</param>
/// <param name="inner">The fault below, shown with <c>--verbose</c>.</param>
public sealed class StepException(ExitCode code, string subject, string cause, string next = "", Exception? inner = null)
    : Exception(string.IsNullOrEmpty(next) ? $"{subject}: {cause}" : $"{subject}: {cause}; {next}", inner)
{
    /// <summary>How the step ends.</summary>
    public ExitCode Code { get; } = code;

    /// <summary>Further lines for the log: each mistake of an input, each finding of a check.</summary>
    public IReadOnlyList<string> Details { get; init; } = [];

    /// <summary>Bad input or usage.</summary>
    public static StepException BadInput(string subject, string cause, string next = "") =>
        new(ExitCode.BadInput, subject, cause, next);
}
