using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Kubernetes.Client;
using Kubernetes.Models;
using Kubernetes.Tests.Waiting;
using Kubernetes.Waiting;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Kubernetes.Tests.Client;

/// <summary>Servers that are none, or mean harm: each answer ends in one clear line, or is survived.</summary>
public sealed class HostileServerTests
{
    private const string Map = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"a","name":"map","resourceVersion":"5"},"data":{"value":"0"}}""";

    [Theory]
    [InlineData(200, "<html>welcome</html>", KubernetesFault.Protocol, "no AnyObject")]
    [InlineData(200, "", KubernetesFault.Protocol, "no AnyObject")]
    [InlineData(200, "null", KubernetesFault.Protocol, "no AnyObject")]
    [InlineData(200, "{\"metadata\":null}", KubernetesFault.Protocol, "no AnyObject")]
    [InlineData(200, "{\"metadata\":{\"name\":\"map\"}", KubernetesFault.Protocol, "no AnyObject")]
    [InlineData(200, "{}", KubernetesFault.Protocol, "another object")]
    [InlineData(200, "{\"metadata\":{\"name\":\"other\"}}", KubernetesFault.Protocol, "another object")]
    [InlineData(302, "", KubernetesFault.Protocol, "a redirect")]
    [InlineData(307, "", KubernetesFault.Protocol, "a redirect")]
    [InlineData(400, "<html>bad</html>", KubernetesFault.Usage, "answered 400")]
    [InlineData(401, "", KubernetesFault.Denied, "does not know who asks")]
    [InlineData(403, "{\"kind\":\"Status\",\"message\":\"no \\u001b[31m way\"}", KubernetesFault.Denied, "no  [31m way")]
    [InlineData(404, "404 page not found", KubernetesFault.NotFound, "serves v1 without configmaps")]
    [InlineData(418, "{\"message\":7}", KubernetesFault.Usage, "answered 418")]
    public async Task An_answer_that_is_none_ends_in_one_line(int status, string body, KubernetesFault kind, string words)
    {
        using var server = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "http://127.0.0.1:1/elsewhere";
            await context.Response.WriteAsync(body);
            return true;
        });
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, "a", "map", Quick.Limit));
        Assert.Equal(kind, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);
        Assert.InRange(fault.Message.Length, 20, 1500);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}")]
    [InlineData("[]")]
    [InlineData("{\"kind\":7}")]
    public async Task What_is_no_list_does_not_count_as_an_empty_one(string body)
    {
        using var server = Answering(body);
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit));
        Assert.Equal(KubernetesFault.Protocol, fault.Kind);
    }

    [Theory]
    [InlineData("null", 0)]
    [InlineData("[null]", 0)]
    [InlineData("[]", 0)]
    public async Task A_list_may_have_nothing_in_it_in_any_way(string items, int count)
    {
        using var server = Answering($$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":{{items}}}""");
        using var client = Quick.ClientOf(server.Host);
        Assert.Equal(count, (await client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit)).Items.Count);
    }

    [Fact]
    public async Task A_body_without_end_or_one_that_unpacks_without_end_is_refused()
    {
        foreach (var packed in (bool[])[false, true])
        {
            using var server = FaultProxy.Start(null, async context =>
            {
                context.Response.Headers.ContentEncoding = packed ? "gzip" : default;
                await using var body = packed ? new GZipStream(context.Response.Body, CompressionLevel.Fastest) : context.Response.Body;
                var chunk = Encoding.UTF8.GetBytes("{\"data\":\"" + new string('x', 1 << 16));
                for (var sent = 0; sent < 1000 && !context.RequestAborted.IsCancellationRequested; sent++)
                {
                    await body.WriteAsync(chunk, context.RequestAborted);
                }

                return true;
            });
            using var client = Quick.ClientOf(server.Host);
            var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, "a", "map", Quick.Limit));
            Assert.Contains("more than 4 MiB", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_page_that_is_too_large_is_asked_for_in_smaller_ones()
    {
        var limits = new ConcurrentQueue<int>();
        using var server = FaultProxy.Start(null, async context =>
        {
            var limit = int.Parse(context.Request.Query["limit"].ToString());
            limits.Enqueue(limit);
            var from = int.Parse(context.Request.Query["continue"].FirstOrDefault() ?? "0");
            var item = $$"""{"metadata":{"name":"a"},"data":{"value":"{{new string('x', 1 << 20)}}"} }""";
            var count = Math.Min(limit, 20 - from);
            var next = from + count < 20 ? $"{from + count}" : "";
            await context.Response.WriteAsync(
                $$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"1","continue":"{{next}}"},"items":[{{string.Join(',', Enumerable.Repeat(item, count))}}]}""", context.RequestAborted);
            return true;
        });
        using var client = Quick.ClientOf(server.Host);
        Assert.Equal(20, (await client.ListAsync(Quick.ConfigMaps, "a", Quick.Limit)).Items.Count);
        Assert.Equal([500, 62, 7, 7, 7], limits);
    }

    [Fact]
    public async Task A_body_that_breaks_off_or_trickles_is_asked_for_again()
    {
        var asked = 0;
        using var server = FaultProxy.Start(null, async context =>
        {
            context.Response.ContentLength = Map.Length;
            switch (++asked)
            {
                case 1:
                    await context.Response.WriteAsync(Map[..40]);
                    await context.Response.Body.FlushAsync();
                    // A reset throws away what its receiver has not read yet.
                    await Task.Delay(200);
                    context.Abort();
                    break;
                case 2:
                    for (var at = 0; at < Map.Length && !context.RequestAborted.IsCancellationRequested; at++)
                    {
                        await context.Response.WriteAsync(Map[at..(at + 1)]);
                        await context.Response.Body.FlushAsync();
                        await Task.Delay(100);
                    }

                    break;
                default:
                    await context.Response.WriteAsync(Map);
                    break;
            }

            return true;
        });
        var log = new ConcurrentQueue<string>();
        using var client = Quick.ClientOf(server.Host, Quick.Options with { RequestTimeout = TimeSpan.FromSeconds(1), Log = log.Enqueue });
        Assert.Equal("0", (await client.GetAsync(Quick.ConfigMaps, "a", "map", Quick.Limit)).Value());
        Assert.Contains(log, line => line.Contains("the answer broke off", StringComparison.Ordinal));
        Assert.Contains(log, line => line.Contains("the answer was not complete within 1 s", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("<html>\n", "is no RawWatchEvent")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{\"metadata\":null}}\n", "is no AnyObject")]
    [InlineData("{\"type\":\"SURPRISE\",\"object\":{}}\n", "no change")]
    [InlineData("endless", "a change of more than 4 MiB")]
    public async Task A_watch_of_garbage_is_tried_again_a_few_times_and_ends_in_one_line(string line, string words)
    {
        using var server = Watched(async context =>
        {
            if (line != "endless")
            {
                await context.Response.WriteAsync(line);
                return;
            }

            var chunk = new byte[1 << 16];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
            }
        });
        using var client = Quick.ClientOf(server.Host);
        var clock = Stopwatch.StartNew();
        var fault = await Assert.ThrowsAsync<KubernetesException>(
            () => client.WaitAsync(Quick.ConfigMaps, "a", "map", map => map?.Value() == "1", Quick.Limit));
        Assert.Equal(KubernetesFault.Protocol, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.Equal(5, server.Requests.Count(request => request.Path.Contains("watch=1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Errors_within_a_watch_are_met_by_listing_anew_or_end_it()
    {
        var watches = 0;
        using var server = Watched(async context =>
        {
            var (code, reason) = ++watches switch { 1 => (410, "Expired"), 2 => (500, "InternalError"), _ => (403, "Forbidden") };
            await context.Response.WriteAsync(
                $$"""{"type":"ERROR","object":{"kind":"Status","code":{{code}},"reason":"{{reason}}","message":"number {{watches}}"} }""" + "\n");
        });
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(
            () => client.WaitAsync(Quick.ConfigMaps, "a", "map", map => map?.Value() == "1", Quick.Limit));
        Assert.Equal(KubernetesFault.Denied, fault.Kind);
        Assert.Contains("number 3", fault.Message, StringComparison.Ordinal);
        Assert.Equal(3, server.Requests.Count(request => !request.Path.Contains("watch=1", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../../secrets/x")]
    [InlineData("a%2fb")]
    public async Task A_name_never_leads_to_another_address(string name)
    {
        using var server = Answering(Map);
        using var client = Quick.ClientOf(server.Host);
        var fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, "a", name, Quick.Limit));
        Assert.Equal(KubernetesFault.Usage, fault.Kind);
        fault = await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(Quick.ConfigMaps, name.Length == 0 ? "." : name, "map", Quick.Limit));
        Assert.Equal(KubernetesFault.Usage, fault.Kind);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public void Whatever_bytes_a_server_sends_a_DataVolume_is_read_and_judged_or_refused()
    {
        var good = VolumeState.All.Select(state => Encoding.UTF8.GetBytes(state.Json("img").ToJsonString())).ToArray();
        var property = Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var bytes = (byte[])good[random.Next(good.Length)].Clone();
            var tokens = (string[])["null", "[]", "{}", "7", "\"\"", "true", "[null]"];
            for (var change = random.Next(4); change >= 0; change--)
            {
                if (random.Next(2) == 0)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }
                else
                {
                    // A whole value replaced by another, so that the rest stays JSON.
                    var text = Encoding.UTF8.GetString(bytes);
                    var values = System.Text.RegularExpressions.Regex.Matches(text, """(?<=:)("[^"]*"|\d+|\[[^\[\]]*\]|\{[^{}]*\})""");
                    if (values.Count > 0)
                    {
                        var value = values[random.Next(values.Count)];
                        bytes = Encoding.UTF8.GetBytes(text[..value.Index] + tokens[random.Next(tokens.Length)] + text[(value.Index + value.Length)..]);
                    }
                }
            }

            try
            {
                var volume = Bodies.Parse(bytes, KubernetesJson.Default.DataVolume, "it");
                VolumeJudgement.Of(volume, null, default, TimeSpan.Zero);
                VolumeReport.Of(volume);
                return true;
            }
            catch (KubernetesException)
            {
                return true;
            }
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000), property);
    }

    private static FaultProxy Answering(string body) => FaultProxy.Start(null, async context =>
    {
        await context.Response.WriteAsync(body);
        return true;
    });

    /// <summary>A server that lists well, and watches as it is told.</summary>
    private static FaultProxy Watched(Func<HttpContext, Task> watch) => FaultProxy.Start(null, async context =>
    {
        if (context.Request.Query.ContainsKey("watch"))
        {
            await watch(context);
        }
        else
        {
            await context.Response.WriteAsync($$"""{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[{{Map}}]}""");
        }

        return true;
    });
}
