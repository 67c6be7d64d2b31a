using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;
using LocalCluster.Cdi;

namespace EndToEnd.Tests.Cluster;

/// <summary>The vendor's image as the cron imports it.</summary>
/// <param name="Digest">Of its manifest.</param>
public sealed record VendorImport(string Digest);

/// <summary>
/// An API server with our controllers beside it, a registry with the vendor's container disk, a private and a shared namespace, and
/// a ServiceAccount for each step that needs the cluster.
/// </summary>
public sealed class GoldenCluster : IAsyncDisposable
{
    private static readonly string[] OnCluster = ["plan-build", "clone-source", "publish-datasource", "discard-volume"];
    private readonly DockerRegistry _registry = DockerRegistry.Start();
    private readonly CancellationTokenSource _stop = new();
    private readonly Scratch _scratch;
    private readonly Task _controllers;
    private int _steps;

    private GoldenCluster(KubeApiServer server, Scratch scratch, string privateNamespace, string sharedNamespace)
    {
        (Server, _scratch, Private, Shared) = (server, scratch, privateNamespace, sharedNamespace);
        Client = new KubernetesClient(ClusterConfig.Load(server.Kubeconfig()));
        Cdi = new LocalCdi(Client, scratch["volumes"], new LocalCdiOptions { Log = Log.Enqueue });
        _controllers = Cdi.RunAsync(_stop.Token);
    }

    /// <summary>What the controllers and the steps said.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Log { get; } = new();

    public KubeApiServer Server { get; }

    /// <summary>The administrator's client.</summary>
    public KubernetesClient Client { get; }

    public LocalCdi Cdi { get; }

    /// <summary>Where the vendor's image is, and where the build works.</summary>
    public string Private { get; }

    /// <summary>Where everybody clones from.</summary>
    public string Shared { get; }

    /// <summary>Host and port of the registry.</summary>
    public string Registry => _registry.Host;

    public static async Task<GoldenCluster> StartAsync(KubeApiServer server, Scratch scratch)
    {
        var cluster = new GoldenCluster(server, scratch, await server.CreateNamespaceAsync("private"), await server.CreateNamespaceAsync("shared"));
        await cluster.Cdi.Ready;
        foreach (var step in OnCluster)
        {
            cluster.Grant(step);
        }

        return cluster;
    }

    /// <summary>A cron imports the vendor's container disk; ends when its DataSource is ready.</summary>
    public async Task<VendorImport> ImportVendorAsync()
    {
        VendorDisk.Ensure();
        var pushed = await StepProgram.Run(
            "push-containerdisk",
            [$"--disk={VendorDisk.Path}", "--disk-format=qcow2", $"--image={Registry}/vendor/debian:12", "--insecure=true", "--level=1",
                "--default-instancetype=u1.small", "--default-preference=debian"],
            _scratch["results/vendor"], Log.Enqueue, CancellationToken.None);
        new Kubectl(Server.Kubeconfig(Private)).Apply(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata:
              name: vendor
              namespace: {{Private}}
            spec:
              managedDataSource: vendor
              schedule: "0 3 * * *"
              template:
                spec:
                  source:
                    registry:
                      url: docker://{{Registry}}/vendor/debian:12
                  storage:
                    resources:
                      requests:
                        storage: 5Gi
            """);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await Client.WaitAsync(
            Kinds.DataSources, Private, "vendor", source => Condition.Of(source?.Status?.Conditions, "Ready")?.IsTrue == true, limit.Token);
        return new VendorImport(pushed["IMAGE_DIGEST"]);
    }

    /// <summary>Runs a step as its own ServiceAccount; its results.</summary>
    public async Task<IReadOnlyDictionary<string, string>> Step(string step, params string[] options)
    {
        string[] cluster = OnCluster.Contains(step) ? [$"--kubeconfig={Server.KubeconfigFor(Private, step)}"] : [];
        try
        {
            return await StepProgram.Run(step, [.. options, .. cluster], _scratch[$"results/{++_steps}"], Log.Enqueue, CancellationToken.None);
        }
        catch (FlowException fault)
        {
            throw new InvalidOperationException($"{fault.Message} (exit {fault.Code})\n{string.Join('\n', Log.TakeLast(60))}", fault);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _controllers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Cdi.Dispose();
        Client.Dispose();
        _registry.Dispose();
        _stop.Dispose();
    }

    /// <summary>What the head of each rbac.yaml tells an administrator to do: his namespaces in place of those that it names.</summary>
    private void Grant(string step)
    {
        var kubectl = new Kubectl(Server.Kubeconfig(Private));
        var folder = Path.Combine(Repository.Root, "tasks", step);
        var both = Path.Combine(folder, "rbac-two-namespaces.yaml");
        if (step is "plan-build" or "publish-datasource")
        {
            kubectl.Apply(File.ReadAllText(both)
                .Replace("openshift-virtualization-os-images", Shared, StringComparison.Ordinal)
                .Replace("golden-images", Private, StringComparison.Ordinal)
                .Replace("private-sources", Private, StringComparison.Ordinal));
        }
        else
        {
            kubectl.Run("apply", "-n", Private, "-f", Path.Combine(folder, "rbac.yaml"));
        }
    }
}
