using System.Diagnostics;
using System.Runtime.InteropServices;
using Lab;

namespace Benchmarks;

/// <summary>What a program cost.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakBytes">Resident memory of its largest process, itself or a descendant (getrusage(2), ru_maxrss).</param>
/// <param name="WrittenBytes">What it and its descendants wrote to disks (ru_oublock).</param>
public sealed record Cost(double Seconds, long PeakBytes, long WrittenBytes)
{
    /// <summary>One after the other.</summary>
    public Cost Then(Cost next) => new(Seconds + next.Seconds, Math.Max(PeakBytes, next.PeakBytes), WrittenBytes + next.WrittenBytes);
}

/// <summary>
/// Runs programs and measures them. A process' usage is known to its parent only as the sum of all its children, so
/// each program gets a parent of its own: this program again.
/// </summary>
public static partial class Meter
{
    private const int Children = -1; // RUSAGE_CHILDREN

    /// <summary>Runs a program to its end; one that fails ends the benchmark.</summary>
    public static Cost Run(IReadOnlyDictionary<string, string> environment, string program, params string[] arguments)
    {
        using var scratch = new Scratch();
        var result = Tool.TryWith(Environment.ProcessPath!, ["--measured", scratch["usage"], program, .. arguments], environment, TimeSpan.FromMinutes(20));
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {result.All}");
        }

        var usage = File.ReadAllText(scratch["usage"]).Split(' ');
        return new Cost(double.Parse(usage[2]), long.Parse(usage[0]) * 1024, long.Parse(usage[1]) * 512);
    }

    /// <summary>The parent: runs the command and leaves its usage in a file.</summary>
    public static unsafe int RunMeasured(string report, string[] command)
    {
        // Here, so that this parent's own start is no part of it.
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false })!;
        process.WaitForExit();
        var seconds = clock.Elapsed.TotalSeconds;

        // struct rusage on 64-bit Linux: two timevals, then fourteen longs; ru_maxrss (KiB) is the first, ru_oublock the ninth.
        var usage = stackalloc long[18];
        if (GetResourceUsage(Children, usage) != 0)
        {
            return 1;
        }

        File.WriteAllText(report, $"{usage[4]} {usage[12]} {seconds}");
        return process.ExitCode;
    }

    [LibraryImport("libc", EntryPoint = "getrusage", SetLastError = true)]
    private static unsafe partial int GetResourceUsage(int who, long* usage);
}
