using Kubernetes.Client;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Kubernetes.Tests.Client;

/// <summary>Bodies that can't be unpacked, and lists without an end.</summary>
public sealed class HostileListTests
{
    [Theory]
    [InlineData(200, KubernetesFault.Transient, "the answer broke off: it can't be unpacked", 3)]
    [InlineData(403, KubernetesFault.Denied, "answered 403", 1)]
    public async Task A_body_that_can_not_be_unpacked_ends_in_one_line(int status, KubernetesFault kind, string words, int requests)
    {
        using var server = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.WriteAsync("""{"metadata":{"name":"map"}}""");
            return true;
        });
        using var client = Quick.ClientOf(server.Host, Quick.Options with { Retries = 2 });
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, "a", "map", Quick.Limit));
        Assert.Equal(kind, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.Equal(requests, server.Requests.Count);
    }

    [Fact]
    public async Task A_watch_that_can_not_be_unpacked_is_tried_again_a_few_times_and_ends_in_one_line()
    {
        using var server = FaultProxy.Start(null, async context =>
        {
            var watched = context.Request.Query.ContainsKey("watch");
            context.Response.Headers.ContentEncoding = watched ? "gzip" : default;
            await context.Response.WriteAsync(watched ? "{}\n" : """{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[]}""");
            return true;
        });
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.WaitAsync(Quick.ConfigMaps, "a", "map", map => map is not null, Quick.Limit));
        Assert.Equal(KubernetesFault.Protocol, fault.Kind);
        Assert.Contains("can't be unpacked", fault.Message, StringComparison.Ordinal);
        Assert.Equal(5, server.Requests.Count(request => request.Path.Contains("watch=1", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public async Task Pages_that_go_around_in_a_circle_end_the_list(int length)
    {
        var page = 0;
        using var server = FaultProxy.Start(null, async context =>
        {
            await context.Response.WriteAsync(
                $$$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1","continue":"{{{++page % length}}}"},"items":[{"metadata":{"name":"a-{{{page}}}"} }]}""");
            return true;
        });
        using var client = Quick.ClientOf(server.Host);
        foreach (var list in (Func<Task>[])[() => client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit), () => EachAsync(client)])
        {
            page = 0;
            var fault = await Assert.ThrowsAsync<KubernetesException>(list);
            Assert.Equal(KubernetesFault.Protocol, fault.Kind);
            Assert.Contains("in a circle", fault.Message, StringComparison.Ordinal);
            Assert.InRange(page, 2, 20);
        }
    }

    [Fact]
    public async Task A_list_without_end_is_not_held()
    {
        var page = 0;
        var item = $$"""{"metadata":{"name":"a"},"data":{"value":"{{new string('x', 7 << 20)}}"} }""";
        using var server = FaultProxy.Start(null, async context =>
        {
            await context.Response.WriteAsync(
                $$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1","continue":"{{++page}}"},"items":[{{item}}]}""", context.RequestAborted);
            return true;
        });
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit));
        Assert.Contains("a list of more than 128 MiB", fault.Message, StringComparison.Ordinal);
        Assert.InRange(page, 18, 20);
    }

    private static async Task EachAsync(KubernetesClient client)
    {
        await foreach (var map in client.EachAsync(Quick.ConfigMaps, "a", Quick.Limit))
        {
            Assert.NotNull(map);
        }
    }
}
