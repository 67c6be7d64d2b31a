using System.Text.Json.Nodes;
using Lab;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

/// <summary>One permission of a file: one verb on one resource in one Role.</summary>
internal sealed record Grant(string Role, string Namespace, string Group, string Resource, string Verb)
{
    /// <summary>As the API server words it when it is missing.</summary>
    public string Refusal => $"cannot {Verb} resource \"{Resource}\" in API group \"{Group}\" in the namespace";

    public override string ToString() => $"{Role}: {Verb} {Resource}{(Group.Length > 0 ? $".{Group}" : "")}";
}

/// <summary>A task's <c>rbac.yaml</c>, as kubectl reads it.</summary>
internal sealed class RbacFile
{
    /// <summary>Stands for the namespace where objects go that name none (<c>kubectl apply -n</c>).</summary>
    public const string Home = "home-of-the-pipeline";

    private readonly string _list;

    private RbacFile(string list) => _list = list;

    /// <summary>Every permission in it.</summary>
    public IReadOnlyList<Grant> Grants =>
    [
        .. from item in Objects(_list)
           where (string?)item["kind"] == "Role"
           from rule in item["rules"]!.AsArray()
           from resource in rule!["resources"]!.AsArray()
           from verb in rule["verbs"]!.AsArray()
           select new Grant((string)item["metadata"]!["name"]!, (string)item["metadata"]!["namespace"]!, (string)rule["apiGroups"]!.AsArray().Single()!, (string)resource!, (string)verb!),
    ];

    /// <summary>Reads a file of the repository: <c>tasks/clone-source/rbac.yaml</c>.</summary>
    public static RbacFile Read(KubeApiServer server, string path) => new(new Kubectl(server.Kubeconfig(Home)).Run(
        "apply", "--dry-run=client", "-o", "json", "-f", Path.Combine(Repository.Root, path)));

    /// <summary>Creates all of it, but for one permission, and returns when the server acts by it.</summary>
    /// <param name="server">The server.</param>
    /// <param name="namespaces">For each namespace of the file, and for <see cref="Home"/>, the test's.</param>
    /// <param name="without">What is left out; null for nothing.</param>
    public async Task ApplyAsync(KubeApiServer server, IReadOnlyDictionary<string, string> namespaces, Grant? without)
    {
        var text = namespaces.Aggregate(_list, (list, name) => list.Replace($"\"{name.Key}\"", $"\"{name.Value}\"", StringComparison.Ordinal));
        var account = "";
        foreach (var item in Objects(text))
        {
            var (kind, space) = ((string)item["kind"]!, (string)item["metadata"]!["namespace"]!);
            item["metadata"]!.AsObject().Remove("annotations");
            var path = kind switch
            {
                "ServiceAccount" => $"/api/v1/namespaces/{space}/serviceaccounts",
                "Role" => $"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/roles",
                _ => $"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/rolebindings",
            };
            if (kind == "Role" && without is not null && (string)item["metadata"]!["name"]! == without.Role)
            {
                item["rules"] = Split(item["rules"]!.AsArray(), without);
            }
            else if (kind == "ServiceAccount")
            {
                account = $"system:serviceaccount:{space}:{item["metadata"]!["name"]}";
            }

            await server.Http.CreateAsync(path, item.ToJsonString());
        }

        // The authorizer follows the objects by watches: one permission of each Role says that it has seen the Role.
        foreach (var seen in Grants.Where(grant => grant != without).GroupBy(grant => grant.Role).Select(role => role.First()))
        {
            while (!await MayAsync(server, account, seen, namespaces))
            {
                await Task.Delay(20);
            }
        }
    }

    /// <summary>Asks the server whether a user has a permission (SubjectAccessReview), as CDI's webhook does.</summary>
    public static async Task<bool> MayAsync(KubeApiServer server, string user, Grant grant, IReadOnlyDictionary<string, string> namespaces)
    {
        var resource = grant.Resource.Split('/');
        var review = await server.Http.CreateAsync("/apis/authorization.k8s.io/v1/subjectaccessreviews", new JsonObject
        {
            ["apiVersion"] = "authorization.k8s.io/v1",
            ["kind"] = "SubjectAccessReview",
            ["spec"] = new JsonObject
            {
                ["user"] = user,
                ["resourceAttributes"] = new JsonObject
                {
                    ["namespace"] = namespaces[grant.Namespace],
                    ["group"] = grant.Group,
                    ["resource"] = resource[0],
                    ["subresource"] = resource.ElementAtOrDefault(1),
                    ["verb"] = grant.Verb,
                },
            },
        }.ToJsonString());
        return (bool)review["status"]!["allowed"]!;
    }

    private static List<JsonNode> Objects(string list) => [.. JsonNode.Parse(list)!["items"]!.AsArray().Select(item => item!)];

    /// <summary>The rules, one permission each, without that one.</summary>
    private static JsonArray Split(JsonArray rules, Grant without) =>
    [
        .. from rule in rules
           let @group = (string)rule!["apiGroups"]!.AsArray().Single()!
           from resource in rule!["resources"]!.AsArray().Select(resource => (string)resource!)
           from verb in rule["verbs"]!.AsArray().Select(verb => (string)verb!)
           where (@group, resource, verb) != (without.Group, without.Resource, without.Verb)
           select new JsonObject { ["apiGroups"] = new JsonArray(@group), ["resources"] = new JsonArray(resource), ["verbs"] = new JsonArray(verb) },
    ];
}
