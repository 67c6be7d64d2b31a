namespace Registry;

/// <summary>What kind of thing went wrong with a registry; a step maps it to its exit code.</summary>
public enum RegistryFault
{
    /// <summary>The caller's reference, credentials file or options are wrong.</summary>
    Usage,

    /// <summary>Nobody answers at that address, or not with trusted TLS.</summary>
    Unreachable,

    /// <summary>The registry refuses: wrong or missing credentials, or no right.</summary>
    Denied,

    /// <summary>The registry does not have it.</summary>
    NotFound,

    /// <summary>What came is not what was asked for: a digest or a size differs.</summary>
    Integrity,

    /// <summary>The registry's answer makes no sense.</summary>
    Protocol,

    /// <summary>Failures that may pass outlived the retries.</summary>
    Transient,
}

/// <summary>One clear failure: what kind, on which image or host, why, and what to do next.</summary>
public sealed class RegistryException : Exception
{
    /// <summary>Creates the failure.</summary>
    public RegistryException(RegistryFault kind, string subject, string cause, string next, Exception? inner = null)
        : base($"{subject}: {cause}; {next}", inner)
    {
        Kind = kind;
        Subject = subject;
        Cause = cause;
        Next = next;
    }

    /// <summary>What kind of failure.</summary>
    public RegistryFault Kind { get; }

    /// <summary>The image, blob or host.</summary>
    public string Subject { get; }

    /// <summary>Why.</summary>
    public string Cause { get; }

    /// <summary>What the user can do.</summary>
    public string Next { get; }
}
