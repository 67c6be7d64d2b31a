namespace Registry.Tests;

public class ImageReferenceTests
{
    private const string Sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("fedora", "docker.io", "library/fedora", "latest", false)]
    [InlineData("me/fedora:42", "docker.io", "me/fedora", "42", false)]
    [InlineData("docker.io/fedora", "docker.io", "library/fedora", "latest", false)]
    [InlineData("index.docker.io/me/x", "docker.io", "me/x", "latest", false)]
    [InlineData("quay.io/containerdisks/fedora:42", "quay.io", "containerdisks/fedora", "42", false)]
    [InlineData("localhost/a", "localhost", "a", "latest", false)]
    [InlineData("localhost:5000/a/b-c__d.e:T_1.x-y", "localhost:5000", "a/b-c__d.e", "T_1.x-y", false)]
    [InlineData("127.0.0.1:5000/a@" + Sha, "127.0.0.1:5000", "a", null, true)]
    [InlineData("[::1]:5000/a:1@" + Sha, "[::1]:5000", "a", "1", true)]
    public void A_reference_is_read_as_docker_and_podman_read_it(string text, string host, string repository, string? tag, bool digest)
    {
        var image = ImageReference.Parse(text);
        Assert.Equal((host, repository, tag, digest), (image.Host, image.Repository, image.Tag, image.Digest is not null));
        Assert.Equal(digest ? Sha : tag, image.Pointer);
        Assert.Equal(image, ImageReference.Parse(image.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("https://quay.io/a")]
    [InlineData("quay.io/")]
    [InlineData("quay.io/A/b")]
    [InlineData("quay.io/a//b")]
    [InlineData("quay.io/../b")]
    [InlineData("quay.io/a:")]
    [InlineData("quay.io/a:-x")]
    [InlineData("quay.io/a b")]
    [InlineData("quay.io/a?x=1")]
    [InlineData("quay.io/a\n")]
    [InlineData("quay.io/a@sha256:12")]
    [InlineData("quay.io/a@sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("user@quay.io/a")]
    [InlineData("quay..io/a")]
    [InlineData("quay.io:port/a")]
    public void What_is_no_reference_is_refused(string text) =>
        Assert.Equal(RegistryFault.Usage, Assert.Throws<RegistryException>(() => ImageReference.Parse(text)).Kind);

    [Fact]
    public void Names_longer_than_any_registry_takes_are_refused() =>
        Assert.Throws<RegistryException>(() => ImageReference.Parse("quay.io/" + new string('a', 300)));
}
