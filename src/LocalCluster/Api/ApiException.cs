using System.Text.Json.Nodes;
using Kubernetes.Models;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>A refusal, in the words of the real server (k8s.io/apimachinery, api/errors): clients and users know those.</summary>
internal sealed class ApiException(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    internal int Code => code;

    /// <summary>The answer (meta/v1 Status).</summary>
    internal JsonObject Status => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = Message,
        ["reason"] = reason,
        ["details"] = details?.DeepClone() ?? new JsonObject(),
        ["code"] = code,
    };

    internal static ApiException BadRequest(string message) => new(400, "BadRequest", message);

    internal static ApiException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    /// <summary>An address that leads nowhere.</summary>
    internal static ApiException Nowhere(string why = "") => new(404, "NotFound", $"the server could not find the requested resource{why}");

    internal static ApiException NotFound(ApiResource resource, string name) =>
        new(404, "NotFound", $"{resource.QualifiedName} \"{name}\" not found", Details(resource, name));

    internal static ApiException AlreadyExists(ApiResource resource, string name) =>
        new(409, "AlreadyExists", $"{resource.QualifiedName} \"{name}\" already exists", Details(resource, name));

    internal static ApiException Conflict(ApiResource resource, string name, string why = "the object has been modified; please apply your changes to the latest version and try again") =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.QualifiedName} \"{name}\": {why}", Details(resource, name));

    internal static ApiException Forbidden(ApiResource resource, string? name, string why, string? cause = null)
    {
        var details = Details(resource, name);
        if (cause is not null)
        {
            details["causes"] = new JsonArray(new JsonObject { ["reason"] = cause, ["message"] = why });
        }

        return new(403, "Forbidden", $"{resource.QualifiedName}{(string.IsNullOrEmpty(name) ? "" : $" \"{name}\"")} is forbidden: {why}", details);
    }

    internal static ApiException NotAllowed() => new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    internal static ApiException MediaType(string message) => new(415, "UnsupportedMediaType", message);

    internal static ApiException Expired(string message) => new(410, "Expired", message);

    internal static ApiException Invalid(ApiResource resource, string? name, IReadOnlyList<StatusCause> causes)
    {
        var details = Details(resource, name);
        details["kind"] = resource.Kind;
        details["causes"] = new JsonArray(
            [.. causes.Select(cause => new JsonObject { ["reason"] = cause.Reason ?? "FieldValueInvalid", ["message"] = cause.Message, ["field"] = cause.Field })]);
        var all = causes.Select(cause => $"{cause.Field}: {cause.Message}").ToList();
        var group = resource.Group.Length == 0 ? "" : $".{resource.Group}";
        return new(422, "Invalid", $"{resource.Kind}{group} \"{name}\" is invalid: {(all.Count == 1 ? all[0] : $"[{string.Join(", ", all)}]")}", details);
    }

    internal static ApiException Invalid(ApiResource resource, string? name, string field, string message, string reason = "FieldValueInvalid") =>
        Invalid(resource, name, [new StatusCause { Reason = reason, Field = field, Message = message }]);

    /// <summary>Parameters of a request that make no sense.</summary>
    internal static ApiException InvalidOptions(string kind, string field, string message, string reason) =>
        Invalid(new ApiResource { Group = "meta.k8s.io", Version = "v1", Kind = kind, Plural = kind.ToLowerInvariant() }, "", field, message, reason);

    internal static JsonObject Details(ApiResource resource, string? name)
    {
        var details = new JsonObject();
        if (!string.IsNullOrEmpty(name))
        {
            details["name"] = name;
        }

        if (resource.Group.Length > 0)
        {
            details["group"] = resource.Group;
        }

        details["kind"] = resource.Plural;
        return details;
    }
}
