using System.Diagnostics;
using Lab;

namespace StepRuntime.Tests;

/// <summary>The dummy step as a process, with its result files.</summary>
internal static class Dummy
{
    public static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, "dummy-step");

    public static ToolResult Run(params string[] arguments) =>
        Tool.TryWith(Executable, arguments, null, TimeSpan.FromSeconds(60));

    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Executable, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        return Process.Start(start)!;
    }

    public static string[] ResultArguments(Scratch scratch) =>
        [$"--result-greeting={scratch["greeting"]}", $"--result-echo={scratch["echo"]}", $"--result-error={scratch["error"]}"];
}
