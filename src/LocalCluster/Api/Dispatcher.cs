using LocalCluster.Api.Schemas;
using Microsoft.AspNetCore.Http;

namespace LocalCluster.Api;

/// <summary>Takes requests: who asks, for what, whether he may; then whoever answers. A fault of one request is that request's alone.</summary>
internal sealed class Dispatcher
{
    private static readonly Dictionary<string, string> Refused = new(StringComparer.Ordinal)
    {
        ["apiextensions.k8s.io"] = "this API server has no CustomResourceDefinitions: its kinds are fixed",
        ["admissionregistration.k8s.io"] = "this API server calls no webhooks",
        ["batch"] = "this API server has no Jobs and CronJobs",
        ["apps"] = "this API server has no workloads other than pods",
    };

    private readonly Authentication _authentication;
    private readonly Authorization _authorization;
    private readonly Reviews _reviews;
    private readonly ObjectReader _reader;
    private readonly ObjectWriter _writer;
    private readonly ObjectRemover _remover;
    private readonly PodLogs _logs;
    private readonly Action<string> _log;

    internal Dispatcher(ObjectStore store, Authentication authentication, Func<AdmissionHook?> admission, ApiServerOptions options)
    {
        (_authentication, _authorization, _log) = (authentication, new Authorization(store), options.Log);
        _reviews = new Reviews(_authorization);
        _reader = new ObjectReader(store, options.Time);
        _writer = new ObjectWriter(store, _authorization, admission, options.Time);
        _remover = new ObjectRemover(store, options.Time);
        _logs = new PodLogs(store, options.PodFolder);
    }

    internal async Task AnswerAsync(HttpContext http)
    {
        ApiException refusal;
        try
        {
            await RouteAsync(http);
            return;
        }
        catch (ApiException fault)
        {
            refusal = fault;
        }
        catch (BadHttpRequestException fault)
        {
            refusal = new ApiException(fault.StatusCode, fault.StatusCode == StatusCodes.Status413PayloadTooLarge ? "RequestEntityTooLarge" : "BadRequest", fault.Message);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer.
            return;
        }
        catch (Exception fault)
        {
            _log($"{http.Request.Method} {ApiRequest.Printable(http.Request.Path)}: {fault}");
            refusal = new ApiException(500, "InternalError", $"Internal error occurred: {fault.Message}");
        }

        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        await ApiRequest.AnswerAsync(http, refusal.Code, Json.Bytes(refusal.Status));
    }

    private async Task RouteAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var caller = Impersonated(http.Request, _authentication.Identify(http.Request));
        var request = Resource(http, caller, path);
        if (request is null)
        {
            await DescribeAsync(http, caller, path.Length > 1 ? path.TrimEnd('/') : path);
            return;
        }

        var accept = http.Request.Headers.Accept.ToString();
        if (accept.Length > 0 && !accept.Contains("json", StringComparison.Ordinal) && !accept.Contains('*', StringComparison.Ordinal) && request.Subresource != "log")
        {
            throw new ApiException(406, "NotAcceptable", "only the following media types are accepted: application/json");
        }

        var isOwnReview = request.Resource.Plural is "selfsubjectaccessreviews" or "selfsubjectrulesreviews" or "selfsubjectreviews";
        if (!isOwnReview && !_authorization.Allows(caller, request.Access))
        {
            throw ApiException.Forbidden(request.Resource, request.Name, request.Access.Refusal(caller.Name));
        }

