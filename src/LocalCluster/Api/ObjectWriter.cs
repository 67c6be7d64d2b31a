using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes.Models;
using LocalCluster.Api.Schemas;
using LocalCluster.Cdi.Admission;

namespace LocalCluster.Api;

/// <summary>Makes and changes objects (Kubernetes API conventions, "Metadata", "Concurrency Control and Consistency").</summary>
internal sealed class ObjectWriter(ObjectStore store, Authorization authorization, Func<AdmissionHook?> admission, TimeProvider time)
{
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";
    private const int MostTries = 100;
    private static readonly ApiResource Namespaces = ApiResources.Find("", "v1", "namespaces")!;

    internal async Task<Stored> CreateAsync(ApiRequest request)
    {
        var (resource, item) = (request.Resource, await request.ObjectAsync());
        if (resource.Namespaced && request.Namespace.Length == 0)
        {
            throw ApiException.NotAllowed();
        }

        Prepare(request, item, null);
        var metadata = item.Child("metadata");
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw ApiException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        var prefix = metadata.Text("name") is { Length: > 0 } ? null : metadata.Text("generateName");
        foreach (var field in new[] { "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation" })
        {
            metadata.Remove(field);
        }

        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Json.Time(time.GetUtcNow());
        if (CoreKinds.CountsGenerations(resource))
        {
            metadata["generation"] = 1;
        }

        if (resource.HasStatus)
        {
            item.Remove("status");
        }

        for (var tries = 0; ; tries++)
        {
            if (prefix is { Length: > 0 })
            {
                metadata["name"] = prefix[..Math.Min(prefix.Length, 58)] + RandomNumberGenerator.GetString(Letters, 5);
            }

            var checkedItem = await CheckAsync(request, item, null);
            var name = checkedItem.Text("metadata", "name") ?? "";
            if (store.Find(resource, request.Namespace, name) is null)
            {
                if (request.IsDryRun)
                {
                    CheckNamespace(request, name);
                    return Unsaved(request, checkedItem);
                }

                if (store.Commit(resource, request.Namespace, name, null, checkedItem, () => CheckNamespace(request, name)) is { } made)
                {
                    if (ReferenceEquals(resource, Namespaces))
                    {
                        FirstObjects.MakeAccount(store, name, time);
                    }

                    return made;
                }
            }

            if (prefix is null || tries == MostTries)
            {
                throw ApiException.AlreadyExists(resource, name);
            }
        }
    }

    internal async Task<Stored> UpdateAsync(ApiRequest request)
    {
        var item = await request.ObjectAsync();
        var isFirm = item.Text("metadata", "resourceVersion") is { Length: > 0 };
        if (!isFirm && CoreKinds.IsCustom(request.Resource))
        {
            throw ApiException.Invalid(request.Resource, request.Name, "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update");
        }

        return await ChangeAsync(request, _ => item.Copy());
    }

    internal async Task<Stored> PatchAsync(ApiRequest request)
    {
        var type = (request.Http.Request.ContentType ?? "").Split(';')[0].Trim();
        if (type is not ("application/json-patch+json" or "application/merge-patch+json" or "application/strategic-merge-patch+json")
            || (type == "application/strategic-merge-patch+json" && CoreKinds.IsCustom(request.Resource)))
        {
            throw ApiException.MediaType(type.StartsWith("application/apply-patch", StringComparison.Ordinal)
                ? "this API server has no server-side apply: use client-side apply, a merge patch or a JSON patch"
                : "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json");
        }

        var patch = Json.ParseAny(await request.BodyAsync());
        if (type != "application/json-patch+json" && patch is not JsonObject)
        {
            throw ApiException.BadRequest("the patch is no JSON object");
        }

        return await ChangeAsync(request, current => type switch
        {
            "application/json-patch+json" => Patches.Apply(current.Item, patch),
            "application/merge-patch+json" => Patches.Merge(current.Item, patch),
            _ => StrategicMerge.Merge(current.Item, (JsonObject)patch!),
        } as JsonObject ?? throw ApiException.BadRequest("the patch leaves no object"));
    }

