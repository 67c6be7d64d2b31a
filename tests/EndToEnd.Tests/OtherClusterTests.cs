using System.Diagnostics;
using System.Text.RegularExpressions;
using Lab;
using Lab.ApiServers;

namespace EndToEnd.Tests;

/// <summary>The same flow, the same YAML, where somebody else wrote the API server; and a new version beside the old one.</summary>
[Collection(GoldenDiskTests.Name)]
[Trait("Suite", "Long")]
public sealed partial class OtherClusterTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [SkippableFact]
    public async Task The_same_flow_goes_on_a_real_API_server()
    {
        using var server = await ApiServerFixture.StartOwnAsync(ApiServerAssets.Kinds[0]);
        await server.InstallCrdsAsync(ApiServerAssets.Schemas!, "tekton");
        var kubeconfig = server.Kubeconfig();
        var place = new Place
        {
            Outcome = scratch["outcome"],
            Registry = scratch["registry"],
            Cluster = scratch["cluster"],
            OtherKubeconfig = kubeconfig,
            ClusterOptions = [$"--api-server={server.Url}", $"--kubeconfig={kubeconfig}"],
        };
        var kubectl = new Kubectl(kubeconfig);
        try
        {
            Assert.Contains("a new version", await Run(place, GoldenDisk.Inputs));
            var first = Assert.Single(Checkout.Versions(kubectl));
            Assert.All(Summary.Read(place.SummaryFile)!.Proofs, proof => Assert.True(proof.Holds, proof.Name));
            Assert.Contains("nothing has changed", await Run(place, GoldenDisk.Inputs));

            // A changed customization: a version of its own, and the one before stays.
            var mine = Directory.CreateDirectory(scratch["mine"]).FullName;
            foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(FlowInputs.Sample)!))
            {
                File.Copy(file, Path.Combine(mine, Path.GetFileName(file)));
            }

            await File.AppendAllTextAsync(Path.Combine(mine, "customize.commands"), "write /etc/corp-edition:second\n");
            Assert.Contains("a new version", await Run(place, GoldenDisk.Inputs with { Customize = Path.Combine(mine, "customize.commands") }));
            var second = Checkout.Published(kubectl);
            Assert.NotEqual(first, second);
            Assert.Equal([first, second], Checkout.Versions(kubectl));
            Assert.Contains(Summary.Read(place.SummaryFile)!.Proofs, proof => proof is { Name: "file /etc/corp-edition", Holds: true });

            // The README's way back.
            Tool.Run(
                Repository.Step("publish-datasource"), "--data-source=debian12-corp", $"--target-namespace={Checkout.Shared}", "--rollback=previous", $"--kubeconfig={kubeconfig}");
            Assert.Equal(first, Checkout.Published(kubectl));
        }
        finally
        {
            Tool.Run(Place.LocalCluster, "down", $"--state={place.Cluster}");
            Tool.Run(Path.Combine(Repository.Root, "build", "registry"), "down", place.Registry);
        }
    }

    [Fact]
    public async Task Killed_in_a_build_and_started_again_the_cluster_ends_the_run_and_the_next_one_succeeds()
    {
        var runs = Checkout.Runs(Checkout.Kubectl);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var program = new ChildProcess(
            Checkout.Program, [$"CUSTOMIZE={scratch.File("customize.commands", "timezone Europe/Berlin\nrun-command sleep 20\n")}"],
            Terminal.Lines(line => _ = line.Contains("accelerator:", StringComparison.Ordinal) && started.TrySetResult()), _ => { });
        await started.Task.WaitAsync(TimeSpan.FromMinutes(2));
        var name = Checkout.Runs(Checkout.Kubectl).Except(runs).Single();
        Tool.Run("kill", "-KILL", Pid().Match(Tool.Run(Place.LocalCluster, "status").Output).Groups[1].Value);
        Tool.Run(Place.LocalCluster, "up");

        // It goes on with the same task, or that has failed; either way the run ends, and finally is carried out.
        var clock = Stopwatch.StartNew();
        string Status() => Checkout.Kubectl.Run("get", "pipelinerun", name, "-n", Checkout.Private, "-o", "jsonpath={.status.conditions[?(@.type==\"Succeeded\")].status}");
        while (Status() is not ("True" or "False"))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(5), Checkout.Kubectl.Run("get", "pipelineruns,taskruns,pods", "-n", Checkout.Private));
            await Task.Delay(500);
        }

        Assert.Equal("Succeeded", Checkout.TaskReason(Checkout.Kubectl, name, "discard"));
        Checkout.AssertLeaksNothing(Checkout.Kubectl, name);
        await program.Ended();
        var next = Tool.Try(Checkout.Program);
        Assert.True(next.ExitCode == 0, next.All);
    }

    private static async Task<string> Run(Place place, FlowInputs inputs)
    {
        using var said = new StringWriter();
        Assert.True(await Flow.Run(inputs, place, said, said, CancellationToken.None) == 0, said.ToString());
        return said.ToString();
    }

    [GeneratedRegex(@"pid (\d+)")]
    private static partial Regex Pid();
}
