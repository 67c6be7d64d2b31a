using System.Text;
using System.Text.Json.Nodes;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>A change of an object without sending it whole.</summary>
public sealed class Patch
{
    private Patch(string mediaType, byte[] body, string? query = null)
    {
        MediaType = mediaType;
        Body = body;
        Query = query;
    }

    /// <summary>How the server is to read it.</summary>
    internal string MediaType { get; }

    /// <summary>The bytes that are sent.</summary>
    internal byte[] Body { get; }

    /// <summary>Parameters of the request.</summary>
    internal string? Query { get; }

    /// <summary>
    /// A merge patch (RFC 7386): objects are merged, null takes a field away, everything else replaces. With
    /// <c>metadata.resourceVersion</c> in it the server refuses it (409) when the object has changed.
    /// </summary>
    public static Patch Merge(JsonObject change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return new Patch("application/merge-patch+json", Encoding.UTF8.GetBytes(change.ToJsonString()));
    }

    /// <summary>A JSON patch (RFC 6902): operations in order, all or none. A <c>test</c> that fails is refused (422).</summary>
    public static Patch Json(JsonArray operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        return new Patch("application/json-patch+json", Encoding.UTF8.GetBytes(operations.ToJsonString()));
    }

    /// <summary>
    /// Server-side apply: the object is made or changed so that it has these fields, which belong to the manager from then on
    /// (Kubernetes docs, "Server-Side Apply").
    /// </summary>
    /// <param name="kind">The kind.</param>
    /// <param name="fields">The fields that the manager wants, with apiVersion, kind and name.</param>
    /// <param name="fieldManager">Who manages them.</param>
    /// <param name="force">Takes fields over that others manage; else those are a conflict (409).</param>
    public static Patch Apply<T>(ResourceKind<T> kind, JsonObject fields, string fieldManager, bool force = false)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(fields);
        fields["apiVersion"] = kind.ApiVersion;
        fields["kind"] = kind.Kind;
        return new Patch(
            "application/apply-patch+yaml",
            Encoding.UTF8.GetBytes(fields.ToJsonString()),
            $"fieldManager={Uri.EscapeDataString(fieldManager)}&force={(force ? "true" : "false")}");
    }
}
