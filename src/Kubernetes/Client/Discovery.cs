using System.Text.Json;
using System.Text.Json.Serialization;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>
/// What a cluster serves (Kubernetes API concepts, "API discovery"). Newer servers (1.27) tell everything in one answer; older ones tell the
/// groups, and the kinds of a version in an answer each. What is there is remembered, and asked for by one at a time; what is missing is not: it may
/// be installed in the next moment.
/// </summary>
internal sealed class Discovery(Func<string, string, CancellationToken, Task<DiscoveryAnswer?>> get) : IDisposable
{
    private const string Plain = "application/json";
    private const string Aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

    private readonly SemaphoreSlim _one = new(1);
    private readonly Dictionary<string, HashSet<string>> _resources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _versions = new(StringComparer.Ordinal);

    /// <summary>The versions of a group, the preferred one first; none where the cluster has no such group. The core group, "", has v1 everywhere.</summary>
    internal async Task<IReadOnlyList<string>> VersionsAsync(string group, CancellationToken cancellation)
    {
        if (group.Length == 0)
        {
            return ["v1"];
        }

        await _one.WaitAsync(cancellation);
        try
        {
            if (!_versions.ContainsKey(group))
            {
                Learn(await get("apis", $"{Aggregated},{Plain}", cancellation));
            }

            return _versions.GetValueOrDefault(group) ?? [];
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Whether the cluster serves a kind.</summary>
    internal async Task<bool> ServesAsync(string group, string version, string plural, CancellationToken cancellation)
    {
        var key = $"{group}/{version}";
        await _one.WaitAsync(cancellation);
        try
        {
            if (_resources.GetValueOrDefault(key)?.Contains(plural) == true)
            {
                return true;
            }

            var answer = await get(group.Length == 0 ? $"api/{version}" : $"apis/{key}", Plain, cancellation);
            if (answer is null)
            {
                return false;
            }

            _resources[key] = [.. answer.Resources.Select(resource => resource.Name ?? "")];
            return _resources[key].Contains(plural);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private void Learn(DiscoveryAnswer? answer)
    {
        foreach (var plain in answer?.Groups ?? [])
        {
            _versions[plain.Name ?? ""] = [.. plain.Versions.Select(one => one.Version ?? "")];
        }

        foreach (var item in answer?.Items ?? [])
        {
            _versions[item.Metadata.Name ?? ""] = [.. item.Versions.Select(one => one.Version ?? "")];
            foreach (var one in item.Versions)
            {
                _resources[$"{item.Metadata.Name}/{one.Version}"] = [.. one.Resources.Select(resource => resource.Resource ?? "")];
            }
        }
    }
}

/// <summary>An answer of the discovery: a list of groups, of kinds, or of both.</summary>
internal sealed class DiscoveryAnswer
{
    /// <summary>Groups (APIGroupList).</summary>
    public List<DiscoveredGroup> Groups { get; set; } = [];

    /// <summary>Kinds (APIResourceList).</summary>
    public List<DiscoveredResource> Resources { get; set; } = [];

    /// <summary>Groups with all their kinds (APIGroupDiscoveryList).</summary>
    public List<DiscoveredGroup> Items { get; set; } = [];
}

/// <summary>A group.</summary>
internal sealed class DiscoveredGroup
{
    /// <summary>Its name, in the plain form.</summary>
    public string? Name { get; set; }

    /// <summary>Its name, in the other form.</summary>
    public ObjectMeta Metadata { get; set; } = new();

    /// <summary>Its versions.</summary>
    public List<DiscoveredVersion> Versions { get; set; } = [];
}

/// <summary>A version of a group.</summary>
internal sealed class DiscoveredVersion
{
    /// <summary>Its name: <c>v1beta1</c>.</summary>
    public string? Version { get; set; }

    /// <summary>Its kinds, in the aggregated form.</summary>
    public List<DiscoveredResource> Resources { get; set; } = [];
}

/// <summary>A kind.</summary>
internal sealed class DiscoveredResource
{
    /// <summary>Its plural, in the plain form.</summary>
    public string? Name { get; set; }

    /// <summary>Its plural, in the aggregated form.</summary>
    public string? Resource { get; set; }
}

/// <summary>How the discovery is read.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DiscoveryAnswer))]
internal sealed partial class DiscoveryJson : JsonSerializerContext;
