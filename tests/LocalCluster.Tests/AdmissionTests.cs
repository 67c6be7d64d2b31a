using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Lab.ApiServers;
using LocalCluster.Cdi.Admission;

namespace LocalCluster.Tests;

public sealed class AdmissionTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    private const string Source = """
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata: { name: source, namespace: NS }
        spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
        """;

    private static DataVolume Clone(CdiBench bench, string name) => new()
    {
        Metadata = { Name = name, Namespace = bench.Other },
        Spec = { Source = new() { Pvc = new() { Namespace = bench.Space, Name = "source" } }, Storage = new() },
    };

    private static void Permit(CdiBench bench, string role, string rules) => bench.Create($$"""
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: { name: {{role}}, namespace: NS }
        rules: [{{rules}}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: { name: {{role}}, namespace: NS }
        roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{role}} }
        subjects: [{ kind: ServiceAccount, name: publish-datasource, namespace: OTHER }]
        """);

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_review_as_the_webhook_makes_it_asks_for_the_right_to_clone_that_very_source(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind);
        var user = $"system:serviceaccount:{bench.Other}:publish-datasource";
        Task<string?> Review(string name, bool isSnapshot = false) => CloneAuthorization.ReviewAsync(
            bench.Client, user, ["system:serviceaccounts"], bench.Other, new() { Namespace = bench.Space, Name = name }, isSnapshot, CdiBench.Limit());
        Assert.Equal($"User {user} has insufficient permissions in clone source namespace {bench.Space}", await Review("source"));
        Permit(bench, "cloner", "{ apiGroups: [cdi.kubevirt.io], resources: [datavolumes/source], verbs: [create], resourceNames: [source] }");
        Assert.Null(await Review("source"));
        Assert.NotNull(await Review("another"));
        Permit(bench, "pods", "{ apiGroups: [\"\"], resources: [pods], verbs: [create] }");
        Assert.Null(await Review("another"));
        Assert.NotNull(await Review("another", isSnapshot: true));
        Assert.Null(await CloneAuthorization.ReviewAsync(bench.Client, user, [], bench.Space, new() { Namespace = bench.Space, Name = "own" }, false, CdiBench.Limit()));
    }

    public static TheoryData<ApiServerKind> ServersWithWebhooks => [.. ApiServerAssets.Kinds.Where(kind => kind != ApiServerKind.Extensions136)];

    [SkippableFact]
    public async Task The_extensions_server_calls_no_webhook_so_tests_on_it_make_the_review_themselves()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Extensions136), "KUBEBUILDER_ASSETS names another server");
        await using var bench = await CdiBench.StartAsync(ApiServerKind.Extensions136, options => options with { Webhook = true });
        bench.Create(Source);
        await bench.DoneAsync("source");
        bench.Kubectl.Run("get", "validatingwebhookconfigurations,mutatingwebhookconfigurations");
        await bench.Client.ChangeAsync(
            Kinds.DataVolumes, bench.Space, "source",
            found =>
            {
                found.Spec.Storage!.StorageClassName = "another";
                return true;
            },
            CdiBench.Limit());
    }

    [SkippableTheory]
    [MemberData(nameof(ServersWithWebhooks))]
    public async Task The_webhook_refuses_what_CDI_refuses_in_its_words(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { Webhook = true });
        bench.Create(Source);
        await bench.DoneAsync("source");
        await bench.BoundAsync("source");
        bench.Create("""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: { name: volumes, namespace: OTHER }
            rules: [{ apiGroups: [cdi.kubevirt.io], resources: [datavolumes], verbs: [create, get] }]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: { name: volumes, namespace: OTHER }
            roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: volumes }
            subjects: [{ kind: ServiceAccount, name: publish-datasource, namespace: OTHER }]
            """);
        using var step = new KubernetesClient(ClusterConfig.Load(bench.Server.KubeconfigFor(bench.Other, "publish-datasource")));
        await RefusedAsync(() => step.CreateAsync(Kinds.DataVolumes, Clone(bench, "copy"), CdiBench.Limit()), 422, $"has insufficient permissions in clone source namespace {bench.Space}");
        Permit(bench, "cloner", "{ apiGroups: [cdi.kubevirt.io], resources: [datavolumes/source], verbs: [create], resourceNames: [source] }");
        await step.CreateAsync(Kinds.DataVolumes, Clone(bench, "copy"), CdiBench.Limit());
        await bench.DoneAsync("copy", bench.Other);

        bench.Create("""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: { name: taken, namespace: OTHER }
            spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
            """);
        await RefusedAsync(() => step.CreateAsync(Kinds.DataVolumes, Clone(bench, "taken"), CdiBench.Limit()), 422, $"Destination PVC {bench.Other}/taken already exists");
        await RefusedAsync(
            () => bench.Client.ChangeAsync(
                Kinds.DataVolumes, bench.Other, "copy",
                found =>
                {
                    found.Spec.Source!.Pvc!.Name = "another";
                    return true;
                },
                CdiBench.Limit()),
            422, "Cannot update DataVolume Spec");
        await RefusedAsync(() => step.CreateAsync(Kinds.DataVolumes, new() { Metadata = { Name = "none", Namespace = bench.Other }, Spec = { Storage = new() } }, CdiBench.Limit()), 422, "either Source or SourceRef");
        var byReference = new DataVolume { Metadata = { Name = "none", Namespace = bench.Other }, Spec = { SourceRef = new() { Name = "absent" }, Storage = new() } };
        await RefusedAsync(() => step.CreateAsync(Kinds.DataVolumes, byReference, CdiBench.Limit()), 400, "\"absent\" not found");
    }

    [SkippableTheory]
    [MemberData(nameof(ServersWithWebhooks))]
    public async Task What_a_DataSource_is_pointed_at_after_the_review_is_not_cloned(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { Webhook = true });
        bench.Create(Source);
        await bench.DoneAsync("source");
        bench.Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: mine, namespace: OTHER }
            spec: { source: {} }
            """);
        var asked = new DataVolume
        {
            Metadata = { Name = "stolen", Namespace = bench.Other, Annotations = new() { ["cdi.kubevirt.io/storage.clone.token"] = $"pvc/{bench.Space}/source", ["a"] = "b" } },
            Spec = { SourceRef = new() { Kind = "DataSource", Name = "mine" }, Storage = new() },
        };
        var made = await bench.Client.CreateAsync(Kinds.DataVolumes, asked, CdiBench.Limit());
        Assert.Null(made.Metadata.Annotation("cdi.kubevirt.io/storage.clone.token"));
        Assert.Equal("b", made.Metadata.Annotation("a"));
        await RefusedAsync(
            () => bench.Client.ChangeAsync(
                Kinds.DataVolumes, bench.Other, "stolen",
                found =>
                {
                    (found.Metadata.Annotations ??= [])["cdi.kubevirt.io/storage.clone.token"] = $"pvc/{bench.Space}/source";
                    return true;
                },
                CdiBench.Limit()),
            422, "Cannot update annotation");
        await bench.Client.ChangeAsync(
            Kinds.DataSources, bench.Other, "mine",
            found =>
            {
                found.Spec.Source = new() { Pvc = new() { Namespace = bench.Space, Name = "source" } };
                return true;
            },
            CdiBench.Limit());
        var refused = await bench.UntilAsync("stolen", found => Condition.Of(found.Status?.Conditions, "Running")?.Reason == "Error", bench.Other);
        Assert.StartsWith("clone token missing", Condition.Of(refused.Status!.Conditions, "Running")!.Message, StringComparison.Ordinal);
        asked.Metadata.Name = "allowed";
        made = await bench.Client.CreateAsync(Kinds.DataVolumes, asked, CdiBench.Limit());
        Assert.Equal($"pvc/{bench.Space}/source", made.Metadata.Annotation("cdi.kubevirt.io/storage.clone.token"));
        await bench.DoneAsync("allowed", bench.Other);
    }

    [SkippableTheory]
    [MemberData(nameof(ServersWithWebhooks))]
    public async Task Who_ends_takes_its_own_webhook_away_and_never_a_successors(ApiServerKind kind)
    {
        await using var bench = await CdiBench.StartAsync(kind, options => options with { Webhook = true });
        var options = new LocalCluster.Cdi.LocalCdiOptions { Namespaces = new HashSet<string> { bench.Space, bench.Other } };
        using var stop = new CancellationTokenSource();
        using var successor = new LocalCluster.Cdi.LocalCdi(bench.Client, bench.Scratch["successor"], options);
        var running = successor.RunAsync(stop.Token);
        await successor.Ready.WaitAsync(CdiBench.Limit());
        await bench.StopCdiAsync();
        string Hooks() => bench.Kubectl.Run("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name");
        Assert.Equal(2, Hooks().Split('\n').Count(line => line.Contains(bench.Space)));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.DoesNotContain(bench.Space, Hooks());
        bench.StartCdi();
    }

    private static async Task RefusedAsync(Func<Task> request, int code, string words)
    {
        var fault = await Assert.ThrowsAsync<KubernetesException>(request);
        Assert.Contains(words, fault.Message);
        Assert.Contains("denied the request", fault.Message);
        Assert.Equal(code, fault.Status!.Code);
    }
}
