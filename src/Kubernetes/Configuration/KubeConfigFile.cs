using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kubernetes.Configuration;

/// <summary>Reads kubeconfig files (Kubernetes docs, "Organizing Cluster Access Using kubeconfig Files"; client.config v1).</summary>
internal static class KubeConfigFile
{
    /// <summary>The cluster of a context.</summary>
    /// <param name="files">The files; the first that names a thing wins. Missing ones are passed over where there are several.</param>
    /// <param name="context">The context; empty for the current one.</param>
    internal static ClusterAccess Load(IReadOnlyList<string> files, string? context)
    {
        var roots = files.Where(file => files.Count == 1 || File.Exists(file)).Select(file => (File: file, Root: Read(file))).ToList();
        var origin = string.Join(':', files);
        if (string.IsNullOrEmpty(context))
        {
            context = roots.Select(root => Text(root.Root, "current-context")).FirstOrDefault(name => !string.IsNullOrEmpty(name))
                ?? throw Mistake(origin, "no current-context", "name one with --context, or set it with kubectl config use-context");
        }

        var (_, chosen) = Entry(roots, "contexts", "context", context) ?? throw Mistake(origin, $"no context \"{context}\"", "kubectl config get-contexts lists them");
        var clusterName = Text(chosen, "cluster") ?? "";
        var (clusterFile, cluster) = Entry(roots, "clusters", "cluster", clusterName) ?? throw Mistake(origin, $"context \"{context}\" names the cluster \"{clusterName}\", which is not there", "");
        var userName = Text(chosen, "user") ?? "";
        var user = Entry(roots, "users", "user", userName);
        if (!Uri.TryCreate(Text(cluster, "server"), UriKind.Absolute, out var server) || server.Scheme is not ("https" or "http"))
        {
            throw Mistake(origin, $"the cluster \"{clusterName}\" has no server address", "");
        }

        var authorities = Data(clusterFile, cluster, "certificate-authority");
        return new ClusterAccess
        {
            Server = new Uri(server.AbsoluteUri.EndsWith('/') ? server.AbsoluteUri : server.AbsoluteUri + "/"),
            Authorities = authorities is null ? null : Certificates(clusterFile, authorities),
            TlsServerName = Text(cluster, "tls-server-name"),
            Insecure = Text(cluster, "insecure-skip-tls-verify") == "true",
            ClientCertificate = user is var (userFile, found) ? ClientCertificate(userFile, found) : null,
            Token = user is var (file, settings) ? Token(file, settings) : null,
            ActAs = user is var (_, acting) ? Text(acting, "as") : null,
            ActAsGroups = user is var (_, groups) && groups.Children.TryGetValue("as-groups", out var list) && list is YamlSequenceNode sequence
                ? [.. sequence.OfType<YamlScalarNode>().Select(node => node.Value ?? "")] : [],
            Namespace = Text(chosen, "namespace") is { Length: > 0 } named ? named : "default",
            Origin = $"{origin}, context {context}",
        };
    }

    /// <summary>Certificates in PEM.</summary>
    internal static X509Certificate2Collection Certificates(string origin, string pem)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (CryptographicException fault)
        {
            throw new KubernetesException(KubernetesFault.Usage, origin, $"the certificate authority is no PEM: {fault.Message}", "", fault);
        }

        return all;
    }

    private static X509Certificate2? ClientCertificate(string file, YamlMappingNode user)
    {
        var certificate = Data(file, user, "client-certificate");
        var key = Data(file, user, "client-key");
        if (certificate is null || key is null)
        {
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (CryptographicException fault)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"the client certificate and its key don't fit: {fault.Message}", "", fault);
        }
    }

    private static ITokenSource? Token(string file, YamlMappingNode user) =>
        Text(user, "token") is { Length: > 0 } token ? new FixedToken(token)
        : Text(user, "tokenFile") is { Length: > 0 } path ? new TokenFile(Beside(file, path), TimeProvider.System)
        : null;

    /// <summary>A value that stands in the file in base64 (<c>x-data</c>), or in a file beside it (<c>x</c>).</summary>
    private static string? Data(string file, YamlMappingNode node, string name)
    {
        try
        {
            return Text(node, $"{name}-data") is { Length: > 0 } data ? Encoding.UTF8.GetString(Convert.FromBase64String(data))
                : Text(node, name) is { Length: > 0 } path ? File.ReadAllText(Beside(file, path))
                : null;
        }
        catch (Exception fault) when (fault is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"{name}: {fault.Message}", "", fault);
        }
    }

    private static string Beside(string file, string path) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, path);

    private static (string File, YamlMappingNode Node)? Entry(List<(string File, YamlMappingNode Root)> roots, string list, string member, string name)
    {
        foreach (var (file, root) in roots)
        {
            if (root.Children.TryGetValue(list, out var node) && node is YamlSequenceNode entries
                && entries.OfType<YamlMappingNode>().FirstOrDefault(entry => Text(entry, "name") == name) is { } found
                && found.Children.TryGetValue(member, out var inner) && inner is YamlMappingNode mapping)
            {
                return (file, mapping);
            }
        }

        return null;
    }

    private static YamlMappingNode Read(string file)
    {
        try
        {
            var yaml = new YamlStream();
            using var reader = new StreamReader(file);
            yaml.Load(reader);
            return yaml.Documents.Count > 0 && yaml.Documents[0].RootNode is YamlMappingNode root ? root : throw Mistake(file, "no kubeconfig", "");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"the kubeconfig can't be read: {fault.Message}", "", fault);
        }
        catch (YamlException fault)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"no kubeconfig: {fault.Message}", "", fault);
        }
    }

    private static string? Text(YamlMappingNode node, string name) =>
        node.Children.TryGetValue(name, out var value) && value is YamlScalarNode scalar ? scalar.Value : null;

    private static KubernetesException Mistake(string file, string cause, string next) => new(KubernetesFault.Usage, file, cause, next);
}
