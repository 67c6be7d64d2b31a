using System.Collections.Concurrent;
using System.Text;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Kubernetes.Tests.Client;

/// <summary>A proxy that wants a password.</summary>
public sealed class ProxyTests
{
    [Fact]
    public async Task A_password_reaches_the_proxy_and_neither_log_nor_error()
    {
        var seen = new ConcurrentQueue<string>();
        using var proxy = FaultProxy.Start(null, async context =>
        {
            if (context.Request.Method == "CONNECT")
            {
                context.Response.StatusCode = 502;
            }
            else if (context.Request.Headers.ProxyAuthorization.FirstOrDefault() is { } said)
            {
                seen.Enqueue(said);
                await context.Response.WriteAsync("""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[]}""");
            }
            else
            {
                context.Response.StatusCode = 407;
                context.Response.Headers.ProxyAuthenticate = "Basic realm=\"a\"";
            }

            return true;
        });
        var log = new ConcurrentQueue<string>();
        using var open = Through(proxy.Host, "http", log);
        await open.ListAsync(Quick.ConfigMaps, "a", Quick.Limit);
        Assert.Equal([$"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("user:se@cret"))}"], seen);

        using var tunnelled = Through(proxy.Host, "https", log);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => tunnelled.ListAsync(Quick.ConfigMaps, "a", Quick.Limit));
        Assert.Contains(log, line => line.Contains("502", StringComparison.Ordinal));
        foreach (var line in log.Append(fault.ToString()))
        {
            Assert.DoesNotContain("cret", line, StringComparison.Ordinal);
            Assert.DoesNotContain("user", line, StringComparison.Ordinal);
        }
    }

    private static KubernetesClient Through(string proxy, string scheme, ConcurrentQueue<string> log) => new(
        new ClusterAccess { Server = new Uri($"{scheme}://cluster.invalid/"), Proxy = new Uri($"http://user:se%40cret@{proxy}/"), Origin = "a test" },
        Quick.Options with { Log = log.Enqueue, Retries = 1 });
}
