using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>What is always there: the first namespaces, and in each namespace the ServiceAccount of pods that name none.</summary>
internal static class FirstObjects
{
    private static readonly string[] FirstNamespaces = ["default", "kube-system"];
    private static readonly ApiResource Namespaces = ApiResources.Find("", "v1", "namespaces")!;
    private static readonly ApiResource ServiceAccounts = ApiResources.Find("", "v1", "serviceaccounts")!;

    internal static void Make(ObjectStore store, TimeProvider time)
    {
        foreach (var name in FirstNamespaces)
        {
            Make(store, Namespaces, "", name, time);
        }

        foreach (var space in store.Snapshot(Namespaces)!.Value.Items.Values.Where(one => !one.IsDeleting))
        {
            MakeAccount(store, space.Name, time);
        }
    }

    internal static void MakeAccount(ObjectStore store, string inNamespace, TimeProvider time) => Make(store, ServiceAccounts, inNamespace, "default", time);

    private static void Make(ObjectStore store, ApiResource resource, string inNamespace, string name, TimeProvider time)
    {
        if (store.Find(resource, inNamespace, name) is not null)
        {
            return;
        }

        var metadata = new JsonObject { ["name"] = name, ["uid"] = Guid.NewGuid().ToString(), ["creationTimestamp"] = Json.Time(time.GetUtcNow()) };
        if (inNamespace.Length > 0)
        {
            metadata["namespace"] = inNamespace;
        }

        var item = new JsonObject { ["apiVersion"] = resource.ApiVersion, ["kind"] = resource.Kind, ["metadata"] = metadata };
        CoreKinds.Default(resource, item, isNew: true);
        store.Commit(resource, inNamespace, name, null, item);
    }
}
