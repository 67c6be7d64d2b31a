using System.Diagnostics;
using Lab;

namespace EndToEnd.Tests;

/// <summary>The build on the checkout's cluster, beside the one that made the golden disk: unchanged, failing, cancelled.</summary>
[Collection(GoldenDiskTests.Name)]
public sealed class PipelineFlowTests(GoldenDisk golden) : IDisposable
{
    private static readonly TimeSpan Unchanged = TimeSpan.FromSeconds(20);
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void The_golden_run_left_what_a_team_uses()
    {
        var volume = Checkout.Published(Checkout.Kubectl);
        Assert.Matches("^debian12-corp-[0-9]{8}-[0-9a-f]{8}$", volume);
        Assert.StartsWith($"{Checkout.Shared}/{volume} ", golden.Summary.Version);
        Assert.NotEmpty(golden.Summary.Proofs);
        Assert.All(golden.Summary.Proofs, proof => Assert.True(proof.Holds, proof.Name));
        Assert.Equal("u1.small", Checkout.Kubectl.Run("get", "datasource", "debian12-corp", "-n", Checkout.Shared, "-o", @"jsonpath={.metadata.labels.instancetype\.kubevirt\.io/default-instancetype}"));
        Assert.Contains($"my-machine-{volume["debian12-corp-".Length..]}", Checkout.Kubectl.Run("get", "pvc", "-n", "team-a"));
    }

    [Fact]
    public void Unchanged_it_builds_nothing_and_says_so_in_seconds()
    {
        var (runs, versions) = (Checkout.Runs(Checkout.Kubectl), Checkout.Versions(Checkout.Kubectl));
        var clock = Stopwatch.StartNew();
        var result = Tool.Try(Checkout.Program);
        var took = clock.Elapsed;
        Assert.True(result.ExitCode == 0, result.All);
        Assert.Contains("golden image: nothing has changed", result.Output);
        Assert.True(took < Unchanged, $"it took {took}:\n{result.Output}");

        var run = Checkout.NewRun(Checkout.Kubectl, runs);
        var name = (string)run["metadata"]!["name"]!;
        Assert.Equal("Completed", (string?)RunFollower.Condition(run)?["reason"]);
        Assert.Null(Checkout.TaskReason(Checkout.Kubectl, name, "clone"));
        Assert.Equal(versions, Checkout.Versions(Checkout.Kubectl));
        Figures.Say($"unchanged golden image: {took.TotalSeconds:0.0} s");
    }

    [Fact]
    public void A_customization_that_fails_is_6_with_its_line_and_leaks_nothing()
    {
        var (runs, before) = (Checkout.Runs(Checkout.Kubectl), Checkout.Published(Checkout.Kubectl));
        var result = Tool.Try(Checkout.Program, $"CUSTOMIZE={scratch.File("customize.commands", "timezone Europe/Berlin\nrun-command ls /nowhere-at-all\n")}");
        Assert.True(result.ExitCode == 6, result.All);
        Assert.StartsWith("golden-image: customize: ", result.Error);
        Assert.Contains("customize.commands:2", result.Error);
        Assert.Single(result.Error.TrimEnd().Split('\n'));

        var run = Checkout.NewRun(Checkout.Kubectl, runs);
        var name = (string)run["metadata"]!["name"]!;
        Assert.Equal("Failed", (string?)RunFollower.Condition(run)?["reason"]);
        Assert.Equal("Succeeded", Checkout.TaskReason(Checkout.Kubectl, name, "discard"));
        Assert.Null(Checkout.TaskReason(Checkout.Kubectl, name, "publish"));
        Checkout.AssertLeaksNothing(Checkout.Kubectl, name);
        Assert.Equal(before, Checkout.Published(Checkout.Kubectl));
    }

    [Fact]
    public async Task Stopped_in_a_launch_it_cancels_the_run_whose_finally_leaves_nothing()
    {
        var runs = Checkout.Runs(Checkout.Kubectl);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = new ProcessStartInfo(Checkout.Program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add($"CUSTOMIZE={scratch.File("customize.commands", "timezone Europe/Berlin\nrun-command sleep 300\n")}");
        using var program = Process.Start(start)!;
        program.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("accelerator:", StringComparison.Ordinal) == true)
            {
                started.TrySetResult();
            }
        };
        program.BeginOutputReadLine();
        var error = program.StandardError.ReadToEndAsync();
        await started.Task.WaitAsync(TimeSpan.FromMinutes(2));
        Tool.Run("kill", "-TERM", $"{program.Id}");
        await program.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(75));
        Assert.Equal(143, program.ExitCode);
        Assert.Equal("golden-image: stopped by a signal; run it again when you like\n", await error);

        var run = Checkout.NewRun(Checkout.Kubectl, runs);
        var name = (string)run["metadata"]!["name"]!;
        Assert.Equal("Cancelled", (string?)RunFollower.Condition(run)?["reason"]);
        Assert.Equal("TaskRunCancelled", Checkout.TaskReason(Checkout.Kubectl, name, "customize"));
        Assert.Equal("Succeeded", Checkout.TaskReason(Checkout.Kubectl, name, "discard"));
        Checkout.AssertLeaksNothing(Checkout.Kubectl, name);
    }
}
