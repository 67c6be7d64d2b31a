using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Lab;

namespace Steps.Tests.Cluster;

/// <summary>A published step as a process that works on a cluster, with a file for each of its results.</summary>
internal sealed class ClusterStep : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly ConcurrentDictionary<string, string[]> ResultNames = new();
    private readonly Scratch _scratch = new();
    private readonly Process _process;
    private readonly string[] _names;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private ClusterStep(string step, string kubeconfig, string[] options)
    {
        _names = ResultNames.GetOrAdd(step, Declared);
        var start = new ProcessStartInfo(Repository.Step(step))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in (string[])[.. options, $"--kubeconfig={kubeconfig}", .. _names.Select(name => $"--result-{name}={_scratch[name]}")])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>What it said, once it has ended.</summary>
    public string Log => $"{_error.GetAwaiter().GetResult()}{_output.GetAwaiter().GetResult()}";

    /// <summary>The result <c>error</c>.</summary>
    public string Error => Result("error");

    /// <summary>All results that are not empty, a line each.</summary>
    public string Results => string.Join('\n', _names.Where(name => Result(name).Length > 0).Select(name => $"{name}={Result(name)}"));

    /// <summary>Starts it.</summary>
    public static ClusterStep Start(string step, string kubeconfig, params string[] options) => new(step, kubeconfig, options);

    /// <summary>Runs it to its end.</summary>
    public static async Task<(ClusterStep Step, int Code)> RunAsync(string step, string kubeconfig, params string[] options)
    {
        var run = Start(step, kubeconfig, options);
        return (run, await run.EndAsync());
    }

    /// <summary>A result's value; "" for one that was not written.</summary>
    public string Result(string name) => File.Exists(_scratch[name]) ? File.ReadAllText(_scratch[name]) : "";

    /// <summary>Its exit code; 137 after <see cref="Kill"/>.</summary>
    public async Task<int> EndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException late)
        {
            _process.Kill();
            throw new TimeoutException($"it did not end within {Limit}: {Log}", late);
        }

        return _process.ExitCode;
    }

    /// <summary>SIGKILL, and gone when this returns.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>A signal by name.</summary>
    public void Signal(string name) => Tool.Run("kill", $"-{name}", $"{_process.Id}");

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        _scratch.Dispose();
    }

    private static string[] Declared(string step) =>
        [.. JsonNode.Parse(Tool.Run(Repository.Step(step), "--contract").Output)!["results"]!.AsArray().Select(result => (string)result!["name"]!)];
}
