using System.Diagnostics;
using Lab;

namespace Steps.Tests.PushContainerDisk;

/// <summary>The published push-containerdisk as a process, with files for its results.</summary>
internal sealed class PushProcess : IDisposable
{
    private static readonly string[] Results = ["IMAGE_URL", "IMAGE_DIGEST", "disk-digest", "error"];
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;
    private readonly string _results;

    private PushProcess(string results, string[] options)
    {
        _results = results;
        Directory.CreateDirectory(results);
        string[] all = [.. options, .. Results.Select(name => $"--result-{name}={Path.Combine(results, name)}")];
        _process = Process.Start(new ProcessStartInfo(Repository.Step("push-containerdisk"), all)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = ReadErrorAsync();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public string Error => _error.GetAwaiter().GetResult();

    /// <summary>The most memory that it had at once, in bytes (proc(5), VmHWM).</summary>
    public long PeakMemory { get; private set; }

    /// <summary>Bytes that it had sent to storage at last (proc(5), /proc/PID/io, write_bytes).</summary>
    public long WrittenToStorage { get; private set; } = -1;

    public static PushProcess Start(string results, params string[] options) => new(results, options);

    public static PushProcess Run(string results, params string[] options)
    {
        var run = Start(results, options);
        run.Wait(TimeSpan.FromMinutes(3));
        return run;
    }

    public string Result(string name) => File.Exists(Path.Combine(_results, name)) ? File.ReadAllText(Path.Combine(_results, name)) : "";

    public void Kill(string signal) => Tool.Try("kill", $"-{signal}", Id.ToString());

    public void Wait(TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        while (!_process.WaitForExit(10))
        {
            PeakMemory = Math.Max(PeakMemory, Read("status", "VmHWM:", 1) * 1024);
            WrittenToStorage = Math.Max(WrittenToStorage, Read("io", "write_bytes:", 1));
            if (clock.Elapsed > limit)
            {
                _process.Kill();
                throw new TimeoutException($"push-containerdisk did not end within {limit}: {Error}");
            }
        }

        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private long Read(string file, string name, int field)
    {
        try
        {
            var line = File.ReadLines($"/proc/{Id}/{file}").FirstOrDefault(text => text.StartsWith(name, StringComparison.Ordinal));
            return line is null ? -1 : long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[field]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return -1;
        }
    }

    private async Task<string> ReadErrorAsync()
    {
        var all = new System.Text.StringBuilder();
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            all.AppendLine(line);
        }

        return all.ToString();
    }
}
