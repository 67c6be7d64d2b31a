namespace ContainerDisks;

/// <summary>What kind of thing is wrong with a container disk; a step maps it to its exit code.</summary>
public enum ContainerDiskFault
{
    /// <summary>The options, or what is installed, do not allow it.</summary>
    Usage,

    /// <summary>The image has no disk, or none for this architecture.</summary>
    Missing,

    /// <summary>The image is hostile, corrupt, or ambiguous.</summary>
    Integrity,

    /// <summary>A correct image that uses something refused on purpose.</summary>
    Unsupported,

    /// <summary>It failed again and again in a way that may pass.</summary>
    Transient,
}

/// <summary>One clear failure: what kind, on which image, why, and what to do next.</summary>
public sealed class ContainerDiskException : Exception
{
    /// <summary>Creates the failure.</summary>
    public ContainerDiskException(ContainerDiskFault kind, string subject, string cause, string next, Exception? inner = null)
        : base($"{subject}: {cause}; {next}", inner)
    {
        Kind = kind;
        Subject = subject;
        Cause = cause;
        Next = next;
    }

    /// <summary>What kind of failure.</summary>
    public ContainerDiskFault Kind { get; }

    /// <summary>The image or file.</summary>
    public string Subject { get; }

    /// <summary>Why.</summary>
    public string Cause { get; }

    /// <summary>What the user can do.</summary>
    public string Next { get; }
}
