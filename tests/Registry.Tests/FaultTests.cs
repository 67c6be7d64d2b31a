using System.Diagnostics;
using System.Text;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Registry.Tests;

/// <summary>A real registry behind something that breaks.</summary>
public class FaultTests
{
    [Theory]
    [InlineData("1300000")]
    [InlineData("2000000")]
    [InlineData("700 1900000")]
    public async Task A_push_whose_connection_is_cut_ends_with_the_right_blob_or_says_that_it_must_begin_anew(string places)
    {
        var cuts = places.Split(' ').Select(long.Parse).ToArray();
        using var registry = DockerRegistry.Start();
        using var proxy = CutProxy.Start(registry.Host, cuts);
        using var client = await Registries.ConnectAsync(proxy.Host);
        var bytes = Registries.Random(5_000_000);
        for (var pass = 0; pass < 4; pass++)
        {
            try
            {
                await Registries.PushBlobAsync(client, bytes);
                break;
            }
            catch (UploadLostException)
            {
                // docker-registry 2.8 forgets an upload whose last chunk it got in part.
            }
        }

        Assert.Equal(cuts.Length, proxy.Made);
        Assert.Equal(bytes, await Registries.ReadAllAsync(client, Digest.Of(bytes), bytes.Length));
    }

    [Fact]
    public async Task A_lost_acknowledgement_makes_docker_registry_forget_the_upload_and_that_is_said()
    {
        // docker-registry 2.8 ties a session to the address in its last answer. It is asked, and no byte is sent twice.
        using var registry = DockerRegistry.Start();
        var lost = 0;
        FaultProxy? proxy = null;
        proxy = FaultProxy.Start(registry.Host, async context =>
        {
            if (context.Request.Method != "PATCH" || ++lost != 2)
            {
                return false;
            }

            using var client = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"http://{registry.Host}{context.Request.Path}{context.Request.QueryString}");
            request.Content = new StreamContent(context.Request.Body);
            request.Headers.Host = proxy!.Host;
            using var answer = await client.SendAsync(request);
            context.Abort();
            return true;
        });
        using (proxy)
        {
            using var client = await Registries.ConnectAsync(proxy.Host);
            var bytes = Registries.Random(3_000_000);
            var upload = await client.StartUploadAsync(CancellationToken.None);
            await upload.SendAsync(bytes.AsMemory(0, 1 << 20), CancellationToken.None);
            await Assert.ThrowsAsync<UploadLostException>(() => upload.SendAsync(bytes.AsMemory(1 << 20, 1 << 20), CancellationToken.None));
            Assert.Equal(2, proxy.Requests.Count(request => request.Method == "PATCH"));
            Assert.Contains(proxy.Requests, request => request.Method == "GET" && request.Path.Contains("/blobs/uploads/", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(0, "0-0", 0)]
    [InlineData(1 << 20, "0-1048575", 1 << 20)]
    [InlineData(1 << 20, "0-1500000", 1_500_001)]
    public async Task A_registry_that_has_a_part_of_a_chunk_gets_the_rest_of_it(int start, string range, int continues)
    {
        // A registry that keeps what it got: answers as the specification says, the bytes are counted here.
        var got = new List<(string Range, int Length)>();
        var broken = false;
        using var proxy = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = 200;
            switch (context.Request.Method)
            {
                case "POST":
                    context.Response.StatusCode = 202;
                    context.Response.Headers.Location = "/v2/lab/image/blobs/uploads/1";
                    break;
                case "PATCH":
                    using (var body = new MemoryStream())
                    {
                        await context.Request.Body.CopyToAsync(body);
                        got.Add((context.Request.Headers.ContentRange.ToString(), (int)body.Length));
                        if (!broken && got.Count == (start == 0 ? 1 : 2))
                        {
                            broken = true;
                            context.Response.StatusCode = 503;
                            return true;
                        }

                        context.Response.StatusCode = 202;
                        context.Response.Headers.Location = "uploads/2?state=a";
                        context.Response.Headers.Range = $"0-{context.Request.Headers.ContentRange.ToString().Split('-')[1]}";
                    }

                    break;
                case "GET" when context.Request.Path.Value!.Contains("uploads", StringComparison.Ordinal):
                    context.Response.StatusCode = 204;
                    context.Response.Headers.Range = range;
                    context.Response.Headers.Location = "/v2/lab/image/blobs/uploads/3";
                    break;
            }

            return true;
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        var upload = await client.StartUploadAsync(CancellationToken.None);
        for (var at = 0; at <= start; at += 1 << 20)
        {
            await upload.SendAsync(Registries.Random(1 << 20), CancellationToken.None);
        }

        var end = start + (1 << 20);
        Assert.Equal(end, upload.Offset);
        if (continues < end)
        {
            Assert.Equal(($"{continues}-{end - 1}", end - continues), got[^1]);
        }
    }

    [Fact]
    public async Task Too_many_requests_waits_as_long_as_the_registry_asks()
    {
        using var registry = DockerRegistry.Start();
        var refused = 0;
        using var proxy = FaultProxy.Start(registry.Host, context =>
        {
            if (context.Request.Method != "HEAD" || refused++ > 0)
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "1";
            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        var clock = Stopwatch.StartNew();
        Assert.Null(await client.FindBlobAsync(Digest.Of([]), CancellationToken.None));
        Assert.True(clock.ElapsedMilliseconds >= 950, $"{clock.Elapsed}");
    }

    [Fact]
    public async Task A_registry_that_wants_an_hour_of_patience_does_not_get_it()
    {
        using var proxy = FaultProxy.Start(null, context =>
        {
            context.Response.StatusCode = context.Request.Path == "/v2/" ? 200 : 429;
            context.Response.Headers.RetryAfter = "3600";
            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(proxy.Host, Registries.Options with { LongestDelay = TimeSpan.FromMilliseconds(20) });
        Assert.Equal(RegistryFault.Transient, (await Registries.FailsAsync(() => client.FindBlobAsync(Digest.Of([]), CancellationToken.None))).Kind);
    }

    [Fact]
    public async Task A_few_server_errors_are_survived_and_endless_ones_are_Transient()
    {
        using var registry = DockerRegistry.Start();
        var errors = 3;
        using var proxy = FaultProxy.Start(registry.Host, context =>
        {
            if (context.Request.Path == "/v2/" || errors-- <= 0)
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        await Registries.PushBlobAsync(client, Registries.Random(3_000_000));

        errors = int.MaxValue;
        var error = await Registries.FailsAsync(() => client.GetManifestAsync("1", CancellationToken.None));
        Assert.Equal(RegistryFault.Transient, error.Kind);
        Assert.Contains("503", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_is_not_what_was_asked_for_is_an_integrity_failure()
    {
        using var proxy = Static("""{"schemaVersion":2}"""u8.ToArray(), MediaTypes.Manifest);
        using var client = await Registries.ConnectAsync(proxy.Host);
        Assert.Equal(
            RegistryFault.Integrity,
            (await Registries.FailsAsync(() => client.GetManifestAsync(Digest.Of([1]).ToString(), CancellationToken.None))).Kind);
        Assert.Equal(
            RegistryFault.Integrity,
            (await Registries.FailsAsync(() => client.PutManifestAsync("1", MediaTypes.Manifest, "{}"u8.ToArray(), CancellationToken.None))).Kind);
    }

    [Fact]
    public async Task A_manifest_without_end_is_not_taken_into_memory()
    {
        using var proxy = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = 200;
            context.Response.ContentType = MediaTypes.Manifest;
            for (var sent = 0; sent < 100 && context.Request.Path != "/v2/"; sent++)
            {
                await context.Response.Body.WriteAsync(new byte[1 << 20]);
            }

            return true;
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        Assert.Equal(RegistryFault.Protocol, (await Registries.FailsAsync(() => client.GetManifestAsync("1", CancellationToken.None))).Kind);
    }

    [Theory]
    [InlineData(1000, 1000)]
    [InlineData(1000, 999)]
    [InlineData(1000, 2000)]
    public async Task A_blob_with_other_bytes_or_another_size_never_reaches_its_end(int claimed, int sent)
    {
        using var proxy = Static(Registries.Random(sent, 5), "application/octet-stream");
        using var client = await Registries.ConnectAsync(proxy.Host);
        var error = await Registries.FailsAsync(() => Registries.ReadAllAsync(client, Digest.Of(Registries.Random(claimed, 6)), claimed));
        Assert.True(error.Kind is RegistryFault.Integrity or RegistryFault.Transient, error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_download_that_breaks_goes_on_at_the_same_byte(bool ranges)
    {
        var bytes = Registries.Random(2_000_000);
        var breaks = 3;
        using var proxy = FaultProxy.Start(null, async context =>
        {
            var from = ranges && context.Request.Headers.Range.ToString() is { Length: > 0 } range
                ? int.Parse(range["bytes=".Length..].TrimEnd('-'))
                : 0;
            context.Response.StatusCode = from > 0 ? 206 : 200;
            if (context.Request.Path == "/v2/")
            {
                return true;
            }

            if (from > 0)
            {
                context.Response.Headers.ContentRange = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
            }

            context.Response.ContentLength = bytes.Length - from;
            if (breaks-- > 0)
            {
                await context.Response.Body.WriteAsync(bytes.AsMemory(from, Math.Min(600_000 + from, bytes.Length) - from));
                await context.Response.Body.FlushAsync();
                context.Abort();
                return true;
            }

            await context.Response.Body.WriteAsync(bytes.AsMemory(from));
            return true;
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        Assert.Equal(bytes, await Registries.ReadAllAsync(client, Digest.Of(bytes), bytes.Length));
        Assert.True(breaks < 0);
    }

    [Fact]
    public async Task Credentials_do_not_follow_a_redirect_to_another_server()
    {
        using var scratch = new Scratch();
        var bytes = Registries.Random(1000);
        using var storage = Static(bytes, "application/octet-stream");
        using var proxy = FaultProxy.Start(null, context =>
        {
            if (context.Request.Headers.Authorization.Count == 0)
            {
                context.Response.StatusCode = 401;
                context.Response.Headers.WWWAuthenticate = "Basic realm=\"lab\"";
            }
            else if (context.Request.Path == "/v2/")
            {
                context.Response.StatusCode = 200;
            }
            else
            {
                context.Response.StatusCode = 307;
                context.Response.Headers.Location = $"http://{storage.Host}/elsewhere";
            }

            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(
            proxy.Host, Registries.Options with { DockerConfig = Registries.Config(scratch, proxy.Host, "lab", "secret") });
        Assert.Equal(bytes, await Registries.ReadAllAsync(client, Digest.Of(bytes), bytes.Length));
        Assert.All(storage.Requests, request => Assert.Null(request.Authorization));
        Assert.NotEmpty(storage.Requests);
        Assert.Contains(proxy.Requests, request => request.Authorization is not null);
    }

    [Fact]
    public async Task Redirects_without_end_are_refused()
    {
        using var proxy = FaultProxy.Start(null, context =>
        {
            context.Response.StatusCode = context.Request.Path == "/v2/" ? 200 : 302;
            context.Response.Headers.Location = "/again";
            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        Assert.Equal(RegistryFault.Protocol, (await Registries.FailsAsync(() => client.GetManifestAsync("1", CancellationToken.None))).Kind);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("http://[")]
    [InlineData("")]
    public async Task An_upload_that_leads_nowhere_is_a_protocol_failure(string location)
    {
        using var proxy = FaultProxy.Start(null, context =>
        {
            context.Response.StatusCode = context.Request.Method == "POST" ? 202 : 200;
            context.Response.Headers.Location = location;
            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        Assert.Equal(RegistryFault.Protocol, (await Registries.FailsAsync(() => client.StartUploadAsync(CancellationToken.None))).Kind);
    }

    [Theory]
    [InlineData("http://lab.example/v2/up?s=1", "https://lab.example:5000/v2/up?s=1")]
    [InlineData("/v2/up", "https://lab.example:5000/v2/up")]
    [InlineData("https://other.example/up", "https://other.example/up")]
    [InlineData("http://other.example/up", null)]
    public void An_upload_never_leaves_https(string location, string? expected)
    {
        using var answer = new HttpResponseMessage();
        answer.Headers.TryAddWithoutValidation("Location", location);
        var server = new Uri("https://lab.example:5000/");
        if (expected is null)
        {
            Assert.Equal(RegistryFault.Protocol, Assert.Throws<RegistryException>(() => BlobUpload.ResolveLocation(answer, server)).Kind);
        }
        else
        {
            Assert.Equal(new Uri(expected), BlobUpload.ResolveLocation(answer, server));
        }
    }

    [Fact]
    public async Task A_registry_that_wants_larger_chunks_gets_them()
    {
        using var registry = DockerRegistry.Start();
        using var proxy = FaultProxy.Start(registry.Host, context =>
        {
            context.Response.Headers["OCI-Chunk-Min-Length"] = (3 << 20).ToString();
            return Task.FromResult(false);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        var upload = await client.StartUploadAsync(CancellationToken.None);
        Assert.Equal(3 << 20, upload.ChunkSize);
        await upload.AbortAsync(CancellationToken.None);
    }

    [Fact]
    public async Task The_registrys_own_words_are_told_on_one_line()
    {
        using var proxy = FaultProxy.Start(null, async context =>
        {
            context.Response.StatusCode = context.Request.Path == "/v2/" ? 200 : 403;
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes("""{"errors":[{"code":"DENIED","message":"quota\nof lab"}]}"""));
            return true;
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        var error = await Registries.FailsAsync(() => client.StartUploadAsync(CancellationToken.None));
        Assert.Equal(RegistryFault.Denied, error.Kind);
        Assert.Contains("DENIED quotaof lab", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers everything with the same bytes.</summary>
    private static FaultProxy Static(byte[] bytes, string type) => FaultProxy.Start(null, async context =>
    {
        context.Response.StatusCode = context.Request.Method == "PUT" ? 201 : 200;
        context.Response.ContentType = type;
        await context.Response.Body.WriteAsync(bytes);
        return true;
    });
}
