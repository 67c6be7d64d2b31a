using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab;
using Lab.ApiServers;
using LocalCluster.Cdi;

namespace LocalCluster.Tests;

/// <summary>A real API server with a local CDI that works in the test's own namespaces, and kubectl to look at it.</summary>
internal sealed class CdiBench : IAsyncDisposable
{
    private static readonly Lazy<DockerRegistry> SharedRegistry = new(() =>
    {
        var registry = DockerRegistry.Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => registry.Dispose();
        return registry;
    });

    private readonly List<string> _log = [];
    private LocalCdiOptions _options = new();
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private CdiBench(KubeApiServer server, KubernetesClient client) => (Server, Client) = (server, client);

    public KubeApiServer Server { get; }

    public KubernetesClient Client { get; }

    public Kubectl Kubectl { get; private set; } = null!;

    public LocalCdi Cdi { get; private set; } = null!;

    /// <summary>The test's namespace.</summary>
    public string Space { get; private set; } = "";

    /// <summary>A second one, where the test asked for it.</summary>
    public string Other { get; private set; } = "";

    public Scratch Scratch { get; } = new();

    public static DockerRegistry Registry => SharedRegistry.Value;

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

    public static CancellationToken Limit(int seconds = 30) => new CancellationTokenSource(TimeSpan.FromSeconds(seconds)).Token;

    public static async Task<CdiBench> StartAsync(
        ApiServerKind kind, Func<LocalCdiOptions, LocalCdiOptions>? change = null, KubeApiServer? own = null)
    {
        var server = own ?? await ApiServerFixture.GetAsync(kind);
        var client = new KubernetesClient(ClusterConfig.Load(server.Kubeconfig()), new ClientOptions { FirstDelay = TimeSpan.FromMilliseconds(50), LongestDelay = TimeSpan.FromSeconds(1) });
        var bench = new CdiBench(server, client) { Space = await server.CreateNamespaceAsync(), Other = await server.CreateNamespaceAsync() };
        bench.Kubectl = new Kubectl(server.Kubeconfig(bench.Space));
        bench._options = new LocalCdiOptions
        {
            Namespaces = new HashSet<string> { bench.Space, bench.Other },
            FirstPause = TimeSpan.FromMilliseconds(50),
            ProgressInterval = TimeSpan.FromMilliseconds(50),
            Webhook = false,
            Log = bench.Keep,
        };
        bench._options = change?.Invoke(bench._options) ?? bench._options;
        bench.StartCdi();
        await bench.Cdi.Ready.WaitAsync(Limit());
        return bench;
    }

    /// <summary>Starts the controllers on what is there.</summary>
    public void StartCdi(Func<LocalCdiOptions, LocalCdiOptions>? change = null, KubernetesClient? client = null)
    {
        _options = change?.Invoke(_options) ?? _options;
        _stop = new CancellationTokenSource();
        Cdi = new LocalCdi(client ?? Client, Scratch["state"], _options);
        _running = Cdi.RunAsync(_stop.Token);
    }

