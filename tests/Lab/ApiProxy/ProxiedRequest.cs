using System.Text.Json.Nodes;

namespace Lab.ApiProxy;

/// <summary>One request that came to the proxy, with what became of it.</summary>
public sealed class ProxiedRequest
{
    /// <summary>From 1, in the order of arrival.</summary>
    public required int Number { get; init; }

    /// <summary>The HTTP method.</summary>
    public required string Method { get; init; }

    /// <summary>Without the query.</summary>
    public required string Path { get; init; }

    /// <summary>With its question mark; empty for none.</summary>
    public required string Query { get; init; }

    /// <summary>The user of its bearer token, as the server knows it; empty for one that is not the lab's.</summary>
    public required string User { get; init; }

    /// <summary>The HTTP version in which the client spoke: <c>HTTP/2</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary>The connection it came on.</summary>
    public required string Connection { get; init; }

    /// <summary>What the client sent.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>When all of it had arrived.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When its answer was sent, or when it was cut; null while it goes on.</summary>
    public DateTimeOffset? Ended { get; internal set; }

    /// <summary>The status that the client got; 0 while there is none, and when it never got one.</summary>
    public int Status { get; internal set; }

    /// <summary>What the server answered, whatever the client got of it; null before, and for a watch, which has no end.</summary>
    public ServerAnswer? Answer { get; internal set; }

    /// <summary>Whether it asks for a stream of changes.</summary>
    public bool IsWatch => Method == "GET" && Query.TrimStart('?').Split('&').Any(part => part is "watch" or "watch=true" or "watch=1");

    /// <summary>Whether it can change anything.</summary>
    public bool IsChange => Method is not ("GET" or "HEAD" or "OPTIONS");

    /// <summary>The verb of RBAC: get, list, watch, create, update, patch, delete or deletecollection.</summary>
    public string Verb => Method switch
    {
        "GET" when IsWatch => "watch",
        "GET" => Resource.Name.Length > 0 || Resource.Kind.Length == 0 ? "get" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => Resource.Name.Length > 0 ? "delete" : "deletecollection",
        _ => Method.ToLowerInvariant(),
    };

    /// <summary>
    /// The resource by its path, subresource included (<c>datavolumes/status</c>), its namespace and name; empty where the path
    /// has none (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris).
    /// </summary>
    public (string Kind, string Namespace, string Name) Resource
    {
        get
        {
            var parts = Path.Split('/', StringSplitOptions.RemoveEmptyEntries).AsSpan();
            if (parts.Length < 3 || parts[0] is not ("api" or "apis") || (parts[0] == "apis" && parts.Length < 4))
            {
                return ("", "", "");
            }

            parts = parts[(parts[0] == "api" ? 2 : 3)..];
            var @namespace = "";
            if (parts is ["namespaces", var space, _, ..])
            {
                @namespace = space;
                parts = parts[2..];
            }

            return parts switch
            {
                [var kind] => (kind, @namespace, ""),
                [var kind, var name] => (kind, @namespace, name),
                [var kind, var name, .. var rest] => ($"{kind}/{string.Join('/', rest.ToArray())}", @namespace, name),
                _ => ("", "", ""),
            };
        }
    }

    /// <summary>The body as JSON; null where it is none.</summary>
    public JsonNode? Json => Body.Length == 0 ? null : JsonNode.Parse(Body.Span);

    /// <summary>For an assertion's message: <c>#3 create /apis/... 201</c>.</summary>
    public override string ToString() => $"#{Number} {Verb} {Path}{Query} {(Status == 0 ? "-" : Status)}";
}

/// <summary>What the real server answered.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Body">Its body.</param>
public sealed record ServerAnswer(int Status, ReadOnlyMemory<byte> Body)
{
    /// <summary>The body as JSON.</summary>
    public JsonNode? Json => Body.Length == 0 ? null : JsonNode.Parse(Body.Span);
}
