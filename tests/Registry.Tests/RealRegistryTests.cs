using System.Text;
using Lab;

namespace Registry.Tests;

/// <summary>Against docker-registry as it is packaged.</summary>
public class RealRegistryTests
{
    [Fact]
    public async Task Blobs_and_manifests_are_pushed_found_and_read_back()
    {
        using var registry = DockerRegistry.Start();
        using var client = await Registries.ConnectAsync(registry.Host);
        var bytes = Registries.Random(3_500_000);
        Assert.Null(await client.FindBlobAsync(Digest.Of(bytes), CancellationToken.None));
        var digest = await Registries.PushBlobAsync(client, bytes);
        await client.CheckBlobAsync(digest, bytes.Length, CancellationToken.None);
        Assert.Equal(bytes, await Registries.ReadAllAsync(client, digest, bytes.Length));

        var config = "{}"u8.ToArray();
        await client.PutBlobAsync(config, CancellationToken.None);
        await client.PutBlobAsync(config, CancellationToken.None);
        Assert.Equal(config, await client.GetBlobAsync(Digest.Of(config), CancellationToken.None));

        var manifest = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.Manifest}}","config":{"mediaType":"{{MediaTypes.Config}}","digest":"{{Digest.Of(config)}}","size":2},"layers":[{"mediaType":"{{MediaTypes.Layer}}","digest":"{{digest}}","size":{{bytes.Length}}}]}""");
        Assert.Null(await client.FindManifestAsync("1", CancellationToken.None));
        var pushed = await client.PutManifestAsync("1", MediaTypes.Manifest, manifest, CancellationToken.None);
        Assert.Equal(manifest, (await client.GetManifestAsync("1", CancellationToken.None)).Bytes);
        Assert.Equal(manifest, (await client.GetManifestAsync(pushed.ToString(), CancellationToken.None)).Bytes);
        Assert.Contains(pushed.ToString(), Tool.Run("skopeo", "inspect", "--tls-verify=false", $"docker://{registry.Host}/lab/image:1").Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_is_not_there_is_NotFound()
    {
        using var registry = DockerRegistry.Start();
        using var client = await Registries.ConnectAsync(registry.Host);
        Assert.Equal(RegistryFault.NotFound, (await Registries.FailsAsync(() => client.GetManifestAsync("none", CancellationToken.None))).Kind);
    }

    [Fact]
    public async Task An_upload_that_is_given_up_leaves_no_session()
    {
        using var registry = DockerRegistry.Start();
        using var client = await Registries.ConnectAsync(registry.Host);
        var upload = await client.StartUploadAsync(CancellationToken.None);
        await upload.SendAsync(Registries.Random(100_000), CancellationToken.None);
        Assert.NotEmpty(Directory.GetFiles(registry.Storage, "startedat", SearchOption.AllDirectories));
        await upload.AbortAsync(CancellationToken.None);
        Assert.Empty(Directory.GetFiles(registry.Storage, "startedat", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_blob_that_is_not_what_its_digest_says_is_refused_by_the_registry()
    {
        using var registry = DockerRegistry.Start();
        using var client = await Registries.ConnectAsync(registry.Host);
        var upload = await client.StartUploadAsync(CancellationToken.None);
        await upload.SendAsync(Registries.Random(1000), CancellationToken.None);
        Assert.Equal(
            RegistryFault.Integrity,
            (await Registries.FailsAsync(() => upload.CommitAsync(Digest.Of([1, 2, 3]), CancellationToken.None))).Kind);
    }

    [Fact]
    public async Task Basic_authentication_lets_the_right_user_in_and_nobody_else()
    {
        using var scratch = new Scratch();
        using var registry = DockerRegistry.Start(("lab", "right"));
        using (var client = await Registries.ConnectAsync(
            registry.Host, Registries.Options with { DockerConfig = Registries.Config(scratch, registry.Host, "lab", "right") }))
        {
            await Registries.PushBlobAsync(client, Registries.Random(10));
        }

        var wrong = Registries.Options with { DockerConfig = Registries.Config(scratch, registry.Host, "lab", "wrong") };
        var error = await Registries.FailsAsync(() => Registries.ConnectAsync(registry.Host, wrong));
        Assert.Equal(RegistryFault.Denied, error.Kind);
        Assert.Contains("\"lab\"", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", error.Message, StringComparison.Ordinal);
        Assert.Equal(RegistryFault.Denied, (await Registries.FailsAsync(() => Registries.ConnectAsync(registry.Host))).Kind);
    }

    [Fact]
    public async Task Https_is_trusted_by_the_given_authority_alone()
    {
        using var registry = DockerRegistry.Start(tls: true);
        using var other = DockerRegistry.Start(tls: true);
        var strict = Registries.Options with { Insecure = false };
        using (var client = await Registries.ConnectAsync(registry.Host, strict with { CaFile = registry.CaFile }))
        {
            await Registries.PushBlobAsync(client, Registries.Random(10));
        }

        // A mounted ConfigMap: several authorities, and what is none.
        using var folder = new Scratch();
        folder.File("README", "not a certificate");
        File.Copy(other.CaFile!, folder["a.pem"]);
        File.Copy(registry.CaFile!, folder["b.crt"]);
        using (var client = await Registries.ConnectAsync(registry.Host, strict with { CaFile = folder.Folder }))
        {
            await Registries.PushBlobAsync(client, Registries.Random(10));
        }

        File.Delete(folder["b.crt"]);
        foreach (var options in (RegistryOptions[])[strict, strict with { CaFile = other.CaFile }, strict with { CaFile = folder.Folder }])
        {
            var error = await Registries.FailsAsync(() => Registries.ConnectAsync(registry.Host, options));
            Assert.Equal(RegistryFault.Unreachable, error.Kind);
            Assert.Contains("ca-file", error.Message, StringComparison.Ordinal);
        }

        using var insecure = await Registries.ConnectAsync(registry.Host);
        await Registries.PushBlobAsync(insecure, Registries.Random(20));
    }

    [Fact]
    public async Task Plain_http_is_not_spoken_unless_allowed()
    {
        using var registry = DockerRegistry.Start();
        var error = await Registries.FailsAsync(() => Registries.ConnectAsync(registry.Host, Registries.Options with { Insecure = false, Retries = 1 }));
        Assert.Equal(RegistryFault.Unreachable, error.Kind);
    }

    [Fact]
    public async Task A_ca_file_that_is_none_is_said()
    {
        using var scratch = new Scratch();
        var options = Registries.Options with { Insecure = false, CaFile = scratch.File("ca.pem", "nothing") };
        Assert.Equal(RegistryFault.Usage, (await Registries.FailsAsync(() => Registries.ConnectAsync("localhost:1", options))).Kind);
        Directory.CreateDirectory(scratch["empty"]);
        foreach (var none in (string[])["none", "empty"])
        {
            var error = await Registries.FailsAsync(() => Registries.ConnectAsync("localhost:1", options with { CaFile = scratch[none] }));
            Assert.Equal((RegistryFault.Usage, scratch[none]), (error.Kind, error.Subject));
        }
    }

    [Fact]
    public async Task Nobody_at_the_address_is_Unreachable()
    {
        var error = await Registries.FailsAsync(() => Registries.ConnectAsync("127.0.0.1:1", Registries.Options with { Retries = 2 }));
        Assert.Equal((RegistryFault.Unreachable, "127.0.0.1:1"), (error.Kind, error.Subject));
    }
}
