namespace Disks;

/// <summary>What kind of thing went wrong with a disk; a step maps it to its exit code.</summary>
public enum DiskFault
{
    /// <summary>The caller asked for something that cannot be (a directory as a disk, an existing target).</summary>
    Usage,

    /// <summary>There is no such file or device.</summary>
    Missing,

    /// <summary>The operating system refuses access.</summary>
    Denied,

    /// <summary>The bytes are not what they claim to be: truncated, corrupt, hostile, unreadable.</summary>
    Integrity,

    /// <summary>A correct image that uses a feature which is refused on purpose.</summary>
    Unsupported,

    /// <summary>The target's storage is full.</summary>
    NoSpace,
}

/// <summary>One clear failure: what kind, on which disk, why, and what to do next.</summary>
public sealed class DiskException : Exception
{
    /// <summary>Creates the failure.</summary>
    public DiskException(DiskFault kind, string subject, string cause, string next, Exception? inner = null)
        : base($"{subject}: {cause}; {next}", inner)
    {
        Kind = kind;
        Subject = subject;
        Cause = cause;
        Next = next;
    }

    /// <summary>What kind of failure.</summary>
    public DiskFault Kind { get; }

    /// <summary>The file or device.</summary>
    public string Subject { get; }

    /// <summary>Why.</summary>
    public string Cause { get; }

    /// <summary>What the user can do.</summary>
    public string Next { get; }

    /// <summary>Translates what the operating system says about a file that is opened, read or written.</summary>
    internal static DiskException From(Exception error, string subject) => error switch
    {
        DiskException known => known,
        FileNotFoundException or DirectoryNotFoundException =>
            new(DiskFault.Missing, subject, "there is no such file or device", "check the path and that the volume is mounted", error),
        UnauthorizedAccessException =>
            new(DiskFault.Denied, subject, "access is denied", "let the pod run with fsGroup 107 (a Filesystem volume) or set device_ownership_from_security_context in the container runtime (a Block volume)", error),
        IOException when Posix.IsNoSpace(error) =>
            new(DiskFault.NoSpace, subject, "no space is left on its storage", "give the volume more space", error),
        _ => new(DiskFault.Integrity, subject, $"input/output error: {error.Message}", "check the storage under it", error),
    };
}
