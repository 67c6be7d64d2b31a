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
            return InCluster(host);
        }

        var home = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".kube", "config");
        return File.Exists(home)
            ? KubeConfigFile.Load([home], context)
            : throw new KubernetesException(
                KubernetesFault.Usage, "cluster", "no kubeconfig, and not in a pod with a ServiceAccount", "give --kubeconfig, or set KUBECONFIG");
    }

    private static ClusterAccess InCluster(string host)
    {
        var port = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT") is { Length: > 0 } named ? named : "443";
        var address = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
        return new ClusterAccess
        {
            Server = new Uri($"https://{address}:{port}/"),
            Authorities = KubeConfigFile.Certificates($"{ServiceAccount}/ca.crt", File.ReadAllText($"{ServiceAccount}/ca.crt")),
            Token = new TokenFile($"{ServiceAccount}/token", TimeProvider.System),
            Namespace = File.Exists($"{ServiceAccount}/namespace") ? File.ReadAllText($"{ServiceAccount}/namespace").Trim() : "default",
            Origin = "the pod's ServiceAccount",
        };
    }
}
