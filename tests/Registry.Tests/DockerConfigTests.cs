using System.Text;
using Lab;

namespace Registry.Tests;

public sealed class DockerConfigTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("quay.io", "quay.io/a/b", true)]
    [InlineData("https://quay.io", "quay.io/a/b", true)]
    [InlineData("https://quay.io/v2/", "quay.io/a/b", true)]
    [InlineData("quay.io/a", "quay.io/a/b", true)]
    [InlineData("quay.io/a/b", "quay.io/a/b", true)]
    [InlineData("quay.io/a/bb", "quay.io/a/b", false)]
    [InlineData("quay.io/c", "quay.io/a/b", false)]
    [InlineData("evil-quay.io", "quay.io/a/b", false)]
    [InlineData("quay.io", "quay.io.evil.example/a/b", false)]
    [InlineData("https://index.docker.io/v1/", "fedora", true)]
    [InlineData("docker.io", "fedora", true)]
    [InlineData("localhost:5000", "localhost:5000/a", true)]
    [InlineData("localhost:5001", "localhost:5000/a", false)]
    public void Credentials_are_found_by_host_and_path(string key, string image, bool found) =>
        Assert.Equal(found, Find($$$$"""{"auths":{"{{{{key}}}}":{"auth":"{{{{Auth("me:pa:ss")}}}}"}}}""", image) is { User: "me", Password: "pa:ss" });

    [Fact]
    public void The_longest_path_wins()
    {
        var config = $$$$"""{"auths":{"quay.io":{"auth":"{{{{Auth("host:1")}}}}"},"quay.io/a":{"auth":"{{{{Auth("path:2")}}}}"}}}""";
        Assert.Equal("path", Find(config, "quay.io/a/b")!.User);
        Assert.Equal("host", Find(config, "quay.io/c/b")!.User);
    }

    [Fact]
    public void User_and_password_may_stand_alone_and_an_identity_token_too()
    {
        Assert.Equal("p", Find("""{"auths":{"quay.io":{"username":"u","password":"p"}}}""", "quay.io/a")!.Password);
        Assert.Equal("t", Find($$$$"""{"auths":{"quay.io":{"auth":"{{{{Auth("u:")}}}}","identitytoken":"t"}}}""", "quay.io/a")!.IdentityToken);
        Assert.Null(Find("""{"auths":{"quay.io":{}}}""", "quay.io/a"));
    }

    [Theory]
    [InlineData("""{"credsStore":"desktop","auths":{"quay.io":{}}}""", "credential helper")]
    [InlineData("""{"credHelpers":{"quay.io":"ecr"}}""", "credential helper")]
    [InlineData("""{"auths":{"quay.io":{"auth":"###"}}}""", "base64")]
    [InlineData("""{"auths":{"quay.io":{"auth":"YWJj"}}}""", "user:password")]
    [InlineData("""{"auths":{"quay.io":{"auth":"c2VjcmV0""", "not valid JSON")]
    public void What_cannot_be_used_is_said_without_any_secret(string config, string words)
    {
        var error = Assert.Throws<RegistryException>(() => Find(config, "quay.io/a"));
        Assert.Equal(RegistryFault.Usage, error.Kind);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_helper_for_another_registry_does_not_matter() =>
        Assert.Null(Find("""{"credHelpers":{"other.example":"ecr"}}""", "quay.io/a"));

    [Fact]
    public void The_folder_of_a_mounted_secret_is_taken()
    {
        _scratch.File("secret/.dockerconfigjson", $$$$"""{"auths":{"quay.io":{"auth":"{{{{Auth("me:x")}}}}"}}}""");
        Assert.Equal("me", DockerConfig.Find(_scratch["secret"], ImageReference.Parse("quay.io/a"))!.User);
        Assert.Throws<RegistryException>(() => DockerConfig.Find(_scratch.Folder, ImageReference.Parse("quay.io/a")));
        Assert.Throws<RegistryException>(() => DockerConfig.Find(_scratch["nothing"], ImageReference.Parse("quay.io/a")));
    }

    private Credential? Find(string config, string image) =>
        DockerConfig.Find(_scratch.File("config.json", config), ImageReference.Parse(image));

    private static string Auth(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
