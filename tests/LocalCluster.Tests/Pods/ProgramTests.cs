using System.Text.Json.Nodes;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Pods;

/// <summary>The executable, as its users have it.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public ProgramTests() => File.SetUnixFileMode(_scratch.File("steps/shell/shell", "#!/bin/sh\nexec /bin/sh -c \"$1\"\n"), (UnixFileMode)0x1ed);

    private string State => _scratch["state"];

    private Kubectl Kubectl => new(Path.Combine(State, "kubeconfig"));

    private ToolResult Run(string command, params string[] options) => Tool.TryWith(
        Path.Combine(AppContext.BaseDirectory, "local-cluster"), [command, $"--state={State}", $"--steps={_scratch["steps"]}", .. options], null, TimeSpan.FromMinutes(3));

    public void Dispose()
    {
        Run("down");
        _scratch.Dispose();
    }

    private void Must(int code, string said, string command, params string[] options)
    {
        var result = Run(command, options);
        Assert.True(result.ExitCode == code && result.All.Contains(said), result.All + (File.Exists(Path.Combine(State, "log")) ? File.ReadAllText(Path.Combine(State, "log")) : ""));
    }

    private void Pod(string name, string script) => Kubectl.Run("create", "-f", _scratch.File($"{name}.yaml", $"""
        apiVersion: v1
        kind: Pod
        metadata: {"{"} name: {name}, namespace: default {"}"}
        spec:
          nodeName: local-cluster
          restartPolicy: Never
          containers: [{"{"} name: one, image: golden-image-tasks/steps:main, command: [/app/steps/shell/shell], args: ["{script}"] {"}"}]
        """));

    [Fact]
    public async Task It_goes_up_and_down_and_survives_a_kill()
    {
        Must(3, "does not run", "status");
        Must(0, "does not run", "down");
        Must(0, "local-cluster is up at https://127.0.0.1:", "up");
        Must(0, "is up already", "up");
        Must(0, "local-cluster runs: pid", "status");
        Must(3, "runs there already", "serve");

        // Unique, so that it is found among all processes.
        var mark = $"31.{Random.Shared.Next(100_000_000)}";
        Pod("sleeps", $"test -s /var/run/secrets/kubernetes.io/serviceaccount/token && echo begun && sleep {mark}");
        await DataVolumeTests.Eventually(() => Kubectl.Try("logs", "sleeps").Output.Contains("begun"));
        await DataVolumeTests.Eventually(() => IsRunning(mark));
        var pid = JsonNode.Parse(File.ReadAllText(Path.Combine(State, "serve.json")))!["pid"]!.GetValue<int>();
        Tool.Run("kill", "-9", $"{pid}");
        await DataVolumeTests.Eventually(() => !IsRunning(mark));
        Must(3, "does not run", "status");

        Must(0, "local-cluster is up at", "up");
        Kubectl.Run("wait", "pod/sleeps", "--for=jsonpath={.status.phase}=Failed", "--timeout=30s");
        Assert.Equal("Failed ContainerStatusUnknown 137", Kubectl.Run(
            "get", "pod", "sleeps", "-o", "jsonpath={.status.phase} {.status.reason} {.status.containerStatuses[0].state.terminated.exitCode}"));
        Pod("again", "echo works");
        Kubectl.Run("wait", "pod/again", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s");
        Assert.Equal("works\n", Kubectl.Run("logs", "again"));
        Pod("last", $"sleep {mark}");
        await DataVolumeTests.Eventually(() => IsRunning(mark));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Must(0, "is down", "down");
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.False(IsRunning(mark));
        Must(0, "local-cluster is up at", "up");
        Assert.Contains("local (default)", Kubectl.Run("get", "storageclass"));
        Assert.Contains("Terminated", Kubectl.Run("get", "pod", "last", "-o", "jsonpath={.status.reason}"));
    }

    [Theory]
    [InlineData("upp", "", "is no command")]
    [InlineData("up", "--stat=x", "is no option")]
    [InlineData("up", "--port=none", "give 1 to 65535")]
    [InlineData("up", "--api-server=https://127.0.0.1:1", "go together")]
    public void Mistakes_are_told_in_a_line(string command, string option, string said)
    {
        var result = Run(command, [.. option.Length > 0 ? (string[])[option] : []]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(said, Assert.Single(result.Error.TrimEnd().Split('\n')));
    }

    private static bool IsRunning(string mark) => Directory.EnumerateDirectories("/proc").Any(process =>
    {
        try
        {
            return File.ReadAllText($"{process}/cmdline").Replace('\0', ' ').TrimEnd() == $"sleep {mark}";
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}
