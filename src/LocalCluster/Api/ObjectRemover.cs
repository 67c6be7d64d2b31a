using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>Deletes objects, or notes that they are to go where something holds them (Kubernetes docs, "Finalizers", "Garbage Collection").</summary>
internal sealed class ObjectRemover(ObjectStore store, TimeProvider time)
{
    private static readonly HashSet<string> Lasting = new(StringComparer.Ordinal) { "default", "kube-system" };

    internal async Task DeleteAsync(ApiRequest request)
    {
        var options = await OptionsAsync(request);
        var (one, isGone) = Delete(request, request.Name!, options);
        await request.AnswerAsync(200, !isGone ? one.Item.Copy() : new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Success",
            ["details"] = With(ApiException.Details(request.Resource, one.Name), "uid", one.Uid),
        });
    }

    internal async Task DeleteCollectionAsync(ApiRequest request)
    {
        var options = await OptionsAsync(request);
        var deleted = new List<Stored>();
        foreach (var one in store.Snapshot(request.Resource)!.Value.Items.Values)
        {
            if ((request.Namespace.Length == 0 || one.Namespace == request.Namespace) && request.Selector.Matches(one))
            {
                try
                {
                    deleted.Add(Delete(request with { Namespace = one.Namespace }, one.Name, options).One);
                }
                catch (ApiException fault) when (fault.Code == 404)
                {
                    // Somebody was quicker.
                }
            }
        }

        await ApiRequest.AnswerAsync(request.Http, 200, ObjectReader.List(request.Resource, deleted, []));
    }

    private (Stored One, bool IsGone) Delete(ApiRequest request, string name, JsonObject options)
    {
        var resource = request.Resource;
        while (true)
        {
            var current = store.Find(resource, request.Namespace, name) ?? throw ApiException.NotFound(resource, name);
            var isNamespace = resource is { Group: "", Plural: "namespaces" };
            if (isNamespace && Lasting.Contains(name))
            {
                throw ApiException.Forbidden(resource, name, "this namespace may not be deleted");
            }

            Check(current, options["preconditions"]);
            var next = current.Item.Copy();
            var metadata = next.Child("metadata");
            var finalizers = Finalizers(metadata.Texts("finalizers"), options).ToList();
            metadata.Put("finalizers", finalizers.Count == 0 ? null : Json.List(finalizers));
            var grace = CoreKinds.Grace(current, options.Number("gracePeriodSeconds"));
            if (!current.IsDeleting)
            {
                metadata["deletionTimestamp"] = Json.Time(time.GetUtcNow().AddSeconds(grace));
                metadata["deletionGracePeriodSeconds"] = grace;
                if (CoreKinds.CountsGenerations(resource))
                {
                    metadata["generation"] = (metadata.Number("generation") ?? 0) + 1;
                }
            }
            else if (grace < metadata.Number("deletionGracePeriodSeconds") && (options.Number("gracePeriodSeconds") is not null || grace == 0))
            {
                // Sooner than was said, never later.
                metadata["deletionTimestamp"] = Json.Time(time.GetUtcNow().AddSeconds(grace));
                metadata["deletionGracePeriodSeconds"] = grace;
            }

            if (isNamespace)
            {
                next.Child("status")["phase"] = "Terminating";
            }

            var isEnd = CoreKinds.MayEnd(resource, next);
            if (options.Texts("dryRun").Count > 0 || (!isEnd && JsonNode.DeepEquals(next, current.Item)))
            {
                return (current, isEnd);
            }

            if (store.Commit(resource, request.Namespace, name, current, isEnd ? null : next) is { } done)
            {
                return (done, isEnd);
            }
        }
    }

    /// <summary>How its dependents are dealt with stands in its finalizers.</summary>
    private static IEnumerable<string> Finalizers(IReadOnlyList<string> there, JsonObject options)
    {
        var (policy, others) = (options.Text("propagationPolicy"), there.Where(one => one is not ("foregroundDeletion" or "orphan")));
        return policy switch
        {
            null => there,
            "Background" => others,
            "Foreground" => others.Append("foregroundDeletion"),
            "Orphan" => others.Append("orphan"),
            _ => throw ApiException.InvalidOptions(
                "DeleteOptions", "propagationPolicy",
                $"Unsupported value: \"{ApiRequest.Printable(policy)}\": supported values: \"Background\", \"Foreground\", \"Orphan\"", "FieldValueNotSupported"),
        };
    }

    private static void Check(Stored current, JsonNode? preconditions)
    {
        if (preconditions.Text("uid") is { } uid && uid != current.Uid)
        {
            throw ApiException.Conflict(
                current.Resource, current.Name,
                $"the UID in the precondition ({ApiRequest.Printable(uid)}) does not match the UID in record ({current.Uid}). The object might have been deleted and then recreated");
        }

        if (preconditions.Text("resourceVersion") is { } version && version != current.Item.Text("metadata", "resourceVersion"))
        {
            throw ApiException.Conflict(
                current.Resource, current.Name,
                $"the ResourceVersion in the precondition ({ApiRequest.Printable(version)}) does not match the ResourceVersion in record ({current.Item.Text("metadata", "resourceVersion")}). The object might have been modified");
        }
    }

    /// <summary>From the body, and what stands in the address.</summary>
    private static async Task<JsonObject> OptionsAsync(ApiRequest request)
    {
        var options = await request.ObjectOrNothingAsync() ?? [];
        if (request.Query("propagationPolicy") is { } policy)
        {
            options["propagationPolicy"] ??= policy;
        }

        if (request.Number("gracePeriodSeconds") is { } grace)
        {
            options["gracePeriodSeconds"] ??= grace;
        }

        // In the address or in the body, and never overheard.
        if (request.IsDryRun)
        {
            options["dryRun"] = new JsonArray("All");
        }

        return options["dryRun"] is (null or JsonArray) && options.Texts("dryRun").All(one => one == "All") ? options
            : throw ApiException.InvalidOptions("DeleteOptions", "dryRun", "Unsupported value: supported values: \"All\"", "FieldValueNotSupported");
    }

    private static JsonObject With(JsonObject item, string name, string? value)
    {
        item[name] = value;
        return item;
    }
}