    /// <summary>Writes what becomes of an object, again where somebody was quicker, unless a version was demanded.</summary>
    private async Task<Stored> ChangeAsync(ApiRequest request, Func<Stored, JsonObject> change)
    {
        var resource = request.Resource;
        for (var tries = 0; tries < MostTries; tries++)
        {
            var current = store.Find(resource, request.Namespace, request.Name!) ?? throw ApiException.NotFound(resource, request.Name!);
            var next = change(current);
            Prepare(request, next, current);
            var metadata = next.Child("metadata");
            if (metadata.Text("uid") is { Length: > 0 } uid && uid != current.Uid)
            {
                throw ApiException.Conflict(resource, current.Name, $"Precondition failed: UID in precondition: {ApiRequest.Printable(uid)}, UID in object meta: {current.Uid}");
            }

            if (metadata.Text("resourceVersion") is { Length: > 0 } version && version != current.Item.Text("metadata", "resourceVersion"))
            {
                throw ApiException.Conflict(resource, current.Name);
            }

            next = await CheckAsync(request, Joined(request, current.Item, next), current.Item);
            if (JsonNode.DeepEquals(next, current.Item))
            {
                return current;
            }

            if (CoreKinds.CountsGenerations(resource) && !JsonNode.DeepEquals(Wish(resource, next), Wish(resource, current.Item)))
            {
                next.Child("metadata")["generation"] = (current.Item.Number("metadata", "generation") ?? 0) + 1;
            }

            if (request.IsDryRun)
            {
                return Unsaved(request, next);
            }

            // What waited only for this goes away with it.
            var isEnd = current.IsDeleting && CoreKinds.MayEnd(resource, next);
            if (store.Commit(resource, request.Namespace, current.Name, current, isEnd ? null : next) is { } changed)
            {
                return changed;
            }
        }

        throw ApiException.Conflict(resource, request.Name!);
    }

