using System.Collections.Concurrent;
using System.Diagnostics;
using Lab;

namespace Steps.Tests;

/// <summary>A step's process that a test watches and signals, with a temporary folder and result files of its own.</summary>
internal sealed class RunningStep : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly Task _reader;
    private readonly SemaphoreSlim _said = new(0);

    public RunningStep(Scratch scratch, string step, params string[] arguments)
    {
        Temporary = Directory.CreateDirectory(scratch["step-tmp"]).FullName;
        ResultFolder = Directory.CreateDirectory(scratch["results"]).FullName;
        var start = new ProcessStartInfo(Repository.Step(step)) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.ArgumentList.Add($"--result-error={ResultFolder}/error");
        start.Environment["TMPDIR"] = Temporary;
        // The runtime's own sockets would stay after a kill; they are none of the step's.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        _process = Process.Start(start)!;
        _ = _process.StandardOutput.ReadToEndAsync();
        _reader = Task.Run(async () =>
        {
            while (await _process.StandardError.ReadLineAsync() is { } line)
            {
                _lines.Enqueue(line);
                _said.Release();
            }
        });
    }

    /// <summary>The step's TMPDIR.</summary>
    public string Temporary { get; }

    /// <summary>Where its results go.</summary>
    public string ResultFolder { get; }

    /// <summary>What it has said so far.</summary>
    public string Log => string.Join('\n', _lines);

    /// <summary>The result <c>error</c>.</summary>
    public string Error => File.ReadAllText(Path.Combine(ResultFolder, "error"));

    /// <summary>Waits until it says a text.</summary>
    public async Task Says(string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (!Log.Contains(text, StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited && _reader.IsCompleted, $"it ended without saying '{text}':\n{Log}");
            await _said.WaitAsync(limit.Token);
        }
    }

    /// <summary>Sends a signal by name.</summary>
    public void Signal(string name) => Tool.Run("kill", $"-{name}", _process.Id.ToString());

    /// <summary>Its exit code, and how long it took from now.</summary>
    public async Task<(int Code, TimeSpan Took)> Ended()
    {
        var clock = Stopwatch.StartNew();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await _process.WaitForExitAsync(limit.Token);
        var took = clock.Elapsed;
        return (_process.ExitCode, took);
    }

    /// <summary>Processes that work with its temporary folder.</summary>
    public IReadOnlyList<string> Helpers() => Tool.Try("pgrep", "-f", "-a", Temporary).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
        _said.Dispose();
    }
}
