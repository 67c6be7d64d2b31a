namespace StepRuntime;

/// <summary>How a step ends; the same table for every step (docs/adr/0003).</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>A fault of ours.</summary>
    Bug = 1,

    /// <summary>Bad input or usage.</summary>
    BadInput = 2,

    /// <summary>An object is missing, or access to it is denied.</summary>
    Missing = 3,

    /// <summary>A transient fault outlived its retries.</summary>
    Transient = 4,

    /// <summary>A checksum or signature does not match, an image is corrupt or hostile, or an edit was interrupted.</summary>
    Integrity = 5,

    /// <summary>The guest, or what it holds, failed.</summary>
    Guest = 6,

    /// <summary>The deadline of <c>--timeout</c> passed.</summary>
    Deadline = 7,

    /// <summary>Stopped by SIGTERM (128 + 15), or by SIGINT of a terminal.</summary>
    Terminated = 143,
}
