using System.Text;

namespace Kubernetes.Configuration;

/// <summary>
/// Reads kubeconfig files as kubectl does (Kubernetes docs, "Organizing Cluster Access Using kubeconfig Files"; reference of client.config v1):
/// of several files the first that names a cluster, a user, a context or the current context wins; paths are relative to the file they stand in.
/// </summary>
internal sealed class KubeConfigFile
{
    private readonly List<(string File, YamlText Root)> _roots;
    private readonly string _origin;

    private KubeConfigFile(IReadOnlyList<string> files)
    {
        // Of several, some may be missing.
        _roots = [.. files.Where(file => files.Count == 1 || File.Exists(file)).Select(file => (file, YamlText.Read(file)))];
        _origin = string.Join(':', files);
    }

    /// <summary>The cluster of a context.</summary>
    /// <param name="files">The files.</param>
    /// <param name="context">The context; empty for the current one.</param>
    /// <exception cref="KubernetesException">They make no sense.</exception>
    internal static ClusterAccess Load(IReadOnlyList<string> files, string? context) => new KubeConfigFile(files).Access(context);

    private ClusterAccess Access(string? context)
    {
        if (string.IsNullOrEmpty(context))
        {
            context = _roots.Select(root => root.Root.Value("current-context")).FirstOrDefault(name => name is not null)
                ?? throw Mistake("no current-context", "name one with --context, or set it with kubectl config use-context");
        }

        var (_, chosen) = Entry("contexts", "context", context) ?? throw Mistake($"no context \"{context}\"", "kubectl config get-contexts lists them");
        var clusterName = chosen.Value("cluster") ?? "";
        var (clusterFile, cluster) = Entry("clusters", "cluster", clusterName)
            ?? throw Mistake($"the context \"{context}\" names the cluster \"{clusterName}\", which is not there", "kubectl config get-clusters lists them");

        var access = Cluster(clusterName, clusterFile, cluster) with
        {
            Namespace = chosen.Value("namespace") ?? "default",
            Origin = $"{_origin}, context {context}",
        };
        return chosen.Value("user") is { } name
            ? User(access, name, Entry("users", "user", name) ?? throw Mistake($"the context \"{context}\" names the user \"{name}\", who is not there", "kubectl config get-users lists them"), cluster)
            : access;
    }

    private ClusterAccess Cluster(string name, string file, YamlText cluster)
    {
        if (!Uri.TryCreate(cluster.Value("server"), UriKind.Absolute, out var server) || server.Scheme is not ("https" or "http"))
        {
            throw Mistake($"the cluster \"{name}\" has no server address", "it must begin with https://");
        }

        var authorities = Data(file, cluster, "certificate-authority");
        var insecure = cluster.Flag("insecure-skip-tls-verify");
        if (insecure && authorities is not null)
        {
            throw Mistake($"the cluster \"{name}\" has both a certificate-authority and insecure-skip-tls-verify", "take one of them away");
        }

        Uri? proxy = null;
        if (cluster.Value("proxy-url") is { } address
            && (!Uri.TryCreate(address, UriKind.Absolute, out proxy) || proxy.Scheme is not ("http" or "https" or "socks5")))
        {
            throw Mistake($"the cluster \"{name}\" has a proxy-url that is none", "it must begin with http://, https:// or socks5://");
        }

        return new ClusterAccess
        {
            // Addresses below it are made by appending: some gateways serve many clusters by path.
            Server = new Uri(server.AbsoluteUri.EndsWith('/') ? server.AbsoluteUri : server.AbsoluteUri + "/"),
            Authorities = authorities is null ? null : PemFiles.Certificates($"{file}, cluster {name}", authorities),
            TlsServerName = cluster.Value("tls-server-name"),
            Insecure = insecure,
            Proxy = proxy,
        };
    }

    private ClusterAccess User(ClusterAccess access, string name, (string File, YamlText Node) found, YamlText cluster)
    {
        var (file, user) = found;
        if (user["auth-provider"] is not null)
        {
            throw Mistake($"the user \"{name}\" has an auth-provider, which Kubernetes has removed in 1.26", "use a plugin (exec): the tool that made this kubeconfig can make a new one");
        }

        if (user.Value("username") is not null || user.Value("password") is not null)
        {
            throw Mistake($"the user \"{name}\" has a password, which Kubernetes takes no more since 1.19", "use a token, a client certificate or a plugin (exec)");
        }

        access = access with
        {
            ActAs = user.Value("as"),
            ActAsUid = user.Value("as-uid"),
            ActAsGroups = [.. (user["as-groups"]?.Items ?? []).Select(group => group.Text ?? "")],
            ActAsExtra = (user["as-user-extra"] is { } extra ? extra.Keys.Select(key => (key, extra[key]!)) : [])
                .ToDictionary(pair => pair.key, pair => (IReadOnlyList<string>)[.. pair.Item2.Items.Select(item => item.Text ?? "")]),
        };
        if (access.ActAs is null && (access.ActAsUid is not null || access.ActAsGroups.Count > 0 || access.ActAsExtra.Count > 0))
        {
            throw Mistake($"the user \"{name}\" acts in groups of somebody (as-groups) but as nobody (as)", "add as: NAME");
        }

        if (user["exec"] is { } exec)
        {
            if (user.Value("token") is not null || user.Value("tokenFile") is not null || user.Value("client-certificate") is not null || user.Value("client-certificate-data") is not null)
            {
                throw Mistake($"the user \"{name}\" has both a plugin (exec) and other credentials", "take one of them away");
            }

            return access with { Token = ExecPlugin.Read(file, name, exec, cluster, TimeProvider.System) };
        }

        var (certificate, key) = (Data(file, user, "client-certificate"), Data(file, user, "client-key"));
        if (certificate is null != key is null)
        {
            throw Mistake($"the user \"{name}\" has {(key is null ? "a client-certificate without its client-key" : "a client-key without its client-certificate")}", "add it");
        }

        var token = user.Value("token");
        return access with
        {
            ClientCertificate = certificate is null ? null : PemFiles.WithKey($"{file}, user {name}", certificate, key!, TimeProvider.System),
            Token = user.Value("tokenFile") is { } path ? new TokenFile(Beside(file, path), TimeProvider.System, token) : token is null ? null : new FixedToken(token),
        };
    }

    /// <summary>A value that stands in the file in base64 (<c>x-data</c>), or in a file beside it (<c>x</c>).</summary>
    private static string? Data(string file, YamlText node, string name)
    {
        try
        {
            return node.Value($"{name}-data") is { } data ? Encoding.UTF8.GetString(Convert.FromBase64String(data))
                : node.Value(name) is { } path ? File.ReadAllText(Beside(file, path))
                : null;
        }
        catch (Exception fault) when (fault is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new KubernetesException(KubernetesFault.Usage, file, $"{name}: {fault.Message}", "", fault);
        }
    }

    private static string Beside(string file, string path) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, path);

    private (string File, YamlText Node)? Entry(string list, string member, string name)
    {
        foreach (var (file, root) in _roots)
        {
            if (root[list]?.Items.FirstOrDefault(entry => entry["name"]?.Text == name)?[member] is { } found)
            {
                return (file, found);
            }
        }

        return null;
    }

    private KubernetesException Mistake(string cause, string next) => new(KubernetesFault.Usage, _origin, Client.Refusals.Printable(cause), next);
}
