using Guests.Engine;
using Lab;

namespace Guests.Tests.Engine;

/// <summary>QEMU whose KVM is a script's, and whose emulation is the real one.</summary>
internal static class Hypervisors
{
    /// <param name="scratch">Where the script goes.</param>
    /// <param name="temporary">The sessions' folder.</param>
    /// <param name="probe">What happens in place of the proof's boot.</param>
    /// <param name="launch">What happens in place of the appliance's start under KVM.</param>
    public static LaunchOptions OptionsWith(Scratch scratch, string temporary, string probe, string launch)
    {
        var script = scratch.File("qemu",
            $"""
            #!/bin/sh
            case " $* " in
                *" -accel kvm "*) {probe};;
                *accel=kvm[,\ ]*) {launch};;
                *) exec /usr/bin/qemu-system-x86_64 "$@";;
            esac
            """);
        Tool.Run("chmod", "+x", script);
        return new LaunchOptions { Appliance = Repository.Appliance, TemporaryFolder = temporary, Hypervisor = script, KvmDevice = "/dev/null" };
    }
}

/// <summary>Processes that still work with a folder.</summary>
internal static class Remains
{
    public static IReadOnlyList<string> Of(string folder) =>
    [
        .. Directory.GetDirectories("/proc").Where(process => int.TryParse(Path.GetFileName(process), out _)).Select(process =>
        {
            try
            {
                return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
            }
            catch (IOException)
            {
                return "";
            }
        }).Where(line => line.Contains(folder, StringComparison.Ordinal)),
    ];
}
