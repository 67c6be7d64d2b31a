using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;
using Microsoft.AspNetCore.Http;

namespace LocalCluster.Api;

/// <summary>A request for a resource (Kubernetes API concepts, "Resource URIs").</summary>
/// <param name="Http">The request, and its answer.</param>
/// <param name="Caller">Who asks.</param>
/// <param name="Resource">The kind.</param>
/// <param name="Namespace">The namespace; "" for all, or a kind of the cluster.</param>
/// <param name="Name">The object; null for all.</param>
/// <param name="Subresource">A part of it.</param>
internal sealed record ApiRequest(HttpContext Http, Caller Caller, ApiResource Resource, string Namespace, string? Name, string? Subresource)
{
    private Selector? _selector;

    internal CancellationToken Aborted => Http.RequestAborted;

    internal Selector Selector => _selector ??= new(Resource, Query("labelSelector"), Query("fieldSelector"));

    internal bool IsDryRun => Query("dryRun") switch
    {
        null => false,
        "All" => true,
        var other => throw ApiException.InvalidOptions(
            Verb == "patch" ? "PatchOptions" : Verb == "update" ? "UpdateOptions" : "CreateOptions", "dryRun", $"Unsupported value: \"{Printable(other)}\": supported values: \"All\"", "FieldValueNotSupported"),
    };

    /// <summary>As RBAC names it.</summary>
    internal string Verb => Http.Request.Method switch
    {
        "GET" => Name is not null ? "get" : Flag("watch") ? "watch" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => Name is not null ? "delete" : "deletecollection",
        _ => throw ApiException.NotAllowed(),
    };

    internal Access Access => new(
        Verb, Resource.Group, Subresource is null ? Resource.Plural : $"{Resource.Plural}/{Subresource}",
        Resource is { Group: "", Plural: "namespaces" } && Name is not null ? Name : Namespace, Name ?? Selector.Name ?? "");

    internal string? Query(string name) => Http.Request.Query[name] is [{ Length: > 0 } value, ..] ? value : null;

    internal bool Flag(string name) => Query(name) is { } value && (value is "1" or "t" or "T" || value.Equals("true", StringComparison.OrdinalIgnoreCase));

    internal long? Number(string name) => Query(name) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw ApiException.BadRequest($"{name}: \"{text}\" is no number");

    /// <summary>Whether kubectl asks for a table, to print it.</summary>
    internal bool WantsTable => Http.Request.Headers.Accept.ToString().Split(',')[0] is { } first
        && first.Contains("as=Table", StringComparison.Ordinal) && first.Contains("g=meta.k8s.io", StringComparison.Ordinal) && first.Contains("v=v1", StringComparison.Ordinal);

    internal string IncludeObject => Query("includeObject") ?? "Metadata";

    /// <summary>What was sent. What is too much is read all the same, so that the sender hears of it.</summary>
    internal async Task<byte[]> BodyAsync()
    {
        using var body = new MemoryStream();
        var (buffer, length) = (new byte[64 << 10], 0L);
        while (await Http.Request.Body.ReadAsync(buffer, Aborted) is > 0 and var read)
        {
            if ((length += read) <= ApiServer.MostBytes)
            {
                body.Write(buffer, 0, read);
            }
        }

        return length <= ApiServer.MostBytes ? body.ToArray()
            : throw new ApiException(413, "RequestEntityTooLarge", $"Request entity too large: limit is {ApiServer.MostBytes}");
    }

    /// <summary>The object that was sent; empty where nothing was.</summary>
    internal async Task<JsonObject?> ObjectOrNothingAsync()
    {
        var (type, body) = ((Http.Request.ContentType ?? "").Split(';')[0].Trim(), await BodyAsync());
        return body.Length == 0 ? null
            : type is "" or "application/json" ? Json.Parse(body)
            : type == ProtobufBodies.MediaType ? ProtobufBodies.Read(body)
            : throw ApiException.MediaType($"the body of the request was in an unknown format ({Printable(type)}) - accepted media types include: application/json");
    }

    /// <summary>The object that was sent.</summary>
    internal async Task<JsonObject> ObjectAsync() => await ObjectOrNothingAsync() ?? throw ApiException.BadRequest("the request has no body");

    internal Task AnswerAsync(int code, JsonNode item) => AnswerAsync(Http, code, Json.Bytes(item));

    internal static async Task AnswerAsync(HttpContext http, int code, byte[] body, string type = "application/json")
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    internal static string Printable(string text) => new StringBuilder().AppendJoin("", text.Take(200).Where(letter => !char.IsControl(letter))).ToString();
}