    /// <summary>Stops the controllers wherever they are.</summary>
    public async Task StopCdiAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        Cdi.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopCdiAsync();
        }
        finally
        {
            Client.Dispose();
            Scratch.Dispose();
        }
    }

    /// <summary>Creates what some YAML describes; NS is the test's namespace, OTHER the second one, REGISTRY the registry's host.</summary>
    public void Create(string yaml) => Kubectl.Run("create", "-f", Scratch.File($"{Guid.NewGuid():N}.yaml", Fill(yaml)));

    public string Fill(string yaml) => yaml.Replace("NS", Space).Replace("OTHER", Other).Replace("REGISTRY", yaml.Contains("REGISTRY") ? Registry.Host : "");

    public Task<DataVolume> DoneAsync(string name, string? space = null) => UntilAsync(name, found => found.Status?.Phase == "Succeeded", space);

    public async Task<DataVolume> UntilAsync(string name, Func<DataVolume, bool> wanted, string? space = null)
    {
        DataVolume? last = null;
        try
        {
            return (await Client.WaitAsync(Kinds.DataVolumes, space ?? Space, name, found => (last = found) is not null && wanted(found!), Limit()))!;
        }
        catch (OperationCanceledException fault)
        {
            throw new TimeoutException($"{name}: {last?.Status?.Phase}, {string.Join("; ", (last?.Status?.Conditions ?? []).Select(one => $"{one.Type}={one.Status} {one.Reason} {one.Message}"))}\n{Log}", fault);
        }
    }

    public Task<PersistentVolumeClaim?> BoundAsync(string name, string? space = null) =>
        Client.WaitAsync(Kinds.PersistentVolumeClaims, space ?? Space, name, found => found?.IsBound == true, Limit());

    public Task GoneAsync<T>(ResourceKind<T> kind, string name, string? space = null)
        where T : KubernetesObject => Client.WaitAsync(kind, space ?? Space, name, found => found is null, Limit());

    /// <summary>Follows a DataVolume from before it is made; the phases that were seen, in order, each once in a row.</summary>
    public async Task<List<string>> PhasesAsync(string name, Func<Task> begin, string last = "Succeeded")
    {
        var phases = new List<string>();
        var limit = Limit();
        var list = await Client.ListAsync(Kinds.DataVolumes, Space, limit);
        await begin();
        await foreach (var change in Client.WatchAsync(Kinds.DataVolumes, Space, WatchScope.One(name, list.Metadata.ResourceVersion), limit))
        {
            var phase = change.Object?.Status?.Phase ?? "";
            if (phases.Count == 0 || phases[^1] != phase)
            {
                phases.Add(phase);
            }

            if (phase == last)
            {
                break;
            }
        }

        return phases;
    }

    public JsonNode Status(string kind, string name) => JsonNode.Parse(Kubectl.Run("get", kind, name, "-o", "json"))!["status"]!;

    public static string Show(Condition? one) => one is null ? "-" : $"{one.Status}/{one.Reason}/{one.Message}";

    public static string Conditions(DataVolume found) => string.Join(" ", found.Status!.Conditions!.Select(one => $"{one.Type}={one.Status}/{one.Reason}"));

    /// <summary>A raw disk with data in places; 8 MiB.</summary>
    public string Disk(string name = "disk.raw", int seed = 1, int megabytes = 8)
    {
        var path = Scratch[name];
        using var file = File.Create(path);
        file.SetLength((long)megabytes << 20);
        var bytes = new byte[100_000];
        new Random(seed).NextBytes(bytes);
        foreach (var place in (int[])[0, 3 << 20, (megabytes << 20) - bytes.Length])
        {
            file.Position = place;
            file.Write(bytes);
        }

        return path;
    }

    /// <summary>Pushes a disk as a container disk; its digest.</summary>
    public async Task<string> PushAsync(string disk, string repository, string tag = "1")
    {
        var image = global::Registry.ImageReference.Parse($"{Registry.Host}/{repository}:{tag}");
        using var client = await global::Registry.RegistryClient.ConnectAsync(
            image, global::Registry.RegistryAccess.Push, new() { Insecure = true }, CancellationToken.None);
        using var source = Disks.Disk.Open(disk, Disks.DiskFormat.Raw);
        var pushed = await new ContainerDisks.Push.ContainerDiskPush(client, Keep, _ => { }).RunAsync(
            source,
            new() { Image = image, Architecture = ContainerDisks.Hints.MachineArchitecture, Hints = new("u1.medium", null, "debian", null) },
            CancellationToken.None);
        return pushed.Manifest.ToString();
    }

    /// <summary>Whether a volume begins with a disk, and has zeros behind it.</summary>
    public async Task SameDiskAsync(string expected, string claim, string? space = null)
    {
        var path = await PathAsync(claim, space);
        var length = new FileInfo(expected).Length;
        Tool.Run("cmp", $"--bytes={length}", expected, path);
        Assert.True(new FileInfo(path).Length >= length);
    }

    public Task<string> PathAsync(string claim, string? space = null) => Cdi.VolumePathAsync(space ?? Space, claim, Limit());

    private void Keep(string line)
    {
        lock (_log)
        {
            _log.Add(line);
        }
    }
}
