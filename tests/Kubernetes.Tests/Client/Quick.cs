using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;

namespace Kubernetes.Tests.Client;

/// <summary>What the tests of faults share: short times, and objects to ask for.</summary>
internal static class Quick
{
    public static ResourceKind<AnyObject> ConfigMaps { get; } = Kinds.Any("", "v1", "configmaps", "ConfigMap", namespaced: true);

    /// <summary>The product's options with the waits of a test.</summary>
    public static ClientOptions Options { get; } = new()
    {
        Retries = 5,
        FirstDelay = TimeSpan.FromMilliseconds(10),
        LongestDelay = TimeSpan.FromSeconds(2),
        RequestTimeout = TimeSpan.FromSeconds(10),
    };

    public static CancellationToken Limit => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    public static AnyObject ConfigMap(string space, string name, string value = "0") => new()
    {
        Metadata = new ObjectMeta { Namespace = space, Name = name },
        Unknown = new() { ["data"] = JsonSerializer.SerializeToElement(new JsonObject { ["value"] = value }) },
    };

    public static string Value(this AnyObject map) => map.Unknown!["data"].GetProperty("value").GetString()!;

    /// <summary>A client of a server that is none.</summary>
    public static KubernetesClient ClientOf(string host, ClientOptions? options = null) =>
        new(new ClusterAccess { Server = new Uri($"http://{host}/"), Origin = "a test" }, options ?? Options);
}
