using System.Text;
using Lab;

namespace EndToEnd;

/// <summary>External programs of a run: a signal to the run ends them too, and a full disk is told as one.</summary>
public static class StoppableTool
{
    /// <summary>What the C library says of ENOSPC; every program here passes it on.</summary>
    private const string NoSpace = "No space left on device";

    /// <summary>Runs a program to its end, or until it is cancelled.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the program was asked to stop, and has.</exception>
    public static async Task<ToolResult> Try(
        string program, IReadOnlyList<string> arguments, CancellationToken cancellation, IReadOnlyDictionary<string, string>? environment = null)
    {
        cancellation.ThrowIfCancellationRequested();
        var (output, error) = (new StringBuilder(), new StringBuilder());
        using var child = new ChildProcess(program, arguments, text => output.Append(text.Span), text => error.Append(text.Span), environment);
        var code = await child.Ended().WaitAsync(cancellation);
        return new ToolResult(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs a program that has to end with 0.</summary>
    /// <param name="code">The run's exit code when it does not, unless the disk is full, which is 4.</param>
    /// <param name="fault">What that means, for the user.</param>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellation">Stops it.</param>
    public static async Task<ToolResult> Require(
        int code, string fault, string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var result = await Try(program, arguments, cancellation);
        return result.ExitCode == 0 ? result : throw Failed(code, fault, result.Error + result.Output);
    }

    /// <summary>The fault of a program, by what it printed.</summary>
    public static FlowException Failed(int code, string fault, string printed) => printed.Contains(NoSpace, StringComparison.Ordinal)
        ? new FlowException(4, $"{fault}: {NoSpace}; {FreeSpace}")
        : new FlowException(code, $"{fault}: {printed.Trim().Split('\n')[^1]}");

    /// <summary>The fault of a file operation of our own.</summary>
    public static FlowException Failed(Exception fault) => fault is IOException && (fault.HResult & 0xffff) == Enospc
        ? new FlowException(4, $"{fault.Message}; {FreeSpace}")
        : new FlowException(3, $"{fault.Message}; see that {Repository.Artifacts} and $TMPDIR are there and may be written");

    private const int Enospc = 28; // errno(3), which .NET gives as HResult

    private static string FreeSpace => $"a run takes about eight times the guest's data: make room at {Repository.Artifacts} and $TMPDIR";
}
