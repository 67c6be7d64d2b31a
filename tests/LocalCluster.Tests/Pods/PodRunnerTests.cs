using Kubernetes;
using Kubernetes.Client;
using Lab.ApiServers;
using LocalCluster.Pods;

namespace LocalCluster.Tests.Pods;

public sealed class PodRunnerTests
{
    private const string Results = """
          volumes:
          - { name: results, emptyDir: {} }
        """;

    private const string ResultMount = "[{ name: results, mountPath: /tekton/results }]";

    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_container_runs_in_a_sandbox_and_its_status_and_output_are_there(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        bench.CreatePod(
            "one", arguments: "--target=world, --result-greeting=/tekton/results/greeting, --result-error=/tekton/results/error", spec: Results,
            container: $"    volumeMounts: {ResultMount}");
        var pod = await bench.FinishedAsync("one");
        Assert.True(pod.Status!.Phase == "Succeeded", PodBench.Show(pod) + bench.LogOf(pod));
        var ended = PodBench.Ended(pod);
        Assert.Equal((0, "Completed", """[{"key":"error","value":"","type":1},{"key":"greeting","value":"hello world","type":1}]"""), (ended.ExitCode, ended.Reason, ended.Message));
        Assert.NotNull(pod.Status.StartTime);
        Assert.True(ended.FinishedAt >= ended.StartedAt);
        Assert.Contains("greeting world", bench.LogOf(pod));
        await DataVolumeTests.Eventually(() => !Directory.Exists(Path.Combine(bench.State, pod.Metadata.Uid!, "volumes")));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Containers_that_follow_a_failed_one_end_unstarted(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        var next = $"""
                volumeMounts: {ResultMount}
              - name: step-two
                image: golden-image-tasks/steps:main
                command: [/app/steps/shell/shell]
                args: ["echo two >/tekton/results/two"]
                volumeMounts: {ResultMount}
            """;
        bench.CreatePod("sequential", arguments: "--target=world, --do=fail, --result-error=/tekton/results/error", spec: Results, container: next);
        bench.CreatePod("together", arguments: "--target=world, --do=fail", spec: Results, container: next, sequential: "false");
        var pod = await bench.FinishedAsync("sequential");
        Assert.Equal("Failed", pod.Status!.Phase);
        Assert.Equal((6, "Error"), (PodBench.Ended(pod).ExitCode, PodBench.Ended(pod).Reason));
        Assert.Contains("disk.img: the guest", PodBench.Ended(pod).Message);
        Assert.Equal((1, "Error"), (PodBench.Ended(pod, 1).ExitCode, PodBench.Ended(pod, 1).Reason));
        Assert.False(File.Exists(Path.Combine(bench.State, pod.Metadata.Uid!, "step-two.log")));
        var other = await bench.FinishedAsync("together");
        Assert.Equal((6, 0, "Failed"), (PodBench.Ended(other).ExitCode, PodBench.Ended(other, 1).ExitCode, other.Status!.Phase));
    }

    [SkippableFact]
    public async Task Results_that_are_too_long_are_a_failure_and_links_are_none()
    {
        await using var bench = await PodBench.StartAsync(ApiServerAssets.Kinds[^1]);
        bench.CreateShell("long", "head -c 4090 /dev/zero | tr '\\0' a >/tekton/results/long", "[{ name: results, emptyDir: {} }]", ResultMount);
        bench.CreateShell(
            "links", "cd /tekton/results; ln -s /etc/hostname hostname; mkfifo pipe; mkdir folder; ln -s folder link; printf ok >good", "[{ name: results, emptyDir: {} }]", ResultMount);
        var tooLong = PodBench.Ended(await bench.FinishedAsync("long"));
        Assert.Equal((1, "Termination message is above max allowed size 4096, caused by large task result."), (tooLong.ExitCode, tooLong.Message));
        Assert.Equal("""[{"key":"good","value":"ok","type":1}]""", PodBench.Ended(await bench.FinishedAsync("links")).Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_deleted_pod_gets_SIGTERM_in_time_and_its_files_go_with_it(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        bench.CreatePod("waits", arguments: "--target=world, --do=wait");
        bench.CreateShell("heeds-nothing", "trap '' TERM; echo begun; while true; do sleep 0.1; done", spec: "{ automountServiceAccountToken: false, terminationGracePeriodSeconds: 1 }".Trim('{', '}', ' ').Replace(", ", "\n  "));
        var waits = await bench.UntilAsync("waits", pod => pod.Status?.ContainerStatuses?[0].State.Running is not null);
        await bench.UntilAsync("heeds-nothing", pod => pod.Status?.ContainerStatuses?[0].State.Running is not null);
        await DataVolumeTests.Eventually(() => bench.LogOf(waits).Contains("greeting"));
        var seen = SeenAsync(bench, "waits");
        var forced = SeenAsync(bench, "heeds-nothing");
        bench.Kubectl.Run("delete", "pod", "waits", "heeds-nothing", "--wait=false");

        // Where pods are custom resources, a pod is gone at once, and there is nothing to tell of it any more.
        Assert.Equal(kind == ApiServerKind.Extensions136 ? null : 143, await seen);
        Assert.Equal(kind == ApiServerKind.Extensions136 ? null : 137, await forced);
        await DataVolumeTests.Eventually(() => Directory.GetDirectories(bench.State) is [var node] && Path.GetFileName(node) == ".node");
    }

    /// <summary>The last exit code that the API showed before the pod was gone.</summary>
    private static async Task<int?> SeenAsync(PodBench bench, string name)
    {
        int? code = null;
        await foreach (var change in bench.Client.WatchAsync(Kinds.Pods, bench.Space, WatchScope.One(name), PodBench.Limit()))
        {
            code = change.Object?.Status?.ContainerStatuses?[0].State.Terminated?.ExitCode ?? code;
            if (change.Type == WatchEventType.Deleted)
            {
                break;
            }
        }

        return code;
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_node_that_stops_ends_its_pods_and_tells_so(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        bench.CreatePod("waits", arguments: "--target=world, --do=wait");
        var running = await bench.UntilAsync("waits", pod => pod.Status?.ContainerStatuses?[0].State.Running is not null);
        await DataVolumeTests.Eventually(() => bench.LogOf(running).Contains("greeting"));
        await bench.StopNodeAsync();
        var pod = await bench.FinishedAsync("waits");
        Assert.Equal(("Terminated", 143), (pod.Status!.Reason, PodBench.Ended(pod).ExitCode));
        await bench.StartNodeAsync();
    }

    [Theory]
    [InlineData("$(A)-$(B)", "a-$(B)")]
    [InlineData("$$(A) $$", "$(A) $")]
    [InlineData("$A $(A", "$A $(A")]
    [InlineData("echo $", "echo $")]
    public void Variables_are_put_in_as_the_kubelet_does_it(string text, string expected) =>
        Assert.Equal(expected, ContainerPlan.Expand(text, new Dictionary<string, string> { ["A"] = "a" }));
}
