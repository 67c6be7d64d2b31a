using System.Text;
using Lab;
using Microsoft.AspNetCore.Http;

namespace Registry.Tests;

/// <summary>A real registry behind a token server, as public registries have it.</summary>
public sealed class TokenTests : IDisposable
{
    private readonly DockerRegistry _registry = DockerRegistry.Start();
    private readonly Scratch _scratch = new();
    private readonly List<string> _asked = [];
    private int _uses = int.MaxValue;
    private int _issued;
    private string _valid = "";

    public void Dispose()
    {
        _registry.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_token_is_asked_for_with_the_scope_of_the_work_and_the_users_credentials()
    {
        using var proxy = Start();
        using var client = await Registries.ConnectAsync(proxy.Host, Options(proxy, "right"));
        await Registries.PushBlobAsync(client, Registries.Random(2_000_000));
        Assert.Equal(["?service=lab-service&scope=repository%3Alab%2Fimage%3Apull%2Cpush"], _asked);
    }

    [Fact]
    public async Task Reading_asks_for_no_more_than_reading()
    {
        using var proxy = Start();
        using var client = await Registries.ConnectAsync(proxy.Host, Options(proxy, "right"), RegistryAccess.Pull);
        Assert.EndsWith("%3Apull", Assert.Single(_asked), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_expires_in_the_middle_of_an_upload_is_renewed()
    {
        using var proxy = Start();
        using var client = await Registries.ConnectAsync(proxy.Host, Options(proxy, "right"));
        _uses = 3;
        var bytes = Registries.Random(6_000_000);
        await Registries.PushBlobAsync(client, bytes);
        Assert.Equal(bytes, await Registries.ReadAllAsync(client, Digest.Of(bytes), bytes.Length));
        Assert.True(_issued > 2, $"{_issued} tokens");
    }

    [Fact]
    public async Task Credentials_that_the_token_server_refuses_are_Denied_before_any_work()
    {
        using var proxy = Start();
        var error = await Registries.FailsAsync(() => Registries.ConnectAsync(proxy.Host, Options(proxy, "wrong")));
        Assert.Equal(RegistryFault.Denied, error.Kind);
        Assert.DoesNotContain("wrong", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_is_never_accepted_is_Denied_and_not_asked_for_again_and_again()
    {
        using var proxy = Start();
        _uses = 0;
        Assert.Equal(RegistryFault.Denied, (await Registries.FailsAsync(() => Registries.ConnectAsync(proxy.Host, Options(proxy, "right")))).Kind);
        Assert.InRange(_issued, 1, 2);
    }

    [Theory]
    [InlineData("""{"token":""}""")]
    [InlineData("""{}""")]
    [InlineData("""nonsense""")]
    [InlineData("""{"token":"a\r\nX-Evil: 1"}""")]
    public async Task A_token_server_that_answers_nonsense_is_a_protocol_failure(string answer)
    {
        using var proxy = Start(answer);
        Assert.Equal(RegistryFault.Protocol, (await Registries.FailsAsync(() => Registries.ConnectAsync(proxy.Host, Options(proxy, "right")))).Kind);
    }

    private RegistryOptions Options(FaultProxy proxy, string password) =>
        Registries.Options with { DockerConfig = Registries.Config(_scratch, proxy.Host, "lab", password) };

    private FaultProxy Start(string? answer = null) => FaultProxy.Start(_registry.Host, async context =>
    {
        if (context.Request.Path == "/token")
        {
            var right = "Basic " + Convert.ToBase64String("lab:right"u8);
            if (context.Request.Headers.Authorization.ToString() != right)
            {
                context.Response.StatusCode = 401;
                return true;
            }

            _asked.Add(context.Request.QueryString.Value!);
            _valid = $"token-{++_issued}";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(answer ?? $$"""{"token":"{{_valid}}","expires_in":300}"""));
            return true;
        }

        if (context.Request.Headers.Authorization.ToString() == $"Bearer {_valid}" && _uses > 0)
        {
            if (--_uses == 0)
            {
                // This token is spent: the next request needs another one.
                _valid = "none";
                _uses = _issued == 0 ? 0 : 3;
            }

            context.Request.Headers.Authorization = default;
            return false;
        }

        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{context.Request.Host}/token\",service=\"lab-service\",scope=\"repository:lab/image:pull\"";
        return true;
    });
}
