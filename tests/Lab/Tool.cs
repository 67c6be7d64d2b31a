using System.Diagnostics;

namespace Lab;

/// <summary>What an external program answered.</summary>
/// <param name="ExitCode">Its exit code; 128 + N for signal N.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Error">Its standard error.</param>
public sealed record ToolResult(int ExitCode, string Output, string Error)
{
    /// <summary>Both streams, for a failed assertion's message.</summary>
    public string All => $"exit {ExitCode}\n{Output}\n{Error}";
}

/// <summary>Programs that nobody here wrote, run to their end: the judges of the tests.</summary>
public static class Tool
{
    /// <summary>Runs a program and fails when its exit code is not 0.</summary>
    public static ToolResult Run(string program, params string[] arguments)
    {
        var result = Try(program, arguments);
        return result.ExitCode == 0
            ? result
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {result.All}");
    }

    /// <summary>Runs a program, whatever its exit code.</summary>
    public static ToolResult Try(string program, params string[] arguments) =>
        TryWith(program, arguments, null, TimeSpan.FromMinutes(10));

    /// <summary>Runs a program with variables of its own and a limit, at which its whole process tree is killed.</summary>
    public static ToolResult TryWith(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {limit}");
        }

        return new ToolResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
