using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>What the server says of itself: discovery, OpenAPI v3, and the empty OpenAPI v2 of older clients.</summary>
internal static class SelfDescription
{
    private const string Json = "application/json";

    /// <summary>The Kubernetes version whose behaviour this is.</summary>
    private const string Version = "v1.32.0";

    private static readonly ConcurrentDictionary<string, (string, byte[])?> Answers = new(StringComparer.Ordinal);
    private static readonly string[] Stored = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] StatusVerbs = ["get", "patch", "update"];

    /// <summary>An OpenAPI v2 document (gnostic's Document: swagger, info) without a single definition.</summary>
    private static readonly byte[] EmptyOpenApi = [0x0a, 3, .. "2.0"u8, 0x12, 21, 0x0a, 10, .. "Kubernetes"u8, 0x12, 7, .. "v1.32.0"u8];

    /// <summary>
    /// The answer to a GET below <c>/api</c>, <c>/apis</c>, <c>/openapi</c> or <c>/version</c> that names no resource; null where there is nothing.
    /// </summary>
    internal static (string MediaType, byte[] Body)? Answer(string path)
    {
        path = path.TrimEnd('/');
        if (Answers.TryGetValue(path, out var known))
        {
            return known;
        }

        // Only what exists is kept: paths are the callers'. Asked for with "@v1.0", which Go can't read as the type of an answer.
        var made = path == "/openapi/v2"
            ? ("application/com.github.proto-openapi.spec.v2.v1.0+protobuf", EmptyOpenApi)
            : Document(path) is { } document ? ((string, byte[])?)(Json, Encoding.UTF8.GetBytes(document.ToJsonString())) : null;
        if (made is not null)
        {
            Answers[path] = made;
        }

        return made;
    }

    private static JsonObject? Document(string path) => path.Split('/') switch
    {
        ["", "version"] => new() { ["major"] = "1", ["minor"] = "32", ["gitVersion"] = Version, ["platform"] = "linux/amd64" },
        ["", "api"] => new()
        {
            ["kind"] = "APIVersions",
            ["versions"] = new JsonArray("v1"),
            ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = "" }),
        },
        ["", "apis"] => new() { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. Groups().Where(one => one.Group.Length > 0).Select(one => Group(one.Group, one.Version))]) },
        ["", "apis", { Length: > 0 } group] when Groups().FirstOrDefault(one => one.Group == group) is { Version: { } version } => Group(group, version, top: true),
        ["", "api", var version] when Has("", version) => Resources("", version),
        ["", "apis", var group, var version] when group.Length > 0 && Has(group, version) => Resources(group, version),
        ["", "openapi", "v3"] => Index(),
        ["", "openapi", "v3", "api", var version] when Has("", version) => OpenApi.Document("", version, Version),
        ["", "openapi", "v3", "apis", var group, var version] when group.Length > 0 && Has(group, version) => OpenApi.Document(group, version, Version),
        _ => null,
    };

    private static IEnumerable<(string Group, string Version)> Groups() => ApiResources.All.Select(one => (one.Group, one.Version)).Distinct();

    private static bool Has(string group, string version) => Groups().Contains((group, version));

    private static JsonObject Group(string group, string version, bool top = false)
    {
        var answer = top ? new JsonObject { ["kind"] = "APIGroup", ["apiVersion"] = "v1" } : [];
        answer["name"] = group;
        answer["versions"] = new JsonArray(One());
        answer["preferredVersion"] = One();
        return answer;

        JsonObject One() => new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };
    }

    private static JsonObject Resources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var one in ApiResources.All.Where(one => one.Group == group && one.Version == version && one.Subresource is null))
        {
            var entry = Resource(one, one.Plural, one.Stored ? Stored : ["create"]);
            entry["singularName"] = one.Kind.ToLowerInvariant();
            Names(entry, "shortNames", one.ShortNames);
            Names(entry, "categories", one.Categories);
            resources.Add(entry);
            if (one.HasStatus)
            {
                resources.Add(Resource(one, $"{one.Plural}/status", StatusVerbs));
            }

            switch (one.QualifiedName)
            {
                case "pods":
                    resources.Add(Resource(one, "pods/log", ["get"]));
                    break;
                case "namespaces":
                    resources.Add(Resource(one, "namespaces/finalize", ["update"]));
                    break;
            }
        }

        foreach (var one in ApiResources.All.Where(one => one.Subresource is not null && ApiResources.Find(group, version, one.Subresource.Split('/')[0]) is not null))
        {
            var entry = Resource(one, one.Subresource!, ["create"]);
            entry["group"] = one.Group;
            entry["version"] = one.Version;
            resources.Add(entry);
        }

        return new JsonObject { ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}", ["resources"] = resources };
    }

    private static JsonNode Resource(ApiResource resource, string name, IEnumerable<string> verbs)
    {
        JsonNode entry = new JsonObject { ["name"] = name, ["singularName"] = "", ["namespaced"] = resource.Namespaced, ["kind"] = resource.Kind };
        Names(entry, "verbs", verbs);
        return entry;
    }

    private static void Names(JsonNode entry, string key, IEnumerable<string> names)
    {
        var list = new JsonArray([.. names.Select(one => (JsonNode)one)]);
        if (list.Count > 0)
        {
            entry[key] = list;
        }
    }

    private static JsonObject Index()
    {
        var paths = new JsonObject();
        foreach (var (group, version) in Groups())
        {
            var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
            // kubectl keeps a document under this address for ever: a changed one has another.
            var hash = Convert.ToHexString(SHA256.HashData(Answer($"/openapi/v3/{path}")!.Value.Body));
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}?hash={hash}" };
        }

        return new JsonObject { ["paths"] = paths };
    }
}
