using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Lab;
using Lab.ApiServers;
using LocalCluster.Api;
using Xunit.Sdk;

namespace LocalCluster.Tests.Contract;

/// <summary>What a server answered.</summary>
internal sealed record Answer(int Code, JsonNode Body)
{
    public string Reason => (string?)Body["reason"] ?? "";

    public string Message => (string?)Body["message"] ?? "";

    public string Version => (string?)Body["metadata"]!["resourceVersion"] ?? "";

    public string Name => (string?)Body["metadata"]!["name"] ?? "";

    /// <summary>Field and reason of each wrong field.</summary>
    public IEnumerable<string> Causes => (Body["details"]?["causes"] as JsonArray ?? []).Select(one => $"{one!["field"]} {one["reason"]}").Order(StringComparer.Ordinal);

    /// <summary>The answer, when it is of this kind.</summary>
    public Answer Is(int code, string reason = "") => Code == code && (reason.Length == 0 || Reason == reason)
        ? this
        : throw new XunitException($"expected {code} {reason}, was {Code} {Body.ToJsonString()}");

    public Answer Ok => Code is >= 200 and < 300 ? this : throw new XunitException($"{Code} {Body.ToJsonString()}");
}

/// <summary>A server that the contract holds for: ours, and the real ones, all without controllers.</summary>
internal sealed class ContractServer
{
    public const string Local = "local";
    public const string Kube120 = nameof(ApiServerKind.Kube120);
    public const string Extensions136 = nameof(ApiServerKind.Extensions136);

    private static readonly Lazy<Task<ContractServer>> OnlyLocal = new(StartLocalAsync);
    private int _namespaces;

    private ContractServer(string name, HttpClient http, string kubeconfig) => (Name, Http, Kubeconfig) = (name, http, kubeconfig);

    public static TheoryData<string> All => [Local, .. ApiServerAssets.Kinds.Select(kind => kind.ToString())];

    public string Name { get; }

    public HttpClient Http { get; }

    public string Kubeconfig { get; }

    public static async Task<ContractServer> GetAsync(string name)
    {
        if (name == Local)
        {
            return await OnlyLocal.Value;
        }

        var server = await ApiServerFixture.GetAsync(Enum.Parse<ApiServerKind>(name));
        return new ContractServer(name, server.Http, server.Kubeconfig());
    }

    /// <summary>A namespace of a test's own.</summary>
    public async Task<string> NamespaceAsync()
    {
        var name = $"contract-{Guid.NewGuid():N}"[..20] + Interlocked.Increment(ref _namespaces);
        await CreateAsync("/api/v1/namespaces", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } });
        return name;
    }

    public async Task<Answer> CreateAsync(string path, JsonNode body) => (await SendAsync(HttpMethod.Post, path, body)).Is(201);

    public Task<Answer> GetAsync(string path, string? accept = null) => SendAsync(HttpMethod.Get, path, accept: accept);

    public Task<Answer> PutAsync(string path, JsonNode body) => SendAsync(HttpMethod.Put, path, body);

    public Task<Answer> PatchAsync(string path, string type, string body) =>
        SendAsync(HttpMethod.Patch, path, JsonNode.Parse(body), type == "apply" ? "application/apply-patch+yaml" : $"application/{type}-patch+json");

    public Task<Answer> DeleteAsync(string path, string? options = null) => SendAsync(HttpMethod.Delete, path, options is null ? null : JsonNode.Parse(options));

    public async Task<Answer> SendAsync(HttpMethod method, string path, JsonNode? body = null, string type = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ToJsonString()));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        using var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return new Answer((int)answer.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text)! : new JsonObject { ["message"] = text });
    }

    private static async Task<ContractServer> StartLocalAsync()
    {
        var scratch = new Scratch();
        var server = await ApiServer.StartAsync(new ApiServerOptions(scratch.Folder) { History = 500 }, CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            server.DisposeAsync().AsTask().GetAwaiter().GetResult();
            scratch.Dispose();
        };
        var token = File.ReadLines(server.Kubeconfig).Single(line => line.Trim().StartsWith("token:")).Split(':')[1].Trim();
        var http = new HttpClient(Certificates.TrustOnly(server.CaFile)) { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new ContractServer(Local, http, server.Kubeconfig);
    }
}
