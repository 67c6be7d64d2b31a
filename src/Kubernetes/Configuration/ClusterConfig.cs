namespace Kubernetes.Configuration;

/// <summary>Finds the cluster as kubectl's users expect it.</summary>
public static class ClusterConfig
{
    private const string ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>
    /// The cluster of a named kubeconfig; else of <c>KUBECONFIG</c>; else, in a pod, of the pod's ServiceAccount; else of
    /// <c>~/.kube/config</c>.
    /// </summary>
    /// <param name="kubeconfig">A kubeconfig's path; empty for the search above.</param>
    /// <param name="context">A context of it; empty for the current one.</param>
    /// <exception cref="KubernetesException">There is none, or it makes no sense.</exception>
    public static ClusterAccess Load(string? kubeconfig = null, string? context = null)
    {
        if (!string.IsNullOrEmpty(kubeconfig))
        {
            return KubeConfigFile.Load([kubeconfig], context);
        }

        if (Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } list)
        {
            return KubeConfigFile.Load(list.Split(':', StringSplitOptions.RemoveEmptyEntries), context);
        }

        var host = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST");
        if (string.IsNullOrEmpty(context) && !string.IsNullOrEmpty(host) && File.Exists($"{ServiceAccount}/token"))
        {
            return InCluster(host, Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT"), ServiceAccount);
        }

        var home = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".kube", "config");
        return File.Exists(home)
            ? KubeConfigFile.Load([home], context)
            : throw new KubernetesException(
                KubernetesFault.Usage, "cluster", "no kubeconfig, and not in a pod with a ServiceAccount", "give --kubeconfig, or set KUBECONFIG");
    }

    /// <summary>The cluster that a pod runs in (Kubernetes docs, "Accessing the Kubernetes API from a Pod").</summary>
    /// <param name="host">The API server's address.</param>
    /// <param name="port">Its port; 443 without one.</param>
    /// <param name="folder">Where the ServiceAccount's token, authorities and namespace are; the kubelet replaces the first two now and then.</param>
    internal static ClusterAccess InCluster(string host, string? port, string folder)
    {
        var address = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
        var authorities = $"{folder}/ca.crt";
        try
        {
            return new ClusterAccess
            {
                Server = new Uri($"https://{address}:{(string.IsNullOrEmpty(port) ? "443" : port)}/"),
                Authorities = PemFiles.Certificates(authorities, File.ReadAllText(authorities)),
                AuthoritiesFile = authorities,
                Token = new TokenFile($"{folder}/token", TimeProvider.System),
                Namespace = File.Exists($"{folder}/namespace") ? File.ReadAllText($"{folder}/namespace").Trim() : "default",
                Origin = "the pod's ServiceAccount",
            };
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or UriFormatException)
        {
            throw new KubernetesException(KubernetesFault.Usage, "the pod's ServiceAccount", fault.Message, "mount the ServiceAccount's token, or give --kubeconfig", fault);
        }
    }
}
