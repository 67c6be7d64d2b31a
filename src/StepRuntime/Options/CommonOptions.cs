namespace StepRuntime.Options;

/// <summary>The options that every step has.</summary>
public static class CommonOptions
{
    /// <summary>Ours, and shorter than Tekton's, which kills without grace and takes the logs with it.</summary>
    public static readonly StepOption<TimeSpan> Timeout = StepOption.Duration(
        "timeout", "Deadline of the step, such as 1h30m; it ends with exit code 7. Keep it shorter than Tekton's own timeout (60m unless set), which kills without a word.", "55m");

    /// <summary>For people or for machines.</summary>
    public static readonly StepOption<string> LogFormat = StepOption.Choice(
        "log-format", "text for people (a live bar on a terminal), json for machines (one object a line).", "text", "text", "json");

    /// <summary>More lines, and stack traces.</summary>
    public static readonly StepOption<bool> Verbose = StepOption.Boolean(
        "verbose", "Tells more, and shows where in the program an error arose.");

    /// <summary>The plan only.</summary>
    public static readonly StepOption<bool> DryRun = StepOption.Boolean(
        "dry-run", "Checks the whole input, prints the plan and changes nothing.");

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<StepOption> All = [Timeout, LogFormat, Verbose, DryRun];
}
