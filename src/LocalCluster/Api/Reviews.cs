using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>Questions about rights and names, which are answered and not stored (authorization.k8s.io, authentication.k8s.io).</summary>
internal sealed class Reviews(Authorization authorization)
{
    internal async Task AnswerAsync(ApiRequest request)
    {
        var review = await ReadAsync(request, request.Resource);
        var (caller, spec) = (request.Caller, review["spec"]);
        review["status"] = request.Resource.Plural switch
        {
            "selfsubjectaccessreviews" => Decide(caller, spec),
            "subjectaccessreviews" or "localsubjectaccessreviews" => Decide(new Caller(spec.Text("user") ?? "", spec.Text("uid") ?? "", spec.Texts("groups")), spec),
            "selfsubjectrulesreviews" => Rules(caller, spec.Text("namespace") ?? ""),
            "selfsubjectreviews" => new JsonObject { ["userInfo"] = caller.Json },
            _ => throw ApiException.NotAllowed(),
        };
        await request.AnswerAsync(201, review);
    }

    /// <summary>What was asked, in the shape of its kind.</summary>
    internal static async Task<JsonObject> ReadAsync(ApiRequest request, ApiResource kind)
    {
        var review = await request.ObjectAsync();
        review["apiVersion"] = kind.ApiVersion;
        review["kind"] = kind.Kind;
        review.Child("metadata")["creationTimestamp"] = null;
        return Validation.UnknownFields(kind, review) is { Count: > 0 } unknown
            ? throw ApiException.BadRequest($"strict decoding error: {string.Join(", ", unknown.Select(field => $"unknown field \"{field}\""))}")
            : review;
    }

    private JsonObject Decide(Caller caller, JsonNode? spec)
    {
        bool isAllowed;
        if (spec.At("resourceAttributes") is { } what)
        {
            var resource = what.Text("resource") ?? "";
            isAllowed = authorization.Allows(caller, new Access(
                what.Text("verb") ?? "", what.Text("group") ?? "", what.Text("subresource") is { Length: > 0 } part ? $"{resource}/{part}" : resource,
                what.Text("namespace") ?? "", what.Text("name") ?? ""));
        }
        else
        {
            isAllowed = spec.At("nonResourceAttributes") is { } path
                ? authorization.AllowsPath(caller, path.Text("verb") ?? "", path.Text("path") ?? "")
                : throw ApiException.BadRequest("spec: exactly one of nonResourceAttributes or resourceAttributes must be specified");
        }

        var status = new JsonObject { ["allowed"] = isAllowed };
        if (isAllowed)
        {
            status["reason"] = caller.IsMaster ? $"user is in group {Caller.Masters}" : "RBAC: allowed by a Role or ClusterRole";
        }

        return status;
    }

    private JsonObject Rules(Caller caller, string inNamespace)
    {
        var all = new JsonObject { ["verbs"] = new JsonArray("*"), ["apiGroups"] = new JsonArray("*"), ["resources"] = new JsonArray("*") };
        var own = caller.IsMaster ? [all] : authorization.Rules(caller, inNamespace).ToList();
        var self = new JsonObject
        {
            ["verbs"] = new JsonArray("create"),
            ["apiGroups"] = new JsonArray("authorization.k8s.io"),
            ["resources"] = new JsonArray("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        };
        return new JsonObject
        {
            ["resourceRules"] = new JsonArray([self, .. own.Where(rule => rule["resources"] is not null).Select(rule => rule.Copy())]),
            ["nonResourceRules"] = new JsonArray(new JsonObject
            {
                ["verbs"] = new JsonArray("get"),
                ["nonResourceURLs"] = new JsonArray("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version"),
            }),
            ["incomplete"] = false,
        };
    }
}
