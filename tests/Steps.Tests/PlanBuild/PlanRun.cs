using Lab;

namespace Steps.Tests.PlanBuild;

/// <summary>One run of <c>plan-build</c> as a process, with the files of its results.</summary>
internal sealed record PlanRun(ToolResult Process, IReadOnlyDictionary<string, string> Results)
{
    public static readonly string[] ResultNames =
        ["needed", "reason", "build-key", "build-inputs", "source-kind", "source-name", "source-namespace", "source-reference", "source-digest", "current-volume", "error"];

    public string this[string result] => Results[result];

    /// <summary>Runs it to its end, whatever comes.</summary>
    public static PlanRun Try(Scratch scratch, string kubeconfig, params string[] arguments)
    {
        var folder = Directory.CreateDirectory(scratch[$"results-{Guid.NewGuid():N}"]).FullName;
        var process = Tool.TryWith(
            Repository.Step("plan-build"), [.. Arguments(folder), $"--kubeconfig={kubeconfig}", .. arguments], null, TimeSpan.FromMinutes(2));
        return new(process, Read(folder));
    }

    /// <summary>Runs it; it must succeed.</summary>
    public static PlanRun Run(Scratch scratch, string kubeconfig, params string[] arguments)
    {
        var run = Try(scratch, kubeconfig, arguments);
        Assert.True(run.Process.ExitCode == 0, run.Process.All);
        return run;
    }

    /// <summary>Its last line, and its exit code.</summary>
    public void Failed(int code, string line)
    {
        Assert.True(Process.ExitCode == code, Process.All);
        Assert.Equal(line, this["error"]);
        Assert.DoesNotContain('\n', this["error"]);
        Assert.Empty(this["needed"]);
    }

    public static IEnumerable<string> Arguments(string folder) => ResultNames.Select(name => $"--result-{name}={folder}/{name}");

    public static Dictionary<string, string> Read(string folder) => ResultNames.ToDictionary(name => name, name => File.ReadAllText(Path.Combine(folder, name)));
}
