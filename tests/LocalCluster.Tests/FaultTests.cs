using System.Net;
using System.Net.Sockets;
using System.Text;
using GoldenImages;
using Kubernetes;
using Kubernetes.Models;
using Lab.ApiServers;
using LocalCluster.Cdi;

namespace LocalCluster.Tests;

/// <summary>What is wrong outside, or with one object, costs nobody a disk and ends nothing else.</summary>
public sealed class FaultTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    private static string Blank(string name) => $$"""
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata: { name: {{name}}, namespace: NS }
        spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
        ---

        """;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Disks_outside_the_scope_or_of_another_cluster_stay_and_those_of_claims_that_are_gone_go(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        bench.Create(Blank("golden"));
        await bench.DoneAsync("golden");
        var disk = await bench.PathAsync("golden");
        await bench.StopCdiAsync();

        bench.StartCdi(options => options with { Namespaces = new HashSet<string> { bench.Other } });
        await bench.Cdi.Ready.WaitAsync(CdiBench.Limit());
        bench.Create(Blank("later").Replace("NS", "OTHER"));
        await bench.DoneAsync("later", bench.Other);
        Assert.True(File.Exists(disk));
        await bench.StopCdiAsync();

        var cluster = await File.ReadAllTextAsync(bench.Scratch["state/cluster"]);
        await File.WriteAllTextAsync(bench.Scratch["state/cluster"], "another");
        using (var wrong = new LocalCdi(bench.Client, bench.Scratch["state"], new() { Namespaces = new HashSet<string> { bench.Space }, Webhook = false }))
        {
            Assert.Contains("cluster another", (await Assert.ThrowsAsync<IOException>(() => wrong.RunAsync(CdiBench.Limit()))).Message);
        }

        Assert.True(File.Exists(disk));
        await File.WriteAllTextAsync(bench.Scratch["state/cluster"], cluster);
        bench.Kubectl.Run("delete", "dv", "golden", "--wait=false");
        bench.StartCdi(options => options with { Namespaces = new HashSet<string> { bench.Space, bench.Other } });
        await DataVolumeTests.Eventually(() => !Directory.Exists(Path.GetDirectoryName(disk)!) && Directory.GetFiles(bench.Scratch["state/owners"]).Length == 1);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_claim_without_room_waits_and_an_owner_of_an_unknown_kind_is_left_alone(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        bench.Create("""
            apiVersion: v1
            kind: ConfigMap
            metadata: { name: owned, namespace: NS, ownerReferences: [{ apiVersion: example.org/v1, kind: Unheard, name: of, uid: "1" }] }
            """);
        bench.Kubectl.Run("delete", "configmap", "owned");
        bench.Create("""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: { name: huge, namespace: NS }
            spec: { accessModes: [ReadWriteOnce], volumeMode: Block, resources: { requests: { storage: 7Ei } } }
            """);
        await DataVolumeTests.Eventually(() => bench.Kubectl.Run("get", "events", "-o", "jsonpath={.items[*].reason}").Contains("ProvisioningFailed"));
        Assert.Equal("Pending", (await bench.Client.GetAsync(Kinds.PersistentVolumeClaims, bench.Space, "huge", CdiBench.Limit())).Status!.Phase);
        bench.Create(Blank("other"));
        await bench.DoneAsync("other");
        bench.Kubectl.Run("delete", "pvc", "huge");
        await DataVolumeTests.Eventually(() => Directory.GetDirectories(bench.Scratch["state/volumes"]).Length == 1);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task An_import_that_is_done_is_shown_while_its_registry_is_away_and_a_day_that_never_comes_is_not_polled(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        await bench.PushAsync(bench.Disk(), $"{bench.Space}/never");
        bench.Create(Blank("known-0123456789ab"));
        await bench.DoneAsync("known-0123456789ab");
        string Cron(string name, string url, string annotations) => $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata: { name: {{name}}, namespace: NS, annotations: {{annotations}} }
            spec:
              schedule: "0 0 30 2 *"
              managedDataSource: {{name}}
              template: { spec: { source: { registry: { url: "{{url}}" } }, storage: { resources: { requests: { storage: 16Mi } } } } }
            ---

            """;
        bench.Create(
            Cron("known", "docker://127.0.0.1:1/x:1", $"{{ {FieldNames.SourceDesiredDigest}: \"sha256:0123456789abcdef\" }}")
            + Cron("never", "docker://REGISTRY/NS/never:1", "{}"));
        await bench.Client.WaitAsync(Kinds.DataSources, bench.Space, "known", found => found?.Spec.Source.Pvc?.Name == "known-0123456789ab", CdiBench.Limit());
        var polled = await bench.Client.WaitAsync(
            Kinds.DataImportCrons, bench.Space, "never", found => Condition.Of(found?.Status?.Conditions, "UpToDate")?.IsTrue == true, CdiBench.Limit());
        await Task.Delay(500);
        var later = await bench.Client.GetAsync(Kinds.DataImportCrons, bench.Space, "never", CdiBench.Limit());
        Assert.Equal(polled!.Status!.LastExecutionTimestamp, later.Status!.LastExecutionTimestamp);
        Assert.Equal(polled.Metadata.ResourceVersion, later.Metadata.ResourceVersion);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_web_server_that_stalls_never_ends_or_wants_a_password_holds_nothing(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { StallLimit = TimeSpan.FromMilliseconds(300) });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var serving = ServeAsync(listener, stop.Token);
        string Http(string name, string more) => $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: {{name}}, namespace: NS }
            spec: { source: { http: { url: "http://{{listener.LocalEndpoint}}/{{name}}"{{more}} } }, storage: { resources: { requests: { storage: 4Mi } } } }
            ---

            """;
        bench.Create(Http("stalls", "") + Http("huge", "") + Http("secret", ", secretRef: some"));
        await bench.UntilAsync("stalls", found => Condition.Of(found.Status?.Conditions, "Running")?.Message?.EndsWith("sent nothing for 0.3 s", StringComparison.Ordinal) == true);
        await bench.UntilAsync("huge", found => Condition.Of(found.Status?.Conditions, "Running")?.Message == "DataVolume too small to contain image");
        var secret = await bench.UntilAsync("secret", found => found.Status?.Phase == "Failed");
        Assert.Contains("secretRef", Condition.Of(secret.Status!.Conditions, "Running")!.Message);
        await stop.CancelAsync();
        await serving;
    }

    /// <summary>Says that much comes, sends a first part, then nothing.</summary>
    private static async Task ServeAsync(TcpListener listener, CancellationToken cancellation)
    {
        var open = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(cancellation);
                open.Add(client);
                var request = new byte[1024];
                var count = await client.GetStream().ReadAsync(request, cancellation);
                var isHuge = Encoding.ASCII.GetString(request, 0, count).Contains("/huge");
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {(isHuge ? 1L << 40 : 1 << 20)}\r\n\r\n"), cancellation);
                await client.GetStream().WriteAsync(new byte[isHuge ? 128 << 10 : 512], cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            open.ForEach(client => client.Dispose());
        }
    }
}
