using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using LocalCluster.Api;
using LocalCluster.Cdi;
using LocalCluster.Cdi.Admission;
using LocalCluster.Collection;
using LocalCluster.Controllers;
using LocalCluster.Pods;
using LocalCluster.Tekton;

namespace LocalCluster;

/// <summary>The local cluster in this process: the API server, or another one, with the controllers and the node.</summary>
internal static class Serve
{
    private const string DefaultClass = "storageclass.kubernetes.io/is-default-class";

    /// <summary>Works until SIGTERM or SIGINT; the exit code.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends it is told to whoever waits for it.")]
    internal static async Task<int> RunAsync(Settings settings)
    {
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        Directory.CreateDirectory(settings.State);
        await using var held = Settings.TryLock(settings.Lock)
            ?? throw new IOException($"{settings.State}: a local cluster runs there already; local-cluster status tells which, local-cluster down ends it");
        var info = new JsonObject
        {
            ["pid"] = Environment.ProcessId,
            ["since"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["version"] = Program.Version,
            ["ready"] = false,
        };
        settings.Tell(info);
        try
        {
            await WorkAsync(settings, info, stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Log("stopped");
            return 0;
        }
        catch (Exception fault)
        {
            var code = Program.CodeOf(fault);
            Log(code == 1 ? $"{fault}" : fault.Message);
            (info["ready"], info["error"]) = (false, fault.Message);
            settings.Tell(info);
            return code;
        }

        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    private static void Log(string line) =>
        Console.Out.WriteLine($"{TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)} {line}");

    private static async Task WorkAsync(Settings settings, JsonObject info, CancellationToken cancellation)
    {
        var pods = Directory.CreateDirectory(Path.Combine(settings.State, "pods"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        await using var server = settings.ApiServer is null
            ? await ApiServer.StartAsync(new ApiServerOptions(settings.State) { Port = settings.Port, PodFolder = pods, Log = Log }, cancellation)
            : null;
        var kubeconfig = server?.Kubeconfig ?? Path.Combine(settings.State, "kubeconfig");
        var access = ClusterConfig.Load(settings.Kubeconfig ?? kubeconfig);
        var (url, authorities) = (server?.Url, server?.CaFile);
        if (settings.ApiServer is { } address)
        {
            // At the same place as our own server's, so that whatever comes next finds it there.
            access = access with { Server = address };
            (url, authorities) = (address.GetLeftPart(UriPartial.Authority), Path.Combine(settings.State, "ca.crt"));
            await File.WriteAllTextAsync(
                authorities, access.Authorities?.ExportCertificatePems() ?? throw new UsageException($"{settings.Kubeconfig}: it names no certificate authority; pods need one"), cancellation);
            File.Delete(kubeconfig);
            File.CreateSymbolicLink(kubeconfig, settings.Kubeconfig!);
        }

        using var client = new KubernetesClient(access, new ClientOptions { UserAgent = "local-cluster", FieldManager = "local-cluster", Log = Log });
        using var cdi = new LocalCdi(client, Path.Combine(settings.State, "cdi"), new LocalCdiOptions { Webhook = server is null, Log = Log });
        if (server is not null)
        {
            var review = new DataVolumeReview(client);
            server.Admission = async (request, stop) => await review.ValidateAsync(request, stop) is { } refusal ? (refusal, null) : await review.AuthorizeAsync(request, stop);
            cdi.World.IsAdmissionReviewed = true;
        }

        var accounts = new ControllerHost(client, static _ => true, Log);
        accounts.Add(new ServiceAccountController(client, accounts.Cache(Kinds.Namespaces), accounts.Cache(Kinds.ServiceAccounts), Log));
        var tekton = new LocalTekton(client, new LocalTektonOptions { Log = Log });
        var node = new PodRunner(client, new PodRunnerOptions(pods, settings.Steps, url!, authorities!, cdi.VolumePathAsync) { Appliance = settings.Appliance, Log = Log });
        await MakeClassAsync(client, cancellation);
        var accountsReady = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running =
        [
            cdi.RunAsync(stop.Token), tekton.RunAsync(stop.Token), node.RunAsync(stop.Token), accounts.RunAsync(() => accountsReady.TrySetResult(), stop.Token),
        ];
        try
        {
            await await Task.WhenAny([Task.WhenAll(cdi.Ready, tekton.Ready, node.Ready, accountsReady.Task), .. running]);
            (info["url"], info["kubeconfig"], info["ready"]) = (url, kubeconfig, true);
            settings.Tell(info);
            Log($"ready at {url}, kubeconfig {kubeconfig}, version {Program.Version}");
            await await Task.WhenAny(running);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Makes sure that there is a storage class for those who name none.</summary>
    private static async Task MakeClassAsync(KubernetesClient client, CancellationToken cancellation)
    {
        try
        {
            if ((await client.ListAsync(Kinds.StorageClasses, null, cancellation)).Items.Any(one => one.Metadata.Annotation(DefaultClass) == "true"))
            {
                return;
            }

            await client.CreateAsync(
                Kinds.StorageClasses,
                new() { Metadata = { Name = "local", Annotations = new() { [DefaultClass] = "true" } }, Provisioner = "local-cluster.goldenimage.io/folder", VolumeBindingMode = "Immediate" },
                cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.NotFound or KubernetesFault.AlreadyExists)
        {
            // This server has no such kind, or the class is somebody's, and not the default by their will.
        }
    }
}
