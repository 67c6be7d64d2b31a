using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Kubernetes.Configuration;

/// <summary>A program that prints credentials.</summary>
/// <param name="Subject">Whose it is, for messages.</param>
/// <param name="Program">Its path, or a name to be searched for.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Environment">What is added to its environment.</param>
/// <param name="InstallHint">What to tell when it is missing.</param>
internal sealed record ExecCommand(
    string Subject, string Program, IReadOnlyList<string> Arguments, IReadOnlyList<(string Name, string Value)> Environment, string? InstallHint)
{
    private const int MostBytes = 1 << 20;

    /// <summary>How long it may take: some ask a server far away.</summary>
    internal TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Runs it, and gives what it prints.</summary>
    internal async Task<byte[]> RunAsync(CancellationToken cancellation)
    {
        using var process = Start();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            process.StandardInput.Close();
            var output = ReadAsync(process, process.StandardOutput.BaseStream, limit.Token);
            var error = ReadAsync(process, process.StandardError.BaseStream, limit.Token);
            await Task.WhenAll(output, error);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0
                ? await output
                : throw Fault($"ended with exit code {process.ExitCode}: {Last(await error)}", "run it by hand and look");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Fault($"did not end within {Limit.TotalSeconds:0} s", "run it by hand and look: it may wait for somebody to log in");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Find() ?? throw Missing("there is no such program"))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (Exception fault) when (fault is Win32Exception or InvalidOperationException)
        {
            throw Missing(fault.Message);
        }
    }

    /// <summary>A bare name stands for a program of PATH, never for one that happens to lie in the working directory.</summary>
    private string? Find() => Program.Contains('/', StringComparison.Ordinal)
        ? Program
        : (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists);

    private KubernetesException Missing(string cause) =>
        Fault($"can't be started: {cause}", InstallHint is null ? "install it, or use other credentials" : Client.Refusals.Printable(InstallHint));

    private async Task<byte[]> ReadAsync(Process process, Stream stream, CancellationToken cancellation)
    {
        using var all = new MemoryStream();
        var buffer = new byte[4096];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancellation)) > 0)
        {
            all.Write(buffer, 0, count);
            if (all.Length > MostBytes)
            {
                process.Kill(entireProcessTree: true);
                throw Fault($"prints more than {MostBytes >> 20} MiB", "run it by hand and look");
            }
        }

        return all.ToArray();
    }

    /// <summary>The end of what it complained: the last line that is none of white space.</summary>
    private static string Last(byte[] error) =>
        Client.Refusals.Printable(Encoding.UTF8.GetString(error).Split('\n').LastOrDefault(line => line.Trim().Length > 0)) is { Length: > 0 } line ? line : "without a word";

    private KubernetesException Fault(string cause, string next) => new(KubernetesFault.Denied, Subject, $"the plugin {Program} {cause}", next);
}
