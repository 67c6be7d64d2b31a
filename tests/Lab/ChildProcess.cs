using System.Diagnostics;

namespace Lab;

/// <summary>
/// A program that runs beside its owner (a registry, a virtual machine) and never outlives it: a shell between the two
/// stops it as soon as the owner's end of a pipe closes, even where the owner was killed by SIGKILL.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    // The shell's standard input is the pipe; the program's is /dev/null. Whichever of the two ends first ends the rest.
    // A terminal's ^C reaches everybody at once: here the owner decides what it means.
    private const string Guard =
        "trap '' INT; exec 3<&0; \"$@\" </dev/null 3<&- & child=$!; " +
        "{ cat <&3 >/dev/null; kill $child; } 2>/dev/null & watch=$!; exec 3<&-; " +
        "wait $child; code=$?; kill $watch 2>/dev/null; exit $code";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(12);

    private readonly Process process;
    private readonly Task[] readers;
    private bool disposed;

    /// <summary>Starts it. The two actions get what it prints, as it comes, each in its own order.</summary>
    public ChildProcess(
        string program,
        IEnumerable<string> arguments,
        Action<ReadOnlyMemory<char>> output,
        Action<ReadOnlyMemory<char>> error,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in (string[])["-c", Guard, "guard", program, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        process = Process.Start(start)!;
        readers = [Read(process.StandardOutput, output), Read(process.StandardError, error)];
    }

    /// <summary>Ends when the program has ended and everything that it printed was delivered; its exit code.</summary>
    public async Task<int> Ended()
    {
        await Task.WhenAll(readers);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    /// <summary>Asks the program to stop (SIGTERM), and kills it after twelve seconds: a step takes up to ten.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        process.StandardInput.Close();
        if (!process.WaitForExit(Grace))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }

    private static async Task Read(StreamReader reader, Action<ReadOnlyMemory<char>> deliver)
    {
        var buffer = new char[4096];
        for (int count; (count = await reader.ReadAsync(buffer)) > 0;)
        {
            deliver(buffer.AsMemory(0, count));
        }
    }
}
