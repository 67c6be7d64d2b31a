using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;
using Microsoft.AspNetCore.Http;

namespace LocalCluster.Api;

/// <summary>Who asks.</summary>
/// <param name="Name">The user's name.</param>
/// <param name="Uid">The user's uid.</param>
/// <param name="Groups">The user's groups.</param>
internal sealed record Caller(string Name, string Uid, IReadOnlyList<string> Groups)
{
    internal const string Masters = "system:masters";
    internal const string Authenticated = "system:authenticated";

    internal bool IsMaster => Groups.Contains(Masters);

    /// <summary>As reviews show it.</summary>
    internal JsonObject Json => new() { ["username"] = Name, ["uid"] = Uid, ["groups"] = Api.Json.List(Groups) };

    internal static string ServiceAccountName(string inNamespace, string name) => $"system:serviceaccount:{inNamespace}:{name}";

    internal static IReadOnlyList<string> ServiceAccountGroups(string inNamespace) => ["system:serviceaccounts", $"system:serviceaccounts:{inNamespace}", Authenticated];
}

/// <summary>
/// Knows callers by their bearer tokens: the administrator's, and those of ServiceAccounts, which are signed here (JWT, HS256), end, and
/// fall with the ServiceAccount, or the pod, that they were made for.
/// </summary>
internal sealed class Authentication(ObjectStore store, byte[] key, string adminToken, string issuer, TimeProvider time)
{
    private static readonly string Header = Encode("""{"alg":"HS256","typ":"JWT"}"""u8);
    private static readonly ApiResource ServiceAccounts = ApiResources.Find("", "v1", "serviceaccounts")!;
    private static readonly ApiResource Pods = ApiResources.Find("", "v1", "pods")!;

    /// <summary>Who sent a request.</summary>
    /// <exception cref="ApiException">Nobody who is known (401).</exception>
    internal Caller Identify(HttpRequest request)
    {
        var said = request.Headers.Authorization.ToString();
        if (!said.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            throw ApiException.Unauthorized();
        }

        var token = said["Bearer ".Length..].Trim();
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(adminToken))
            ? new Caller("admin", "admin", [Caller.Masters, Caller.Authenticated])
            : Verify(token) ?? throw ApiException.Unauthorized();
    }

    /// <summary>Makes a token for a ServiceAccount (the subresource <c>token</c>).</summary>
    /// <param name="account">The ServiceAccount.</param>
    /// <param name="request">The TokenRequest; gets its status.</param>
    internal void Issue(Stored account, JsonObject request)
    {
        var spec = request.Child("spec");
        var seconds = spec.Number("expirationSeconds") ?? 3600;
        if (seconds is < 600 or > 1L << 32)
        {
            throw ApiException.Invalid(
                ApiResources.Find("authentication.k8s.io", "v1", "tokenrequests")!, "", "spec.expirationSeconds",
                $"Invalid value: {seconds}: may not specify a duration {(seconds < 600 ? "less than 10 minutes" : "larger than 2^32 seconds")}");
        }

        var now = time.GetUtcNow();
        var subject = new JsonObject
        {
            ["namespace"] = account.Namespace,
            ["serviceaccount"] = new JsonObject { ["name"] = account.Name, ["uid"] = account.Uid },
        };
        if (spec["boundObjectRef"] is JsonObject bound)
        {
            var pod = bound.Text("kind") == "Pod" && bound.Text("name") is { } name ? store.Find(Pods, account.Namespace, name)
                : throw ApiException.BadRequest("spec.boundObjectRef: only a Pod can be named here");
            if (pod is null || (bound.Text("uid") is { } uid && uid != pod.Uid))
            {
                throw ApiException.NotFound(Pods, bound.Text("name")!);
            }

            subject["pod"] = new JsonObject { ["name"] = pod.Name, ["uid"] = pod.Uid };
        }

        var audiences = spec.Texts("audiences") is { Count: > 0 } asked ? asked : [issuer];
        var claims = new JsonObject
        {
            ["aud"] = Json.List(audiences),
            ["exp"] = now.ToUnixTimeSeconds() + seconds,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            ["kubernetes.io"] = subject,
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = Caller.ServiceAccountName(account.Namespace, account.Name),
        };
        var body = $"{Header}.{Encode(Json.Bytes(claims))}";
        spec["audiences"] = Json.List(audiences);
        spec["expirationSeconds"] = seconds;
        request["status"] = new JsonObject { ["token"] = $"{body}.{Sign(body)}", ["expirationTimestamp"] = Json.Time(now.AddSeconds(seconds)) };
    }

    private Caller? Verify(string token)
    {
        var end = token.LastIndexOf('.');
        if (end < 0 || !token.StartsWith($"{Header}.", StringComparison.Ordinal)
            || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(token[..end])), Encoding.ASCII.GetBytes(token[(end + 1)..])))
        {
            return null;
        }

        // Signed here: what stands in it is ours.
        var text = token[(Header.Length + 1)..end].Replace('-', '+').Replace('_', '/');
        var claims = Json.Parse(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '=')));
        var (subject, ends) = (claims["kubernetes.io"], claims.Number("exp"));
        var (space, name) = (subject.Text("namespace")!, subject.Text("serviceaccount", "name")!);
        var uid = subject.Text("serviceaccount", "uid")!;
        return ends > time.GetUtcNow().ToUnixTimeSeconds() && claims.Texts("aud").Contains(issuer)
            && store.Find(ServiceAccounts, space, name)?.Uid == uid
            && (subject.Text("pod", "name") is not { } pod || store.Find(Pods, space, pod)?.Uid == subject.Text("pod", "uid"))
            ? new Caller(Caller.ServiceAccountName(space, name), uid, Caller.ServiceAccountGroups(space))
            : null;
    }

    private string Sign(string body) => Encode(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(body)));

    private static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
