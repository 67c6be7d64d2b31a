using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests;

public sealed class KillTests
{
    [SkippableFact]
    public async Task Controllers_that_end_after_any_of_their_writes_leave_a_clone_that_the_next_ones_complete()
    {
        await using var bench = await CdiBench.StartAsync(ApiServerAssets.Kinds[^1]);
        var disk = bench.Disk();
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: source, namespace: NS }
            spec: { source: { upload: {} }, storage: { resources: { requests: { storage: 16Mi } } } }
            """);
        await bench.Cdi.UploadAsync(bench.Space, "source", disk, CdiBench.Limit());
        await bench.BoundAsync("source");
        await bench.StopCdiAsync();
        for (var point = 1; ; point++)
        {
            var last = new LastWrite(point);
            using var client = new KubernetesClient(ClusterConfig.Load(bench.Server.Kubeconfig()), new ClientOptions { Handler = last.Wrap });
            bench.StartCdi(client: client);
            var name = $"clone-{point}";
            await bench.Client.CreateAsync(
                Kinds.DataVolumes,
                new() { Metadata = { Name = name, Namespace = bench.Other }, Spec = { Source = new() { Pvc = new() { Namespace = bench.Space, Name = "source" } }, Storage = new() } },
                CdiBench.Limit());
            var done = IsCompleteAsync(bench, name);
            var undisturbed = await Task.WhenAny(done, last.Reached) == done;
            await bench.StopCdiAsync();
            if (undisturbed)
            {
                await done;
                Assert.True(point > 15, $"a clone with {point} writes only: are they counted?");
                Figures.Say($"local CDI: killed at {point - 1} writes of a clone, which ended complete each time");
                break;
            }

            bench.StartCdi();
            await done;
            await bench.SameDiskAsync(disk, name, bench.Other);
            await DataVolumeTests.Eventually(() => bench.Cdi.World.CloneSources.Objects.Count == 0);
            Assert.Equal(point + 1, Directory.GetDirectories(bench.Scratch["state/volumes"]).Length);
            await bench.StopCdiAsync();
        }

        bench.StartCdi();
    }

    private static async Task IsCompleteAsync(CdiBench bench, string name)
    {
        await bench.UntilAsync(name, found => found.Status?.Phase == "Succeeded" && Condition.Of(found.Status.Conditions, "Bound")!.IsTrue, bench.Other);
        await bench.BoundAsync(name, bench.Other);
    }

    /// <summary>Lets so many writes through; the answer of the last one, and everything after it, never comes.</summary>
    internal sealed class LastWrite(int count)
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task Reached => _reached.Task;

        public HttpMessageHandler Wrap(HttpMessageHandler inner) => new Counting(this, inner);

        private sealed class Counting(LastWrite owner, HttpMessageHandler inner) : DelegatingHandler(inner)
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                if (request.Method == HttpMethod.Get || request.RequestUri!.AbsolutePath.Contains("subjectaccessreviews"))
                {
                    return await base.SendAsync(request, cancellationToken);
                }

                var left = Interlocked.Decrement(ref owner._left);
                if (left > 0)
                {
                    return await base.SendAsync(request, cancellationToken);
                }

                if (left == 0)
                {
                    try
                    {
                        (await base.SendAsync(request, cancellationToken)).Dispose();
                    }
                    finally
                    {
                        // Also when the controllers gave the request up, because what they work on has changed.
                        owner._reached.TrySetResult();
                    }
                }

                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                throw new InvalidOperationException();
            }
        }
    }
}
