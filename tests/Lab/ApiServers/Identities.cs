using System.Text;

namespace Lab.ApiServers;

/// <summary>
/// Who may knock at an API server: its administrator, and ServiceAccounts by bearer token. A server reads its token file only
/// when it starts, and tests want namespaces of their own: so namespaces come from a numbered pool, and each has every name.
/// </summary>
public static class Identities
{
    /// <summary>How many namespaces a server can give away.</summary>
    public const int Namespaces = 1000;

    /// <summary>A member of <c>system:masters</c>, whom RBAC never refuses.</summary>
    public const string AdminToken = "lab-admin";

    /// <summary>The names that a ServiceAccount can have: one for each step, and some for whatever a test needs.</summary>
    public static readonly IReadOnlyList<string> ServiceAccounts =
        ["default", "plan-build", "clone-source", "customize-disk", "seal-volume", "push-containerdisk", "publish-datasource", "discard-volume", "golden-image", "cdi", "alice", "bob"];

    /// <summary>The pool's namespace of a number.</summary>
    public static string Namespace(int number) => number < Namespaces
        ? $"lab-{number:D4}"
        : throw new InvalidOperationException($"all {Namespaces} namespaces of the pool are used: raise Identities.Namespaces");

    /// <summary>The token of a ServiceAccount; it never expires, and exists although no such object does.</summary>
    public static string Token(string @namespace, string serviceAccount) =>
        @namespace.StartsWith("lab-", StringComparison.Ordinal) && ServiceAccounts.Contains(serviceAccount)
            ? $"{@namespace}.{serviceAccount}"
            : throw new InvalidOperationException($"there is no token for {@namespace}/{serviceAccount}: the namespace must come from CreateNamespace, the name from Identities.ServiceAccounts");

    /// <summary>The name under which the server knows the bearer of a token.</summary>
    public static string User(string token) => token switch
    {
        AdminToken => "admin",
        _ when token.Split('.') is [var @namespace, var name] => $"system:serviceaccount:{@namespace}:{name}",
        _ => "",
    };

    /// <summary>The token file: token, user, uid, groups.</summary>
    internal static string TokenFile()
    {
        var text = new StringBuilder($"{AdminToken},admin,admin,\"system:masters\"\n");
        for (var number = 0; number < Namespaces; number++)
        {
            var space = Namespace(number);
            foreach (var name in ServiceAccounts)
            {
                var token = Token(space, name);
                text.Append($"{token},{User(token)},{token},\"system:serviceaccounts,system:serviceaccounts:{space}\"\n");
            }
        }

        return text.ToString();
    }

    /// <summary>A kubeconfig for one token at one address.</summary>
    internal static string Kubeconfig(string url, string caFile, string token, string @namespace) =>
        $$"""
        apiVersion: v1
        kind: Config
        current-context: lab
        contexts:
        - name: lab
          context: { cluster: lab, user: lab, namespace: {{@namespace}} }
        clusters:
        - name: lab
          cluster:
            server: {{url}}
            certificate-authority: {{caFile}}
        users:
        - name: lab
          user: { token: {{token}} }

        """;
}
