using Kubernetes.Client;
using Kubernetes.Models;
using Lab.ApiServers;

namespace Kubernetes.Tests.Client;

public sealed class DiscoveryTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task What_a_cluster_serves_is_known_by_few_requests(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        Assert.Equal(["v1beta1"], await cluster.Client.VersionsAsync("cdi.kubevirt.io", Quick.Limit));
        Assert.Contains("v1", await cluster.Client.VersionsAsync("snapshot.storage.k8s.io", Quick.Limit));
        Assert.Empty(await cluster.Client.VersionsAsync("no.such.group", Quick.Limit));

        // The groups once, and once more for the one that is missing.
        Assert.Equal(2, cluster.Requests.Count);

        Assert.True(await cluster.Client.ServesAsync(Kinds.DataVolumes, Quick.Limit));
        Assert.True(await cluster.Client.ServesAsync(Kinds.VolumeSnapshots, Quick.Limit));
        Assert.True(await cluster.Client.ServesAsync(Quick.ConfigMaps, Quick.Limit));
        Assert.False(await cluster.Client.ServesAsync(Kinds.Any("cdi.kubevirt.io", "v1beta1", "unicorns", "Unicorn", true), Quick.Limit));
        Assert.False(await cluster.Client.ServesAsync(Kinds.Any("no.such.group", "v1", "unicorns", "Unicorn", true), Quick.Limit));
        Assert.InRange(cluster.Requests.Count, 3, 7);
    }

    [Fact]
    public async Task Many_at_once_ask_once_and_what_was_missing_is_asked_for_again()
    {
        var (asked, installed) = (0, false);
        using var discovery = new Discovery(async (_, _, token) =>
        {
            Interlocked.Increment(ref asked);
            await Task.Delay(20, token);
            return installed ? new DiscoveryAnswer
            {
                Items = [new DiscoveredGroup { Metadata = new ObjectMeta { Name = "a.io" }, Versions = [new DiscoveredVersion { Version = "v1", Resources = [new DiscoveredResource { Resource = "as" }] }] }],
            } : null;
        });
        Assert.Empty(await discovery.VersionsAsync("a.io", Quick.Limit));
        Assert.False(await discovery.ServesAsync("a.io", "v1", "as", Quick.Limit));
        Assert.Equal(2, asked);

        (asked, installed) = (0, true);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => Assert.Equal(["v1"], await discovery.VersionsAsync("a.io", Quick.Limit)))));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => Assert.True(await discovery.ServesAsync("a.io", "v1", "as", Quick.Limit)))));
        Assert.Equal(1, asked);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_kind_that_is_missing_is_explained(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        var (client, space) = (cluster.Client, cluster.Namespace);
        await FailsAsync(Kinds.Any("hco.kubevirt.io", "v1", "hyperconvergeds", "HyperConverged", true), "this cluster has no hco.kubevirt.io; install KubeVirt");
        await FailsAsync(Kinds.Any("cdi.kubevirt.io", "v9", "datavolumes", "DataVolume", true), "serves cdi.kubevirt.io as v1beta1, not as v9; update CDI");
        await FailsAsync(Kinds.Any("cdi.kubevirt.io", "v1beta1", "unicorns", "Unicorn", true), "serves cdi.kubevirt.io/v1beta1 without unicorns");

        async Task FailsAsync(ResourceKind<AnyObject> missing, string words)
        {
            foreach (var task in (Func<Task>[])[
                () => client.GetAsync(missing, space, "a", Quick.Limit), () => client.FindAsync(missing, space, "a", Quick.Limit), () => client.ListAsync(missing, space, Quick.Limit)])
            {
                var fault = await Assert.ThrowsAsync<KubernetesException>(task);
                Assert.Equal(KubernetesFault.NotFound, fault.Kind);
                Assert.True(fault.KindUnknown);
                Assert.Contains(words, fault.Message, StringComparison.Ordinal);
            }
        }
    }
}
