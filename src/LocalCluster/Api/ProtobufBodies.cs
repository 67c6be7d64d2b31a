using System.Text;
using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>
/// Reads the bodies that kubectl sends as protobuf whatever a server says it takes: of <c>kubectl create configmap</c>, <c>create token</c>,
/// <c>auth can-i</c> and their like (Kubernetes API concepts, "Kubernetes Protobuf encoding"; numbers from the generated.proto files of k8s.io/api).
/// </summary>
internal static class ProtobufBodies
{
    internal const string MediaType = "application/vnd.kubernetes.protobuf";
    private const int MostDepth = 16;

    /// <summary>A message a line, its fields as <c>number name type</c>. Statuses and what the server sets itself are passed over.</summary>
    private const string Messages = """
        ObjectMeta: 1 name text, 2 generateName text, 3 namespace text, 5 uid text, 6 resourceVersion text, 11 labels map, 12 annotations map, 13 ownerReferences OwnerReference*, 14 finalizers text*
        OwnerReference: 1 kind text, 3 name text, 4 uid text, 5 apiVersion text, 6 controller flag, 7 blockOwnerDeletion flag
        ConfigMap: 1 metadata ObjectMeta, 2 data map, 3 binaryData bytemap, 4 immutable flag
        Secret: 1 metadata ObjectMeta, 2 data bytemap, 3 type text, 4 stringData map, 5 immutable flag
        Namespace: 1 metadata ObjectMeta
        ServiceAccount: 1 metadata ObjectMeta, 2 secrets ObjectReference*, 3 imagePullSecrets LocalReference*, 4 automountServiceAccountToken flag
        ObjectReference: 1 kind text, 2 namespace text, 3 name text, 4 uid text, 5 apiVersion text, 6 resourceVersion text, 7 fieldPath text
        LocalReference: 1 name text
        Role: 1 metadata ObjectMeta, 2 rules PolicyRule*
        ClusterRole: 1 metadata ObjectMeta, 2 rules PolicyRule*
        PolicyRule: 1 verbs text*, 2 apiGroups text*, 3 resources text*, 4 resourceNames text*, 5 nonResourceURLs text*
        RoleBinding: 1 metadata ObjectMeta, 2 subjects Subject*, 3 roleRef RoleRef
        ClusterRoleBinding: 1 metadata ObjectMeta, 2 subjects Subject*, 3 roleRef RoleRef
        Subject: 1 kind text, 2 apiGroup text, 3 name text, 4 namespace text
        RoleRef: 1 apiGroup text, 2 kind text, 3 name text
        TokenRequest: 1 metadata ObjectMeta, 2 spec TokenRequestSpec
        TokenRequestSpec: 1 audiences text*, 3 boundObjectRef BoundReference, 4 expirationSeconds number
        BoundReference: 1 kind text, 2 apiVersion text, 3 name text, 4 uid text
        SelfSubjectReview: 1 metadata ObjectMeta
        SelfSubjectRulesReview: 1 metadata ObjectMeta, 2 spec RulesSpec
        RulesSpec: 1 namespace text
        SelfSubjectAccessReview: 1 metadata ObjectMeta, 2 spec AccessSpec
        SubjectAccessReview: 1 metadata ObjectMeta, 2 spec AccessSpec
        LocalSubjectAccessReview: 1 metadata ObjectMeta, 2 spec AccessSpec
        AccessSpec: 1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes PathAttributes, 3 user text, 4 groups text*, 6 uid text
        ResourceAttributes: 1 namespace text, 2 verb text, 3 group text, 4 version text, 5 resource text, 6 subresource text, 7 name text
        PathAttributes: 1 path text, 2 verb text
        DeleteOptions: 1 gracePeriodSeconds number, 2 preconditions Preconditions, 4 propagationPolicy text, 5 dryRun text*
        Preconditions: 1 uid text, 2 resourceVersion text
        Unknown: 1 typeMeta TypeMeta, 2 raw bytes
        TypeMeta: 1 apiVersion text, 2 kind text
        Entry: 1 key text, 2 value text
        ByteEntry: 1 key text, 2 value bytes
        """;