        await (request.Resource.Stored ? ServeAsync(request)
            : request is { Verb: "create", Name: null } ? _reviews.AnswerAsync(request)
            : throw ApiException.NotAllowed());
    }

    private async Task ServeAsync(ApiRequest request)
    {
        switch (request)
        {
            case { Subresource: "log", Verb: "get", Resource: { Group: "", Plural: "pods" } }:
                await _logs.AnswerAsync(request, _reader.Find(request));
                break;
            case { Subresource: "token", Verb: "create", Resource: { Group: "", Plural: "serviceaccounts" } }:
                var tokenRequest = await Reviews.ReadAsync(request, ApiResources.Find("authentication.k8s.io", "v1", "tokenrequests")!);
                _authentication.Issue(_reader.Find(request), tokenRequest);
                await request.AnswerAsync(201, tokenRequest);
                break;
            case { Subresource: "exec" or "attach" or "portforward" or "proxy", Resource: { Group: "", Plural: "pods" } }:
                throw new ApiException(405, "MethodNotAllowed", $"this API server has no {request.Subresource} for pods");
            case { Subresource: { } part } when !(part == "status" && request.Resource.HasStatus) && !(part == "finalize" && request is { Verb: "update", Resource: { Group: "", Plural: "namespaces" } }):
                throw ApiException.Nowhere();
            case { Verb: "get" }:
                await _reader.GetAsync(request);
                break;
            case { Verb: "list" }:
                await _reader.ListAsync(request);
                break;
            case { Verb: "watch" }:
                await _reader.WatchAsync(request);
                break;
            case { Verb: "create", Name: null }:
                await _reader.AnswerAsync(request, 201, await _writer.CreateAsync(request));
                break;
            case { Verb: "update", Name: not null }:
                await _reader.AnswerAsync(request, 200, await _writer.UpdateAsync(request));
                break;
            case { Verb: "patch", Name: not null }:
                await _reader.AnswerAsync(request, 200, await _writer.PatchAsync(request));
                break;
            case { Verb: "delete", Subresource: null }:
                await _remover.DeleteAsync(request);
                break;
            case { Verb: "deletecollection" } when request.Resource is not { Group: "", Plural: "namespaces" }:
                await _remover.DeleteCollectionAsync(request);
                break;
            default:
                throw ApiException.NotAllowed();
        }
    }

    /// <summary>What the server says of itself, and nothing else, lies where no resource is.</summary>
    private async Task DescribeAsync(HttpContext http, Caller caller, string path)
    {
        if (!_authorization.AllowsPath(caller, http.Request.Method == "GET" ? "get" : http.Request.Method, path))
        {
            throw new ApiException(403, "Forbidden", $"forbidden: User \"{caller.Name}\" cannot get path \"{ApiRequest.Printable(path)}\"");
        }

        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (type, body) = path is "/healthz" or "/livez" or "/readyz" ? ("text/plain", "ok"u8.ToArray())
            : http.Request.Method == "GET" && SelfDescription.Answer(path) is { } answer ? answer
            : throw ApiException.Nowhere(parts is ["apis", var group, ..] && Refused.TryGetValue(group, out var why) ? $": {why}" : "");
        await ApiRequest.AnswerAsync(http, 200, body, type);
    }

    /// <summary>The resource that an address names; null where it names none that is served.</summary>
    private static ApiRequest? Resource(HttpContext http, Caller caller, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, version, rest) = parts switch
        {
            ["api", var itsVersion, .. var others] => ("", itsVersion, others),
            ["apis", var itsGroup, var itsVersion, .. var others] => (itsGroup, itsVersion, others),
            _ => ("", "", []),
        };
        var space = "";
        if (rest is ["namespaces", var inNamespace, var next, .. var deeper] && next is not ("status" or "finalize"))
        {
            (space, rest) = (inNamespace, [next, .. deeper]);
        }

        return rest is [var plural, ..] && rest.Length <= 3 && ApiResources.Find(group, version, plural) is { Subresource: null } resource && (space.Length == 0 || resource.Namespaced)
            && (rest.Length == 1 || space.Length > 0 || !resource.Namespaced)
            ? new ApiRequest(http, caller, resource, space, rest.ElementAtOrDefault(1), rest.ElementAtOrDefault(2))
            : null;
    }

    /// <summary>Who is meant where somebody speaks for another (Kubernetes docs, "User impersonation").</summary>
    private Caller Impersonated(HttpRequest request, Caller caller)
    {
        var (name, groups) = (request.Headers["Impersonate-User"].ToString(), request.Headers["Impersonate-Group"].OfType<string>().ToList());
        if (name.Length == 0)
        {
            return groups.Count == 0 ? caller : throw ApiException.BadRequest("requested impersonation of groups without impersonating a user");
        }

        foreach (var access in groups.Select(group => new Access("impersonate", "", "groups", "", group)).Prepend(new Access("impersonate", "", "users", "", name)))
        {
            if (!_authorization.Allows(caller, access))
            {
                throw new ApiException(403, "Forbidden", $"{access.Resource} \"{ApiRequest.Printable(access.Name)}\" is forbidden: {access.Refusal(caller.Name)}");
            }
        }

        // Never more than was named: a ServiceAccount brings its own groups only where none was.
        IReadOnlyList<string> all = groups.Count == 0 && name.Split(':') is ["system", "serviceaccount", var space, _] ? Caller.ServiceAccountGroups(space)
            : [.. groups.Append(Caller.Authenticated).Distinct()];
        return new Caller(name, "", all);
    }
}
