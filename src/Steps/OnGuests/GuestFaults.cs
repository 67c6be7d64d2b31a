using Guests.Engine;
using StepRuntime;

namespace Steps.OnGuests;

/// <summary>Turns a guest's faults into a step's end; compiled into each step that works on a guest.</summary>
internal static class GuestFaults
{
    /// <summary>The step's error for a fault.</summary>
    public static StepException Explain(GuestException fault) => new(Code(fault.Fault), fault.Subject, fault.Cause, fault.Next, fault);

    private static ExitCode Code(GuestFault fault) => fault switch
    {
        GuestFault.Access => ExitCode.Missing,
        GuestFault.Input => ExitCode.BadInput,
        GuestFault.Launch or GuestFault.NoSpace => ExitCode.Transient,
        GuestFault.Integrity => ExitCode.Integrity,
        _ => ExitCode.Guest,
    };
}
