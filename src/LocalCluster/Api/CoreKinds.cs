using System.Text.Json.Nodes;
using Kubernetes.Models;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>What the real server does for some of its own kinds alone (Kubernetes, pkg/registry).</summary>
internal static class CoreKinds
{
    /// <summary>Whether it would be a custom resource on a real server.</summary>
    internal static bool IsCustom(ApiResource resource) =>
        resource.Group.Contains('.', StringComparison.Ordinal) && (!resource.Group.EndsWith(".k8s.io", StringComparison.Ordinal) || resource.Group == "snapshot.storage.k8s.io");

    internal static bool CountsGenerations(ApiResource resource) => IsCustom(resource);

    /// <summary>Whether nothing holds a deleted object any longer.</summary>
    internal static bool MayEnd(ApiResource resource, JsonObject item) =>
        item.Texts("metadata", "finalizers").Count == 0
        && (item.Number("metadata", "deletionGracePeriodSeconds") ?? 0) == 0
        && (resource is not { Group: "", Plural: "namespaces" } || item.Texts("spec", "finalizers").Count == 0);

    /// <summary>How long an object has to end; 0 for all but pods on a node.</summary>
    internal static long Grace(Stored one, long? asked) =>
        one.Resource is { Group: "", Plural: "pods" } && one.Item.Text("spec", "nodeName") is { Length: > 0 } && one.Item.Text("status", "phase") is not ("Succeeded" or "Failed")
            ? asked ?? one.Item.Number("spec", "terminationGracePeriodSeconds") ?? 30
            : 0;

    /// <summary>What the schema's defaults do not say.</summary>
    internal static void Default(ApiResource resource, JsonObject item, bool isNew)
    {
        var metadata = item.Child("metadata");
        if (resource is { Group: "", Plural: "namespaces" } && metadata["labels"] is (null or JsonObject))
        {
            metadata.Child("labels")["kubernetes.io/metadata.name"] = metadata.Text("name");
        }
        else if (isNew && resource is { Group: "", Plural: "persistentvolumeclaims" } && metadata["finalizers"] is (null or JsonArray))
        {
            // As the admission plugin does it: the node's side takes it away.
            metadata["finalizers"] = Json.List(metadata.Texts("finalizers").Append(PersistentVolumeClaim.ProtectionFinalizer).Distinct());
        }

        Validation.Default(resource, item);
    }

    /// <summary>What may not change.</summary>
    internal static IEnumerable<StatusCause> Immutable(ApiResource resource, JsonObject current, JsonObject next)
    {
        switch (resource)
        {
            case { Group: Authorization.Group } when !JsonNode.DeepEquals(current["roleRef"], next["roleRef"]):
                yield return new StatusCause { Reason = "FieldValueInvalid", Field = "roleRef", Message = $"Invalid value: {next["roleRef"]?.ToJsonString()}: cannot change roleRef" };
                break;
            case { Group: "", Plural: "secrets" } when current.Text("type") != next.Text("type"):
                yield return new StatusCause { Reason = "FieldValueInvalid", Field = "type", Message = $"Invalid value: \"{next.Text("type")}\": field is immutable" };
                break;
            case { Group: "", Plural: "pods" } when !JsonNode.DeepEquals(Without(current, "nodeName"), Without(next, "nodeName"))
                || (current.Text("spec", "nodeName") is { Length: > 0 } node && node != next.Text("spec", "nodeName")):
                yield return new StatusCause { Reason = "FieldValueForbidden", Field = "spec", Message = "Forbidden: pod updates may not change fields of spec" };
                break;
            case { Group: "", Plural: "persistentvolumeclaims" } when !JsonNode.DeepEquals(Without(current, "resources", "volumeName"), Without(next, "resources", "volumeName"))
                || (current.Text("spec", "volumeName") is { Length: > 0 } volume && volume != next.Text("spec", "volumeName")):
                yield return new StatusCause
                {
                    Reason = "FieldValueForbidden",
                    Field = "spec",
                    Message = "Forbidden: spec is immutable after creation except resources.requests for bound claims",
                };
                break;
        }

        static JsonNode Without(JsonObject item, params string[] fields)
        {
            var spec = (item["spec"] as JsonObject)?.Copy() ?? [];
            foreach (var field in fields)
            {
                spec.Remove(field);
            }

            return spec;
        }
    }
}
