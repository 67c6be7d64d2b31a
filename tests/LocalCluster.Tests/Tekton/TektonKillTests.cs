using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Tekton;

public sealed class TektonKillTests
{
    [SkippableFact]
    [Trait("Suite", "Long")]
    public async Task Controllers_that_end_after_any_of_their_writes_leave_a_run_that_the_next_ones_complete_without_a_step_run_twice()
    {
        await using var bench = await TektonBench.StartAsync(ApiServerAssets.Kinds[0], tekton: false);
        bench.Step = (pod, container) => new StepEnd(pod.Metadata.Name!.EndsWith("-fails-pod") ? 1 : 0, ("said", container.Args![0]["--text=".Length..] + "!"));
        bench.Create(PipelineRunTests.Echo);
        for (var point = 1; ; point++)
        {
            var last = new KillTests.LastWrite(point);
            using var client = new KubernetesClient(ClusterConfig.Load(bench.Kubeconfig), new ClientOptions { Handler = last.Wrap });
            await bench.StartTektonAsync(client);
            var name = $"run-{point}";
            bench.Create($$"""
                apiVersion: tekton.dev/v1
                kind: PipelineRun
                metadata: { name: {{name}} }
                spec:
                  pipelineSpec:
                    results: [{ name: all, value: "$(finally.last.results.said)" }]
                    tasks:
                    - { name: first, taskRef: { name: echo } }
                    - { name: fails, taskRef: { name: echo }, retries: 1, params: [{ name: text, value: "$(tasks.first.results.said)" }] }
                    finally: [{ name: last, taskRef: { name: echo }, params: [{ name: text, value: "$(tasks.fails.results.said) $(tasks.status)" }] }]
                """);
            var done = bench.DoneAsync(name);
            var undisturbed = await Task.WhenAny(done, last.Reached) == done;
            await bench.StopTektonAsync();
            if (!undisturbed)
            {
                await bench.StartTektonAsync();
            }

            var run = await done;
            Assert.Equal("True/Succeeded/Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0", TektonBench.Show(run.Succeeded));
            Assert.Equal("nothing!! Succeeded!", (string?)run.Status!.Results!.Single().Value);
            Assert.Equal(
                [$"{name}-first-pod/step-say", $"{name}-fails-pod/step-say", $"{name}-fails-pod-retry1/step-say", $"{name}-last-pod/step-say"], bench.Began.Where(one => one.StartsWith($"{name}-")));
            await bench.StopTektonAsync();
            if (undisturbed)
            {
                Assert.True(point > 15, $"a run with {point} writes only: are they counted?");
                Figures.Say($"local Tekton: killed at {point - 1} writes of a run, which ended as without it each time");
                break;
            }
        }
    }
}
