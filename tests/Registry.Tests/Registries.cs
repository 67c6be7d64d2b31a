using System.Text;
using Lab;

namespace Registry.Tests;

/// <summary>Short ways to a registry for tests.</summary>
internal static class Registries
{
    /// <summary>Fast repetitions, plain HTTP.</summary>
    internal static RegistryOptions Options { get; } = new()
    {
        Insecure = true,
        FirstDelay = TimeSpan.FromMilliseconds(5),
        Patience = TimeSpan.FromSeconds(10),
        ChunkSize = 1 << 20,
    };

    internal static Task<RegistryClient> ConnectAsync(string host, RegistryOptions? options = null, RegistryAccess access = RegistryAccess.Push) =>
        RegistryClient.ConnectAsync(ImageReference.Parse($"{host}/lab/image:1"), access, options ?? Options, CancellationToken.None);

    internal static string Config(Scratch scratch, string host, string user, string password) => scratch.File(
        "config.json", $$$$"""{"auths":{"{{{{host}}}}":{"auth":"{{{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}}}}"}}}""");

    internal static byte[] Random(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new System.Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Sends a blob in the client's chunks.</summary>
    internal static async Task<Digest> PushBlobAsync(RegistryClient client, byte[] bytes)
    {
        var upload = await client.StartUploadAsync(CancellationToken.None);
        for (var at = 0; at < bytes.Length; at += upload.ChunkSize)
        {
            await upload.SendAsync(bytes.AsMemory(at, Math.Min(upload.ChunkSize, bytes.Length - at)), CancellationToken.None);
        }

        await upload.CommitAsync(Digest.Of(bytes), CancellationToken.None);
        return Digest.Of(bytes);
    }

    internal static async Task<byte[]> ReadAllAsync(RegistryClient client, Digest digest, long size)
    {
        await using var stream = client.OpenBlob(digest, size);
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory);
        return memory.ToArray();
    }

    internal static async Task<RegistryException> FailsAsync(Func<Task> action) =>
        await Assert.ThrowsAsync<RegistryException>(action);
}
