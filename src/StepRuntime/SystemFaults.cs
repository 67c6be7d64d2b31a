namespace StepRuntime;

/// <summary>Turns faults of the operating system into a step's error.</summary>
public static class SystemFaults
{
    // errno(3); .NET keeps it in the low 16 bits of HResult on Unix.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    /// <summary>Whether a write failed because the filesystem or the quota is full.</summary>
    public static bool IsNoSpace(Exception fault) => fault is IOException && (fault.HResult & 0xFFFF) is NoSpace or QuotaExceeded;

    /// <summary>The step's error for a fault of file access.</summary>
    public static StepException Explain(Exception fault, string subject) => fault switch
    {
        StepException already => already,
        FileNotFoundException or DirectoryNotFoundException =>
            new(ExitCode.Missing, subject, "it does not exist", "check the path and the mounts", fault),
        UnauthorizedAccessException =>
            new(ExitCode.Missing, subject, "permission denied", "let the step's user read and write it", fault),
        _ when IsNoSpace(fault) =>
            new(ExitCode.Transient, subject, "no space left on the device", "free some space, or use a larger volume, and run it again", fault),
        _ => new(ExitCode.Transient, subject, fault.Message, "", fault),
    };
}
