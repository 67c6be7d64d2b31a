using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Registry.Tests;

/// <summary>Registries that want credentials for others, or answer so that a client never ends.</summary>
public class HostileRegistryTests
{
    private const string Upload = "/v2/lab/image/blobs/uploads/1";

    [Theory]
    [InlineData("GET")]
    [InlineData("PATCH")]
    public async Task A_challenge_of_a_foreign_storage_server_gets_no_credentials(string method)
    {
        using var scratch = new Scratch();
        FaultProxy? storage = null;
        storage = FaultProxy.Start(null, context =>
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{storage!.Host}/token\",service=\"lab\"";
            return Task.FromResult(true);
        });
        using var storageServer = storage;
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
                context.Response.StatusCode = context.Request.Method == "POST" ? 202 : 307;
                context.Response.Headers.Location = $"http://{storage.Host}/elsewhere";
            }

            return Task.FromResult(true);
        });
        using var client = await Registries.ConnectAsync(
            proxy.Host, Registries.Options with { DockerConfig = Registries.Config(scratch, proxy.Host, "lab", "secret") });
        var error = await Registries.FailsAsync(async () =>
        {
            if (method == "GET")
            {
                await Registries.ReadAllAsync(client, Digest.Of([1]), 1);
            }
            else
            {
                var upload = await client.StartUploadAsync(CancellationToken.None);
                await upload.SendAsync(new byte[10], CancellationToken.None);
            }
        });
        Assert.Equal(RegistryFault.Denied, error.Kind);
        Assert.Contains(storage.Requests, request => request.Method == method);
        Assert.All(storage.Requests, request => Assert.Equal((null, "/elsewhere"), (request.Authorization, request.Path)));
    }

    [Fact]
    public async Task An_upload_that_never_advances_ends_as_Transient()
    {
        using var proxy = Uploads(context =>
        {
            context.Response.StatusCode = context.Request.Method == "PATCH" ? 202 : 204;
            context.Response.Headers.Range = "0-0";
        });
        using var client = await Registries.ConnectAsync(proxy.Host, Registries.Options with { Retries = 3 });
        var upload = await client.StartUploadAsync(CancellationToken.None);
        var error = await Registries.FailsAsync(() => upload.SendAsync(new byte[1000], CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(RegistryFault.Transient, error.Kind);
        Assert.Equal(4, proxy.Requests.Count(request => request.Method == "PATCH"));
    }

    [Fact]
    public async Task A_blob_of_one_byte_is_acknowledged_as_0_0()
    {
        using var registry = DockerRegistry.Start();
        using var client = await Registries.ConnectAsync(registry.Host);
        await Registries.PushBlobAsync(client, [7]).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(1, await client.FindBlobAsync(Digest.Of([7]), CancellationToken.None));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(int.MaxValue)]
    public async Task A_small_blob_whose_upload_is_lost_is_sent_anew_and_in_the_end_Transient(int losses)
    {
        using var registry = DockerRegistry.Start();
        using var proxy = FaultProxy.Start(registry.Host, context =>
        {
            context.Response.StatusCode = 404;
            return Task.FromResult(context.Request.Method == "PATCH" && losses-- > 0);
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        if (losses == 2)
        {
            await client.PutBlobAsync(new byte[10], CancellationToken.None);
            Assert.Equal(new byte[10], await client.GetBlobAsync(Digest.Of(new byte[10]), CancellationToken.None));
        }
        else
        {
            Assert.Equal(RegistryFault.Transient, (await Registries.FailsAsync(() => client.PutBlobAsync(new byte[10], CancellationToken.None))).Kind);
            Assert.Equal(3, proxy.Requests.Count(request => request.Method == "DELETE"));
        }

        Assert.Empty(Directory.GetFiles(registry.Storage, "startedat", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_digest_that_is_refused_after_a_repeated_chunk_begins_anew(bool repeated)
    {
        var broken = !repeated;
        using var proxy = Uploads(context =>
        {
            context.Response.StatusCode = context.Request.Method switch { "PUT" => 400, "PATCH" => broken ? 202 : 503, _ => 204 };
            broken |= context.Request.Method == "PATCH";
            context.Response.Headers.Range = context.Request.Method == "PATCH" ? "0-999" : "0-0";
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        var upload = await client.StartUploadAsync(CancellationToken.None);
        await upload.SendAsync(new byte[1000], CancellationToken.None);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => upload.CommitAsync(Digest.Of(new byte[1000]), CancellationToken.None));
        Assert.True(repeated ? error is UploadLostException : error is RegistryException { Kind: RegistryFault.Integrity }, error.ToString());
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_is_looked_up_before_it_is_repeated()
    {
        using var proxy = Uploads(context => context.Response.StatusCode = context.Request.Method switch { "PUT" => 504, "HEAD" => 200, _ => 202 });
        using var client = await Registries.ConnectAsync(proxy.Host);
        await Registries.PushBlobAsync(client, new byte[1000]);
        Assert.Equal(["PUT", "HEAD"], proxy.Requests.Select(request => request.Method).SkipWhile(method => method != "PUT"));
    }

    [Fact]
    public async Task A_registry_has_longer_for_the_commit_of_a_larger_blob()
    {
        // 1 s of patience, and 32 MiB that are worth 2 s more.
        using var proxy = Uploads(async context =>
        {
            if (context.Request.Method == "PUT")
            {
                await Task.Delay(TimeSpan.FromSeconds(1.8), context.RequestAborted);
            }

            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Response.StatusCode = context.Request.Method switch { "PUT" => 201, "HEAD" => 404, _ => 202 };
        });
        using var client = await Registries.ConnectAsync(
            proxy.Host, Registries.Options with { ChunkSize = 8 << 20, Patience = TimeSpan.FromSeconds(1), Retries = 1 });
        await Registries.PushBlobAsync(client, new byte[32 << 20]);
        Assert.Single(proxy.Requests, request => request.Method == "PUT");
    }

    [Theory]
    [InlineData(16777216, true)]
    [InlineData(16777217, false)]
    [InlineData(9999999999, false)]
    public async Task A_registry_cannot_have_chunks_that_do_not_fit_into_memory(long least, bool good)
    {
        using var proxy = Uploads(context =>
        {
            context.Response.StatusCode = 202;
            context.Response.Headers["OCI-Chunk-Min-Length"] = least.ToString();
        });
        using var client = await Registries.ConnectAsync(proxy.Host);
        if (good)
        {
            Assert.Equal(least, (await client.StartUploadAsync(CancellationToken.None)).ChunkSize);
        }
        else
        {
            Assert.Equal(RegistryFault.Protocol, (await Registries.FailsAsync(() => client.StartUploadAsync(CancellationToken.None))).Kind);
        }
    }

    [Fact]
    public async Task Insecure_never_falls_back_to_plain_HTTP_because_of_silence()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var first = new ConcurrentQueue<int>();
        var clients = new ConcurrentQueue<TcpClient>();
        _ = Task.Run(async () =>
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                clients.Enqueue(client);
                var buffer = new byte[1];
                _ = Task.Run(async () => first.Enqueue(await client.GetStream().ReadAsync(buffer) > 0 ? buffer[0] : -1));
            }
        });
        var error = await Registries.FailsAsync(() => Registries.ConnectAsync(
            listener.LocalEndpoint.ToString()!, Registries.Options with { Patience = TimeSpan.FromMilliseconds(500), Retries = 2 }));
        Assert.True(error.Kind == RegistryFault.Unreachable, error.ToString());
        Assert.NotEmpty(clients);

        // A TLS record of a handshake (RFC 8446, section 5.1), and nothing else.
        Assert.NotEmpty(first);
        Assert.All(first, one => Assert.Equal(22, one));
    }

    [Fact]
    public async Task A_token_server_that_falls_silent_in_its_answer_is_Transient()
    {
        FaultProxy? proxy = null;
        proxy = FaultProxy.Start(null, async context =>
        {
            if (context.Request.Path == "/token")
            {
                await context.Response.Body.WriteAsync("{\"token\":"u8.ToArray());
                await context.Response.Body.FlushAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return true;
            }

            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{proxy!.Host}/token\"";
            return true;
        });
        using (proxy)
        {
            var error = await Registries.FailsAsync(() => Registries.ConnectAsync(
                proxy.Host, Registries.Options with { Patience = TimeSpan.FromMilliseconds(300), Retries = 1 }).WaitAsync(TimeSpan.FromSeconds(20)));
            Assert.Equal(RegistryFault.Transient, error.Kind);
        }
    }

    private static FaultProxy Uploads(Action<HttpContext> answer) => Uploads(context =>
    {
        answer(context);
        return Task.CompletedTask;
    });

    /// <summary>A registry that begins every upload; the rest is the test's.</summary>
    private static FaultProxy Uploads(Func<HttpContext, Task> answer) => FaultProxy.Start(null, async context =>
    {
        context.Response.StatusCode = 200;
        if (context.Request.Path != "/v2/")
        {
            await answer(context);
        }

        if (context.Request.Method == "POST")
        {
            context.Response.StatusCode = 202;
            context.Response.Headers.Location = Upload;
        }

        return true;
    });
}
