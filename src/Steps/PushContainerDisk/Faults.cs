using ContainerDisks;
using Disks;
using Registry;
using StepRuntime;

namespace Steps.PushContainerDisk;

/// <summary>Maps the libraries' failures to the exit codes of a step.</summary>
internal static class Faults
{
    /// <summary>The step's failure.</summary>
    internal static StepException Explain(Exception fault) => fault switch
    {
        DiskException disk => new StepException(
            disk.Kind switch
            {
                DiskFault.Usage or DiskFault.Unsupported => ExitCode.BadInput,
                DiskFault.Missing or DiskFault.Denied => ExitCode.Missing,
                DiskFault.NoSpace => ExitCode.Transient,
                _ => ExitCode.Integrity,
            },
            disk.Subject,
            disk.Cause,
            disk.Next,
            disk),
        RegistryException registry => new StepException(
            registry.Kind switch
            {
                RegistryFault.Usage => ExitCode.BadInput,
                RegistryFault.Denied or RegistryFault.NotFound => ExitCode.Missing,
                RegistryFault.Integrity => ExitCode.Integrity,
                _ => ExitCode.Transient,
            },
            registry.Subject,
            registry.Cause,
            registry.Next,
            registry),
        ContainerDiskException image => new StepException(
            image.Kind switch
            {
                ContainerDiskFault.Usage or ContainerDiskFault.Unsupported => ExitCode.BadInput,
                ContainerDiskFault.Missing => ExitCode.Missing,
                ContainerDiskFault.Transient => ExitCode.Transient,
                _ => ExitCode.Integrity,
            },
            image.Subject,
            image.Cause,
            image.Next,
            image),
        _ => throw new ArgumentException("not a failure of a library", nameof(fault), fault),
    };
}