    /// <summary>Holds what was sent against its address, and brings it into shape.</summary>
    private static void Prepare(ApiRequest request, JsonObject item, Stored? current)
    {
        var resource = request.Resource;
        if ((item.Text("apiVersion") ?? resource.ApiVersion) is var version && version != resource.ApiVersion)
        {
            throw ApiException.BadRequest($"the API version in the data ({ApiRequest.Printable(version)}) does not match the expected API version ({resource.ApiVersion})");
        }

        if ((item.Text("kind") ?? resource.Kind) is var kind && kind != resource.Kind)
        {
            throw ApiException.BadRequest($"the kind in the data ({ApiRequest.Printable(kind)}) does not match the expected kind ({resource.Kind})");
        }

        if (item["metadata"] is not (null or JsonObject))
        {
            throw ApiException.BadRequest("metadata is no object");
        }

        item["apiVersion"] = resource.ApiVersion;
        item["kind"] = resource.Kind;
        var metadata = item.Child("metadata");
        metadata.Remove("managedFields");
        metadata.Remove("selfLink");
        if ((metadata.Text("namespace") ?? "") is { Length: > 0 } space && space != request.Namespace)
        {
            throw ApiException.BadRequest(
                $"the namespace of the provided object does not match the namespace sent on the request: \"{ApiRequest.Printable(space)}\" is not \"{request.Namespace}\"");
        }

        metadata.Put("namespace", request.Namespace.Length == 0 ? null : request.Namespace);
        if (current is not null && (metadata.Text("name") ?? current.Name) is var name && name != current.Name)
        {
            throw ApiException.BadRequest($"the name of the object ({ApiRequest.Printable(name)}) does not match the name on the URL ({current.Name})");
        }

        if (Validation.UnknownFields(resource, item) is { Count: > 0 } unknown)
        {
            var fault = $"strict decoding error: {string.Join(", ", unknown.Select(field => $"unknown field \"{field}\""))}";
            throw request.Verb == "patch" ? ApiException.Invalid(resource, request.Name, "patch", $"Invalid value: \"{{...}}\": {fault}")
                : ApiException.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: {fault}");
        }
    }

    /// <summary>The parts that a request may change, with the rest as it was.</summary>
    private static JsonObject Joined(ApiRequest request, JsonObject current, JsonObject next)
    {
        if (request.Subresource is not null)
        {
            var result = current.Copy();
            if (request.Subresource == "finalize")
            {
                result.Child("spec")["finalizers"] = Json.List(next.Texts("spec", "finalizers"));
            }
            else
            {
                result.Put("status", next["status"]);
            }

            return result;
        }

        var (old, metadata) = (current["metadata"], next.Child("metadata"));
        foreach (var field in new[] { "name", "generateName", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp", "deletionGracePeriodSeconds" })
        {
            metadata.Put(field, old.At(field));
        }

        if (request.Resource.HasStatus)
        {
            next.Put("status", current["status"]);
        }

        if (ReferenceEquals(request.Resource, Namespaces))
        {
            next.Put("spec", current["spec"]);
        }

        if (old.At("deletionTimestamp") is not null && metadata.Texts("finalizers").Except(old.Texts("finalizers")).ToList() is { Count: > 0 } added)
        {
            throw ApiException.Invalid(
                request.Resource, request.Name, "metadata.finalizers",
                $"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", added.Select(one => $"\"{one}\""))}}}",
                "FieldValueForbidden");
        }

        return next;
    }

    /// <summary>What the object would be, if it may be.</summary>
    private async Task<JsonObject> CheckAsync(ApiRequest request, JsonObject item, JsonObject? current)
    {
        var (resource, result) = (request.Resource, item.Copy());
        CoreKinds.Default(resource, result, isNew: current is null);
        if (request.Subresource is null && resource is { Group: "cdi.kubevirt.io", Plural: "datavolumes" } && admission() is { } hook)
        {
            result = await AdmitAsync(request, hook, result, current);
        }

        IReadOnlyList<StatusCause> faults = [.. Validation.Faults(resource, result), .. current is null ? [] : CoreKinds.Immutable(resource, current, result)];
        if (faults.Count > 0)
        {
            throw ApiException.Invalid(resource, result.Text("metadata", "name"), faults);
        }

        if (current is null || !JsonNode.DeepEquals(current["rules"], result["rules"]) || !JsonNode.DeepEquals(current["subjects"], result["subjects"]))
        {
            authorization.CheckGrant(request.Caller, resource, request.Namespace, result);
        }

        return result;
    }

    private static async Task<JsonObject> AdmitAsync(ApiRequest request, AdmissionHook hook, JsonObject item, JsonObject? current)
    {
        using var made = JsonDocument.Parse(Json.Bytes(item));
        using var old = JsonDocument.Parse(Json.Bytes(current));
        var (refusal, patch) = await hook(
            new AdmissionRequest(
                Guid.NewGuid().ToString(), current is null ? "CREATE" : "UPDATE", request.Namespace, request.Caller.Name, request.Caller.Groups,
                made.RootElement.Clone(), current is null ? default : old.RootElement.Clone()),
            request.Aborted);
        return refusal is not null
            ? throw new ApiException(refusal.Code, refusal.Code == 422 ? "Invalid" : refusal.Code == 403 ? "Forbidden" : "BadRequest", $"admission webhook denied the request: {refusal.Message}")
            : patch is null ? item : (JsonObject)Patches.Apply(item, patch)!;
    }

    private void CheckNamespace(ApiRequest request, string name)
    {
        if (!request.Resource.Namespaced)
        {
            return;
        }

        var space = store.Find(Namespaces, "", request.Namespace) ?? throw ApiException.NotFound(Namespaces, request.Namespace);
        if (space.IsDeleting)
        {
            throw ApiException.Forbidden(
                request.Resource, name, $"unable to create new content in namespace {request.Namespace} because it is being terminated", "NamespaceTerminating");
        }
    }

    private Stored Unsaved(ApiRequest request, JsonObject item)
    {
        Json.Settle(item);
        return new Stored(request.Resource, request.Namespace, item.Text("metadata", "name") ?? "", item, Json.Bytes(item), store.Version);
    }

    /// <summary>All that its maker wants: what a generation counts.</summary>
    private static JsonObject Wish(ApiResource resource, JsonObject item)
    {
        var wish = item.Copy();
        wish.Remove("metadata");
        if (resource.HasStatus)
        {
            wish.Remove("status");
        }

        return wish;
    }
}
