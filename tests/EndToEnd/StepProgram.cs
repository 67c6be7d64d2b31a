using System.Text.Json;
using Lab;

namespace EndToEnd;

/// <summary>Runs a step as a Task does: the executable, its options, a file for every result that it declares.</summary>
public static class StepProgram
{
    /// <summary>Without it the runtime keeps sockets in the temporary folder, which a kill -9 would leave there.</summary>
    private static readonly Dictionary<string, string> NoDiagnostics = new() { ["DOTNET_EnableDiagnostics"] = "0" };

    /// <summary>Runs it and gives its results by name.</summary>
    /// <exception cref="FlowException">It ended with another code than 0: that code, and the line of its <c>error</c>.</exception>
    public static async Task<IReadOnlyDictionary<string, string>> Run(
        string step, IEnumerable<string> options, string folder, Action<string> say, CancellationToken cancellation)
    {
        var program = Repository.Step(step);
        if (!File.Exists(program))
        {
            throw new FlowException(3, $"{program}: the step is not built; run make build");
        }

        Directory.CreateDirectory(folder);
        var files = Declared(program).ToDictionary(name => name, name => Path.Combine(folder, $"{step}.{name}"));
        var (code, lastLine) = await RunProgram(
            program, [.. options, .. files.Select(file => $"--result-{file.Key}={file.Value}")], _ => { }, say, cancellation);
        var results = files.ToDictionary(file => file.Key, file => File.Exists(file.Value) ? File.ReadAllText(file.Value) : "");
        return code == 0
            ? results
            : throw new FlowException(code, $"{step}: {(results.GetValueOrDefault("error") is { Length: > 0 } error ? error : lastLine)}");
    }

    /// <summary>Runs any program, with its lines told as they come; its exit code and last line of standard error.</summary>
    public static async Task<(int Code, string LastLine)> RunProgram(
        string program, IEnumerable<string> arguments, Action<string> output, Action<string> error, CancellationToken cancellation)
    {
        var last = "";
        using var child = new ChildProcess(
            program,
            arguments,
            Terminal.Lines(output),
            Terminal.Lines(line =>
            {
                last = line;
                error(line);
            }),
            NoDiagnostics);
        var code = await child.Ended().WaitAsync(cancellation);
        return (code, last);
    }

    private static IEnumerable<string> Declared(string program)
    {
        using var contract = JsonDocument.Parse(Tool.Run(program, "--contract").Output);
        return [.. contract.RootElement.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("name").GetString()!)];
    }
}
