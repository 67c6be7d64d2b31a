using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>
/// Strategic merge patches, which kubectl sends for the kinds that it has compiled in (Kubernetes docs, "Update API objects in place
/// using kubectl patch"; the keys are those of k8s.io/api): a list of objects is merged by one of their fields.
/// </summary>
internal static class StrategicMerge
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["containers"] = "name",
        ["initContainers"] = "name",
        ["ephemeralContainers"] = "name",
        ["volumes"] = "name",
        ["volumeMounts"] = "mountPath",
        ["volumeDevices"] = "devicePath",
        ["env"] = "name",
        ["ports"] = "containerPort",
        ["imagePullSecrets"] = "name",
        ["secrets"] = "name",
        ["hostAliases"] = "ip",
        ["podIPs"] = "ip",
        ["ownerReferences"] = "uid",
        ["conditions"] = "type",
    };

    /// <summary>Lists of texts that are merged; all others are replaced.</summary>
    private static readonly HashSet<string> Sets = new(StringComparer.Ordinal) { "finalizers" };

    /// <exception cref="ApiException">The patch makes no sense (400).</exception>
    internal static JsonObject Merge(JsonObject? target, JsonObject patch)
    {
        switch (patch.Text("$patch"))
        {
            case "replace":
                return Clean(patch, "$patch");
            case "delete":
                return [];
            case null or "merge":
                break;
            case { } other:
                throw ApiException.BadRequest($"$patch: {other} is neither replace, delete nor merge");
        }

        var result = target?.Copy() ?? [];
        foreach (var (name, value) in patch)
        {
            const string Deletion = "$deleteFromPrimitiveList/";
            if (name.StartsWith(Deletion, StringComparison.Ordinal))
            {
                if (result[name[Deletion.Length..]] is JsonArray shrinking && value is JsonArray gone)
                {
                    shrinking.RemoveAll(one => gone.Any(other => JsonNode.DeepEquals(one, other)));
                }
            }
            else if (name.StartsWith('$'))
            {
                // The order of elements, and what is retained, which is looked at last.
            }
            else if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = value switch
                {
                    JsonObject item => Merge(result[name] as JsonObject, item),
                    JsonArray list when Keys.TryGetValue(name, out var key) && list.All(one => one is JsonObject) => MergeList(result[name] as JsonArray, list, key, name),
                    JsonArray list when Sets.Contains(name) => new JsonArray([.. (result[name] as JsonArray ?? []).Concat(list).DistinctBy(one => one?.ToJsonString()).Select(one => one?.DeepClone())]),
                    _ => value.DeepClone(),
                };
            }
        }

        if (patch["$retainKeys"] is JsonArray retained)
        {
            foreach (var name in result.Select(pair => pair.Key).Except(retained.Texts()).ToList())
            {
                result.Remove(name);
            }
        }

        return result;
    }

    private static JsonArray MergeList(JsonArray? target, JsonArray patch, string key, string field)
    {
        if (patch.Any(one => one.Text("$patch") == "replace"))
        {
            return new JsonArray([.. patch.Where(one => one.Text("$patch") is null).Select(one => one!.DeepClone())]);
        }

        var result = (JsonArray?)target?.DeepClone() ?? [];
        foreach (var change in patch.OfType<JsonObject>())
        {
            var value = change[key] ?? throw ApiException.BadRequest($"map: {change.ToJsonString()} does not contain declared merge key: {key} (in {field})");
            var there = result.FirstOrDefault(one => JsonNode.DeepEquals(one.At(key), value));
            if (change.Text("$patch") == "delete")
            {
                result.Remove(there);
            }
            else if (there is JsonObject item)
            {
                result[result.IndexOf(there)] = Merge(item, change);
            }
            else
            {
                result.Add((JsonNode?)Merge(null, change));
            }
        }

        return result;
    }

    private static JsonObject Clean(JsonObject patch, string directive)
    {
        var result = patch.Copy();
        result.Remove(directive);
        return result;
    }
}
