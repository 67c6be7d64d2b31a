using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Api;

/// <summary>What somebody wants to do.</summary>
/// <param name="Verb">As in <c>create</c>.</param>
/// <param name="Group">The group.</param>
/// <param name="Resource">The resource, with a slash and the subresource where there is one.</param>
/// <param name="Namespace">The namespace; "" for the cluster, or all.</param>
/// <param name="Name">The object; "" for any.</param>
internal readonly record struct Access(string Verb, string Group, string Resource, string Namespace, string Name)
{
    internal string Refusal(string user) =>
        $"User \"{user}\" cannot {Verb} resource \"{Resource}\" in API group \"{Group}\" {(Namespace.Length == 0 ? "at the cluster scope" : $"in the namespace \"{Namespace}\"")}";
}

/// <summary>Roles and their bindings (Kubernetes docs, "Using RBAC Authorization"). What is granted nowhere is refused.</summary>
internal sealed class Authorization(ObjectStore store)
{
    internal const string Group = "rbac.authorization.k8s.io";
    private static readonly string[] ForAll = ["/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz"];
    private static readonly ApiResource Roles = ApiResources.Find(Group, "v1", "roles")!;
    private static readonly ApiResource ClusterRoles = ApiResources.Find(Group, "v1", "clusterroles")!;
    private static readonly ApiResource RoleBindings = ApiResources.Find(Group, "v1", "rolebindings")!;
    private static readonly ApiResource ClusterRoleBindings = ApiResources.Find(Group, "v1", "clusterrolebindings")!;

    internal bool Allows(Caller caller, Access access) => caller.IsMaster || Rules(caller, access.Namespace).Any(rule => Grants(rule, access));

    /// <summary>An address that is no resource's: what the server says of itself is for everybody who is known.</summary>
    internal bool AllowsPath(Caller caller, string verb, string path) =>
        caller.IsMaster
        || (verb == "get" && Array.Exists(
            ForAll, one => path == one || path.StartsWith($"{one}/", StringComparison.Ordinal)))
        || Rules(caller, "").Any(rule => Has(rule, "verbs", verb)
            && rule.Texts("nonResourceURLs").Any(one => one == path || (one.EndsWith('*') && path.StartsWith(one[..^1], StringComparison.Ordinal))));

    /// <summary>What a caller may in a namespace; in the whole cluster with "".</summary>
    internal IEnumerable<JsonObject> Rules(Caller caller, string inNamespace)
    {
        foreach (var binding in Bindings(ClusterRoleBindings, "").Concat(inNamespace.Length == 0 ? [] : Bindings(RoleBindings, inNamespace)))
        {
            if (binding.Item.Objects("subjects").Any(subject => Means(subject, caller, binding.Namespace)))
            {
                foreach (var rule in RulesOf(binding.Item, binding.Namespace))
                {
                    yield return rule;
                }
            }
        }
    }

    /// <summary>Nobody may grant what he has not (Kubernetes docs, "Privilege escalation prevention and bootstrapping").</summary>
    /// <exception cref="ApiException">He would (403).</exception>
    internal void CheckGrant(Caller caller, ApiResource resource, string inNamespace, JsonObject item)
    {
        var isBinding = resource.Plural is "rolebindings" or "clusterrolebindings";
        if (resource.Group != Group || caller.IsMaster)
        {
            return;
        }

        var name = item.Text("metadata", "name") ?? "";
        var around = isBinding
            ? new Access("bind", Group, item.Text("roleRef", "kind") == "Role" ? "roles" : "clusterroles", inNamespace, item.Text("roleRef", "name") ?? "")
            : new Access("escalate", Group, resource.Plural, inNamespace, name);
        if (Allows(caller, around))
        {
            return;
        }

        var own = Rules(caller, inNamespace).ToList();
        foreach (var rule in isBinding ? RulesOf(item, inNamespace) : item.Objects("rules"))
        {
            if (!IsCovered(rule, own))
            {
                throw ApiException.Forbidden(
                    resource, name,
                    $"user \"{caller.Name}\" (groups=[{string.Join(' ', caller.Groups.Select(one => $"\"{one}\""))}]) is attempting to grant RBAC permissions not currently held: {rule.ToJsonString()}");
            }
        }
    }

    private static bool Grants(JsonObject rule, Access access)
    {
        var names = rule.Texts("resourceNames");
        return Has(rule, "verbs", access.Verb) && Has(rule, "apiGroups", access.Group) && rule.Texts("resources").Any(one => Covers(one, access.Resource))
            && (names.Count == 0 || names.Contains(access.Name));
    }

    private static bool Covers(string granted, string asked) => granted == "*" || granted == asked
        || (granted.StartsWith("*/", StringComparison.Ordinal) && asked.EndsWith(granted[1..], StringComparison.Ordinal));

    private static bool Has(JsonObject rule, string field, string value) => rule.Texts(field).Any(one => one == "*" || one == value);

    /// <summary>Whether each single thing that a rule grants is granted by one of others.</summary>
    private static bool IsCovered(JsonObject rule, List<JsonObject> own) =>
        (from verb in rule.Texts("verbs")
         from path in rule.Texts("nonResourceURLs")
         select own.Any(one => Has(one, "verbs", verb) && one.Texts("nonResourceURLs").Any(granted => granted == path || granted == "*"))).All(held => held)
        && (from verb in rule.Texts("verbs")
            from itsGroup in rule.Texts("apiGroups")
            from resource in rule.Texts("resources")
            from name in rule.Texts("resourceNames").DefaultIfEmpty("")
            select own.Any(one => Grants(one, new Access(verb, itsGroup, resource, "", name)))).All(held => held);

    private IEnumerable<Stored> Bindings(ApiResource resource, string inNamespace) => store.Snapshot(resource)!.Value.Items.Values.Where(one => one.Namespace == inNamespace);

    private IEnumerable<JsonObject> RulesOf(JsonObject binding, string inNamespace)
    {
        var (kind, name) = (binding.Text("roleRef", "kind"), binding.Text("roleRef", "name") ?? "");
        var role = kind == "Role" ? store.Find(Roles, inNamespace, name) : store.Find(ClusterRoles, "", name);
        return role?.Item.Objects("rules") ?? [];
    }

    private static bool Means(JsonObject subject, Caller caller, string inNamespace) => subject.Text("kind") switch
    {
        "User" => subject.Text("name") == caller.Name,
        "Group" => subject.Text("name") is { } group && caller.Groups.Contains(group),
        "ServiceAccount" => caller.Name == Caller.ServiceAccountName(subject.Text("namespace") is { Length: > 0 } named ? named : inNamespace, subject.Text("name") ?? ""),
        _ => false,
    };
}
