using System.Globalization;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;
using LocalCluster.Pods;

namespace LocalCluster.Tests.Pods;

/// <summary>A real API server with a node that runs the pods of one namespace, and volumes that are plain folders.</summary>
internal sealed class PodBench : IAsyncDisposable
{
    private readonly List<string> _log = [];
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private PodBench(KubeApiServer server, KubernetesClient client) => (Server, Client) = (server, client);

    public KubeApiServer Server { get; }

    public KubernetesClient Client { get; }

    public Kubectl Kubectl { get; private set; } = null!;

    public string Space { get; private set; } = "";

    public Scratch Scratch { get; } = new();

    public string State => Scratch["pods"];

    public string Log
    {
        get
        {
            lock (_log)
            {
                return string.Join('\n', _log);
            }
        }
    }

    /// <summary>The claims' disks, by name.</summary>
    public Dictionary<string, string> Disks { get; } = [];

    public static CancellationToken Limit(int seconds = 30) => new CancellationTokenSource(TimeSpan.FromSeconds(seconds)).Token;

    public static async Task<PodBench> StartAsync(ApiServerKind kind, string? steps = null, string? appliance = null)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var client = new KubernetesClient(ClusterConfig.Load(server.Kubeconfig()), new ClientOptions { FirstDelay = TimeSpan.FromMilliseconds(50) });
        var bench = new PodBench(server, client) { Space = await server.CreateNamespaceAsync() };
        bench.Kubectl = new Kubectl(server.Kubeconfig(bench.Space));
        if (steps is null)
        {
            Tool.Run("cp", "-r", Path.Combine(Repository.Artifacts, "dotnet/bin/DummyStep/release"), Directory.CreateDirectory(bench.Scratch["steps"]).FullName + "/dummy-step");
        }

        bench.Steps = steps ?? bench.Scratch["steps"];
        if (steps is null)
        {
            // A step that does as it is told, by a shell.
            File.SetUnixFileMode(bench.Scratch.File("steps/shell/shell", "#!/bin/sh\nexec /bin/sh -c \"$1\"\n"), (UnixFileMode)0x1ed);
        }

        bench.Appliance = appliance;
        await bench.StartNodeAsync();
        return bench;
    }

    public string Steps { get; private set; } = "";

    private string? Appliance { get; set; }

    /// <summary>What the node is told.</summary>
    public PodRunnerOptions Options => new(State, Steps, Server.Url, Server.CaFile, (_, claim, _) => Task.FromResult(Disks[claim]))
    {
        Namespaces = new HashSet<string> { Space },
        Appliance = Appliance,
        Log = line =>
        {
            lock (_log)
            {
                _log.Add(line);
            }
        },
    };

    public async Task StartNodeAsync()
    {
        _stop = new CancellationTokenSource();
        var runner = new PodRunner(Client, Options);
        _running = runner.RunAsync(_stop.Token);
        await runner.Ready.WaitAsync(Limit());
    }

    public async Task StopNodeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopNodeAsync();
        }
        finally
        {
            Client.Dispose();
            Scratch.Dispose();
        }
    }

    /// <summary>Creates objects of the test's namespace.</summary>
    public void Create(string yaml) => Kubectl.Run("create", "-f", Scratch.File($"{Guid.NewGuid():N}.yaml", yaml));

    /// <summary>A pod without a token, with one container that runs the dummy step; <paramref name="container"/> goes on with it (6 spaces deep).</summary>
    public void CreatePod(string name, string container = "", string spec = "", string sequential = "true", string arguments = "--target=world") => Create(
        $"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {name}
          annotations: {"{"} {PodRunner.Sequential}: "{sequential}" {"}"}
        spec:
          nodeName: {PodRunner.NodeName}
          restartPolicy: Never
          automountServiceAccountToken: false
        {spec}
          containers:
          - name: step-one
            image: golden-image-tasks/steps:main
            command: [/app/steps/dummy-step/dummy-step]
            args: [{arguments}]
        {container}
        """);

    /// <summary>A pod whose container runs a shell's script; volumes and mounts as flow YAML.</summary>
    public void CreateShell(string name, string script, string volumes = "[]", string mounts = "[]", string more = "", string spec = "") => Create(
        $"""
        apiVersion: v1
        kind: Pod
        metadata: {"{"} name: {name} {"}"}
        spec:
          nodeName: {PodRunner.NodeName}
          restartPolicy: Never
          {(spec.Length > 0 ? spec : "automountServiceAccountToken: false")}
          volumes: {volumes}
          containers:
          - name: one
            image: registry.example/x/golden-image-tasks/guest-steps:v1@sha256:{new string('0', 64)}
            command: [/app/steps/shell/shell]
            args: [{System.Text.Json.JsonSerializer.Serialize(script)}]
            volumeMounts: {mounts}
            {more}
        """);

    /// <summary>Runs a shell's script in a pod that must succeed; what it printed.</summary>
    public async Task<string> ShellAsync(string name, string script, string volumes = "[]", string mounts = "[]", string more = "", string spec = "")
    {
        CreateShell(name, script, volumes, mounts, more, spec);
        var pod = await FinishedAsync(name);
        var output = LogOf(pod, "one");
        Assert.True(pod.Status!.Phase == "Succeeded", $"{Show(pod)}\n{output}\n{Log}");
        return output;
    }

    public Task<Pod> FinishedAsync(string name, int seconds = 30) => UntilAsync(name, pod => pod.IsFinished, seconds);

    public async Task<Pod> UntilAsync(string name, Func<Pod, bool> wanted, int seconds = 30)
    {
        Pod? last = null;
        try
        {
            return (await Client.WaitAsync(Kinds.Pods, Space, name, found => (last = found) is not null && wanted(found!), Limit(seconds)))!;
        }
        catch (OperationCanceledException fault)
        {
            throw new TimeoutException($"{name}: {Show(last)}\n{Log}", fault);
        }
    }

    public Task GoneAsync(string name, int seconds = 30) => Client.WaitAsync(Kinds.Pods, Space, name, found => found is null, Limit(seconds));

    /// <summary>What a container printed.</summary>
    public string LogOf(Pod pod, string container = "step-one") => File.ReadAllText(Path.Combine(State, pod.Metadata.Uid!, $"{container}.log"));

    public static ContainerTerminated Ended(Pod pod, int container = 0) => pod.Status!.ContainerStatuses![container].State.Terminated!;

    public static string Show(Pod? pod) => pod is null ? "no pod" : $"{pod.Status?.Phase} {pod.Status?.Reason} {pod.Status?.Message}: " + string.Join(
        "; ", (pod.Status?.ContainerStatuses ?? []).Select(one => string.Create(
            CultureInfo.InvariantCulture, $"{one.Name} waiting={one.State.Waiting?.Reason} {one.State.Waiting?.Message} running={one.State.Running?.StartedAt} ended={one.State.Terminated?.ExitCode} {one.State.Terminated?.Reason} {one.State.Terminated?.Message}")));
}