    private static readonly Dictionary<string, Dictionary<ulong, (string Name, string Type)>> Known = Messages.Split('\n').Select(line => line.Split(": ", 2)).ToDictionary(
        line => line[0],
        line => line[1].Split(", ").Select(field => field.Split(' ')).ToDictionary(field => ulong.Parse(field[0]), field => (field[1], field[2])),
        StringComparer.Ordinal);

    /// <exception cref="ApiException">It is none (400), or of a kind that is taken as JSON only (415).</exception>
    internal static JsonObject Read(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith("k8s\0"u8))
        {
            throw Broken();
        }

        var envelope = Message("Unknown", body[4..], 0);
        var kind = envelope.Text("typeMeta", "kind") ?? "";
        if (!Known.ContainsKey(kind) || envelope.Text("typeMeta", "apiVersion") is not { } version)
        {
            throw ApiException.MediaType($"a {ApiRequest.Printable(kind)} is taken as application/json only, not as {MediaType}: write it to a file and use kubectl apply -f");
        }

        var item = Message(kind, Convert.FromBase64String(envelope.Text("raw") ?? ""), 0);
        item["apiVersion"] = version;
        item["kind"] = kind;
        return (JsonObject)Json.Settle(item)!;
    }

    private static ApiException Broken() => ApiException.BadRequest($"the body can't be read as {MediaType}");

    private static JsonObject Message(string type, ReadOnlySpan<byte> body, int depth)
    {
        var (fields, item) = (Known[type], new JsonObject());
        while (body.Length > 0)
        {
            var tag = Number(ref body);
            var isKnown = fields.TryGetValue(tag >> 3, out var field);
            switch (tag & 7)
            {
                case 0:
                    var number = Number(ref body);
                    if (isKnown)
                    {
                        item[field.Name] = field.Type switch { "flag" => number != 0, "number" => (long)number, _ => throw Broken() };
                    }

                    break;
                case 2:
                    var length = Number(ref body);
                    if (length > (ulong)body.Length || depth > MostDepth)
                    {
                        throw Broken();
                    }

                    if (isKnown)
                    {
                        Put(item, field.Name, field.Type, body[..(int)length], depth);
                    }

                    body = body[(int)length..];
                    break;
                case 1 or 5 when !isKnown && body.Length >= ((tag & 7) == 1 ? 8 : 4):
                    body = body[((tag & 7) == 1 ? 8 : 4)..];
                    break;
                default:
                    throw Broken();
            }
        }

        return item;
    }

    /// <summary>Go writes empty texts and messages where nothing is said; in lists and maps they count.</summary>
    private static void Put(JsonObject item, string name, string type, ReadOnlySpan<byte> value, int depth)
    {
        switch (type)
        {
            case "map" or "bytemap":
                var entry = Message(type == "map" ? "Entry" : "ByteEntry", value, depth + 1);
                item.Child(name)[entry.Text("key") ?? ""] = entry.Text("value") ?? "";
                break;
            case "text*" or [.., '*']:
                if (item[name] is not JsonArray list)
                {
                    item[name] = list = [];
                }

                list.Add(type == "text*" ? (JsonNode)Encoding.UTF8.GetString(value) : Message(type[..^1], value, depth + 1));
                break;
            case "text" or "bytes" when value.Length > 0:
                item[name] = type == "text" ? Encoding.UTF8.GetString(value) : Convert.ToBase64String(value);
                break;
            case "flag" or "number":
                throw Broken();
            case not ("text" or "bytes") when Message(type, value, depth + 1) is { Count: > 0 } message:
                item[name] = message;
                break;
        }
    }

    private static ulong Number(ref ReadOnlySpan<byte> body)
    {
        var number = 0UL;
        for (var i = 0; i < 10 && i < body.Length; i++)
        {
            number |= (ulong)(body[i] & 0x7f) << (7 * i);
            if (body[i] < 0x80)
            {
                body = body[(i + 1)..];
                return number;
            }
        }

        throw Broken();
    }
}
