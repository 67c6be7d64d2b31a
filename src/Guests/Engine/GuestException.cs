namespace Guests.Engine;

/// <summary>What went wrong with a guest; the steps turn each into an exit code.</summary>
public enum GuestFault
{
    /// <summary>The disk is not there, may not be opened, or another process has it.</summary>
    Access,

    /// <summary>The options contradict the disk, or each other.</summary>
    Input,

    /// <summary>The appliance could not be started, on any accelerator.</summary>
    Launch,

    /// <summary>The disk is truncated, corrupt, hostile, or carries the mark of an interrupted edit.</summary>
    Integrity,

    /// <summary>The guest is not one that we can edit: no operating system, several, an unknown filesystem.</summary>
    Unsupported,

    /// <summary>A change failed inside the guest.</summary>
    Change,

    /// <summary>A command of the customization failed inside the guest.</summary>
    Command,

    /// <summary>A guest's file is larger than its reader allows.</summary>
    TooLarge,

    /// <summary>The volume or the temporary folder is full. (A full filesystem inside the guest is <see cref="Change"/>.)</summary>
    NoSpace,
}

/// <summary>A guest could not be read or changed.</summary>
/// <param name="fault">The kind of fault.</param>
/// <param name="subject">What it happened to: a disk, a device, a guest's path, a command's file and line.</param>
/// <param name="cause">Why, in words for a user; one line.</param>
/// <param name="next">What the user can do about it; one line, or empty.</param>
/// <param name="inner">The fault below it.</param>
public sealed class GuestException(GuestFault fault, string subject, string cause, string next = "", Exception? inner = null)
    : Exception($"{subject}: {cause}", inner)
{
    /// <summary>The kind of fault.</summary>
    public GuestFault Fault { get; } = fault;

    /// <summary>What it happened to.</summary>
    public string Subject { get; } = subject;

    /// <summary>Why.</summary>
    public string Cause { get; } = cause;

    /// <summary>What the user can do.</summary>
    public string Next { get; } = next;
}
