using Guests.Engine;
using StepRuntime;
using StepRuntime.Options;

namespace Steps.OnGuests;

/// <summary>The options of every step that works on a guest's disk; compiled into each of them.</summary>
internal static class GuestOptions
{
    private const long MinimumMemory = 384 << 20, MaximumMemory = 64L << 30;

    public static readonly StepOption<string> Disk = StepOption.Text(
        "disk", "The disk: a folder with disk.img (a Filesystem volume), an image file, or a block device.", required: true);

    public static readonly StepOption<string> DiskFormat = StepOption.Choice(
        "disk-format", "How the disk's bytes are to be read. Never found out from the disk, whose bytes a guest may have written.", "raw", "raw", "qcow2");

    public static readonly StepOption<string> Accelerator = StepOption.Choice(
        "accelerator", "auto takes KVM where a kernel proves to start under it, else emulation (tcg).", "auto", "auto", "kvm", "tcg");

    public static readonly StepOption<long> Memory = StepOption.Size(
        "memory", "Memory of the machine in which the disk is worked on; the container needs 450Mi more.", "1280Mi");

    /// <summary>Checks the options, and the disk as far as that goes without starting anything.</summary>
    public static (string Disk, DiskFormat Format, LaunchOptions Launch) Read(StepInput input, bool forWriting)
    {
        var format = input.Get(DiskFormat) == "qcow2" ? global::Guests.Engine.DiskFormat.Qcow2 : global::Guests.Engine.DiskFormat.Raw;
        var memory = input.Get(Memory);
        if (memory is < MinimumMemory or > MaximumMemory)
        {
            input.Mistake(Memory, "it is less than 384Mi or more than 64Gi");
        }

        var path = input.Get(Disk);
        try
        {
            path = GuestDisk.Open(path, format, forWriting).Path;
        }
        catch (GuestException fault) when (input.Mistakes.Count == 0)
        {
            throw GuestFaults.Explain(fault);
        }
        catch (GuestException fault)
        {
            input.Mistake(Disk, fault.Message);
        }

        var launch = new LaunchOptions
        {
            MemoryMiB = (int)(memory >> 20),
            Accelerator = input.Get(Accelerator) switch
            {
                "kvm" => global::Guests.Engine.Accelerator.Kvm,
                "tcg" => global::Guests.Engine.Accelerator.Tcg,
                _ => global::Guests.Engine.Accelerator.Auto,
            },
        };
        return (path, format, launch);
    }
}
