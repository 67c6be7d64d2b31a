using System.Collections.Concurrent;
using Xunit;

namespace Lab.ApiServers;

/// <summary>
/// The API servers of a test assembly: one of each kind, started when the first test asks for it, with the resources of CDI and
/// of volume snapshots, stopped when the test process ends. Tests share it, each in a namespace of its own; a test that restarts a
/// server or fills it starts one for itself (<see cref="StartOwnAsync"/>).
/// </summary>
public static class ApiServerFixture
{
    private static readonly ConcurrentDictionary<ApiServerKind, Lazy<Task<KubeApiServer>>> Servers = new();
    private static readonly ConcurrentDictionary<string, Lazy<Task>> Extras = new();

    static ApiServerFixture() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var server in Servers.Values.Where(server => server.IsValueCreated && server.Value.IsCompletedSuccessfully))
        {
            server.Value.Result.Dispose();
        }
    };

    /// <summary>The kinds that tests run on, for <c>[MemberData]</c>.</summary>
    public static TheoryData<ApiServerKind> Kinds => [.. ApiServerAssets.Kinds];

    /// <summary>The shared server of a kind; the test is skipped where there is none.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="extras">Further folders of schemas that the test needs, such as <c>kubevirt</c>.</param>
    public static async Task<KubeApiServer> GetAsync(ApiServerKind kind, params string[] extras)
    {
        var (assets, schemas) = Needed(kind);
        var server = await Servers.GetOrAdd(kind, _ => new(() => StartWithCrdsAsync(kind, assets, schemas))).Value;
        foreach (var extra in extras)
        {
            await Extras.GetOrAdd($"{kind}/{extra}", _ => new(() => server.InstallCrdsAsync(schemas, extra))).Value;
        }

        return server;
    }

    /// <summary>A server for one test, which disposes of it.</summary>
    public static Task<KubeApiServer> StartOwnAsync(ApiServerKind kind)
    {
        var (assets, schemas) = Needed(kind);
        return StartWithCrdsAsync(kind, assets, schemas);
    }

    private static (string Assets, string Schemas) Needed(ApiServerKind kind)
    {
        var (assets, missing) = ApiServerAssets.Find(kind);
        Skip.If(assets is null, missing);
        var schemas = ApiServerAssets.Schemas;
        Skip.If(schemas is null, "the schemas of CDI are missing: put them into shared/schemas beside the repository, one folder for each project");
        return (assets!, schemas!);
    }

    private static async Task<KubeApiServer> StartWithCrdsAsync(ApiServerKind kind, string assets, string schemas)
    {
        var server = await KubeApiServer.StartAsync(kind, assets);
        try
        {
            await server.InstallCrdsAsync(schemas, "cdi", "snapshot");
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }
}
