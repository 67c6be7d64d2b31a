using System.Text;
using System.Text.RegularExpressions;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Lab;
using Lab.ApiServers;
using LocalCluster.Api;
using LocalCluster.Cdi;

namespace LocalCluster.Tests.Contract;

/// <summary>Our API server with a local CDI on it, as the user of a cluster meets it: through kubectl.</summary>
public sealed class KubectlTests : IAsyncLifetime, IDisposable
{
    private const string Space = "team-a";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Scratch _scratch = new();
    private readonly CancellationTokenSource _stop = new();
    private ApiServer _server = null!;
    private KubernetesClient _client = null!;
    private LocalCdi _cdi = null!;
    private Task _running = Task.CompletedTask;
    private Kubectl _kubectl = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions(_scratch["state"]), CancellationToken.None);
        _client = new KubernetesClient(ClusterConfig.Load(_server.Kubeconfig), new ClientOptions());
        _cdi = new LocalCdi(_client, _scratch["cdi"], new LocalCdiOptions { Webhook = false, FirstPause = TimeSpan.FromMilliseconds(50) });
        _running = _cdi.RunAsync(_stop.Token);
        await _cdi.Ready.WaitAsync(Limit);
        _kubectl = new Kubectl(_server.Kubeconfig);
        _kubectl.Run("create", "namespace", Space);
        _kubectl.Run("config", "set-context", "--current", $"--namespace={Space}");
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _cdi.Dispose();
        _client.Dispose();
        await _server.DisposeAsync();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Get_shows_the_columns_that_users_of_the_kinds_expect()
    {
        Volume("disk");
        _kubectl.Run("wait", "dv/disk", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s");
        Create("""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: { name: golden }
            spec: { source: { pvc: { namespace: team-a, name: disk } } }
            ---
            apiVersion: tekton.dev/v1
            kind: TaskRun
            metadata: { name: run }
            spec: { taskSpec: { steps: [{ name: a, image: i, command: [c] }] } }
            ---
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: { name: build }
            spec: { pipelineRef: { name: p } }
            """);
        _kubectl.Run("patch", "taskrun", "run", "--subresource=status", "--type=merge", "-p",
            """{"status":{"podName":"run-pod","startTime":"2026-01-01T00:00:00Z","conditions":[{"type":"Succeeded","status":"Unknown","reason":"Running"}]}}""");

        Like(@"^NAMESPACE\s+NAME\s+AGE\nteam-a\s+golden\s+\d+s\n$", _kubectl.Run("get", "datasources", "-A"));
        var both = _kubectl.Run("get", "dv,pvc", "-A");
        Like(@"NAMESPACE\s+NAME\s+PHASE\s+PROGRESS\s+RESTARTS\s+AGE\nteam-a\s+datavolume.cdi.kubevirt.io/disk\s+Succeeded\s+100.0%\s+(0\s+)?\d+s\n", both);
        Like(@"NAMESPACE\s+NAME\s+STATUS\s+VOLUME\s+CAPACITY\s+ACCESS MODES\s+STORAGECLASS\s+AGE\nteam-a\s+persistentvolumeclaim/disk\s+Bound\s+pvc-\S+\s+4Mi\s+RWO\s+\d+s\n", both);
        var runs = _kubectl.Run("get", "pipelineruns,taskruns", "-A");
        Like(@"NAMESPACE\s+NAME\s+SUCCEEDED\s+REASON\s+STARTTIME\s+COMPLETIONTIME\nteam-a\s+pipelinerun.tekton.dev/build\s*", runs);
        Like(@"team-a\s+taskrun.tekton.dev/run\s+Unknown\s+Running\s+\d+d\s*", runs);
        Like(@"NAME\s+STATUS\s+VOLUME\s+CAPACITY\s+ACCESS MODES\s+STORAGECLASS\s+AGE\s+VOLUMEMODE\n.*Filesystem\n", _kubectl.Run("get", "pvc", "-o", "wide"));
        Like(@"dv,dvs\s+cdi.kubevirt.io/v1beta1\s+true\s+DataVolume", _kubectl.Run("api-resources"));
        Assert.Equal("disk", _kubectl.Run("get", "dv", "disk", "-o", "jsonpath={.status.claimName}"));
        Assert.Contains("golden", _kubectl.Run("get", "das", "-o", "yaml"));
    }

    [Fact]
    public void What_is_applied_twice_is_unchanged()
    {
        const string Objects = """
            apiVersion: v1
            kind: ConfigMap
            metadata: { name: a, labels: { x: "1" } }
            data: { k: v, l: w }
            ---
            apiVersion: v1
            kind: Secret
            metadata: { name: a }
            stringData: { k: v }
            ---
            apiVersion: tekton.dev/v1
            kind: Task
            metadata: { name: a }
            spec:
              params: [{ name: p, type: string, default: "" }]
              steps: [{ name: s, image: i, command: [c], args: ["--p=$(params.p)"], computeResources: { requests: { memory: 64Mi } } }]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: { name: a }
            roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: a }
            subjects: [{ kind: ServiceAccount, name: a }, { apiGroup: rbac.authorization.k8s.io, kind: User, name: alice }]
            """;
        Assert.Equal(4, Count(_kubectl.Apply(Objects), " created"));
        var version = _kubectl.Run("get", "cm/a", "-o", "jsonpath={.metadata.resourceVersion}");
        // A Secret's stringData is never what the server has: as on a cluster, that is seen as a change.
        var again = _kubectl.Apply(Objects);
        Assert.True(Count(again, " unchanged") >= 3, again);
        Assert.Equal(version, _kubectl.Run("get", "cm/a", "-o", "jsonpath={.metadata.resourceVersion}"));
        Assert.Contains("configmap/a configured", _kubectl.Apply(Objects.Replace("l: w", "m: x")));
        Assert.Equal("""{"k":"v","m":"x"}""", _kubectl.Run("get", "cm/a", "-o", "jsonpath={.data}"));
        Assert.Contains("task.tekton.dev/a configured", _kubectl.Apply(Objects.Replace("name: s,", "name: t,")));
        Assert.NotEqual(0, _kubectl.Try("apply", "--server-side", "-f", _scratch.File("a.yaml", Objects)).ExitCode);
    }

    [Fact]
    public async Task Get_with_a_watch_shows_each_change()
    {
        var output = new StringBuilder();
        using (var watch = new ChildProcess("kubectl", [.. _kubectl.Common, "get", "dv", "-w"], text => Keep(text), text => Keep(text)))
        {
            Volume("watched");
            await Until(() => Regex.IsMatch(Text(), @"watched\s+Succeeded\s+100.0%"));
            _kubectl.Run("delete", "dv", "watched");
        }

        Assert.Single(Regex.Matches(Text(), @"NAME\s+PHASE\s+PROGRESS\s+RESTARTS\s+AGE"));

        void Keep(ReadOnlyMemory<char> text)
        {
            lock (output)
            {
                output.Append(text.Span);
            }
        }

        string Text()
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    [Fact]
    public async Task Describe_shows_the_events_of_an_object()
    {
        Volume("told");
        _kubectl.Run("wait", "dv/told", "--for=condition=Ready", "--timeout=60s");
        await Until(() => Regex.IsMatch(_kubectl.Run("describe", "dv", "told"), @"Events:\s+Type\s+Reason\s+Age\s+From\s+Message"));
        Like(@"Phase:\s+Succeeded", _kubectl.Run("describe", "dv", "told"));
        Like(@"LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n", _kubectl.Run("get", "events"));
        Assert.Contains("datavolume/told", _kubectl.Run("get", "events", "--field-selector=involvedObject.kind=DataVolume,involvedObject.name=told"));
        Assert.Contains("DataVolume/told", _kubectl.Run("events", "--for=dv/told"));
        Like(@"Status:\s+Bound", _kubectl.Run("describe", "pvc", "told"));
    }

    [Fact]
    public void Every_kind_of_patch_label_and_edit_is_done()
    {
        _kubectl.Run("create", "configmap", "a", "--from-literal=k=v");
        _kubectl.Run("patch", "configmap", "a", "-p", """{"data":{"k":null,"l":"1"}}""");
        _kubectl.Run("patch", "configmap", "a", "--type=json", "-p", """[{"op":"add","path":"/data/m","value":"2"}]""");
        _kubectl.Run("patch", "configmap", "a", "--type=merge", "-p", """{"data":{"n":"3"}}""");
        _kubectl.Run("label", "configmap", "a", "tier=gold");
        _kubectl.Run("annotate", "configmap", "a", "why=because");
        Assert.Equal("""{"l":"1","m":"2","n":"3"}""", _kubectl.Run("get", "cm", "-l", "tier=gold", "-o", "jsonpath={.items[0].data}"));
        _kubectl.Run("replace", "-f", _scratch.File("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { z: \"0\" }\n"));
        Assert.Equal("""{"z":"0"}""", _kubectl.Run("get", "cm", "a", "-o", "jsonpath={.data}"));
    }

    [Fact]
    public void Delete_waits_for_finalizers_and_takes_along_what_is_owned()
    {
        _kubectl.Run("create", "configmap", "owner");
        var uid = _kubectl.Run("get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}");
        Volume("owned", $"ownerReferences: [{{ apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid} }}]");
        Volume("held", "finalizers: [example.org/hold]");
        _kubectl.Run("wait", "dv/owned", "--for=condition=Ready", "--timeout=60s");
        _kubectl.Run("delete", "configmap", "owner", "--cascade=foreground", "--timeout=60s");
        Assert.DoesNotContain("owned", _kubectl.Run("get", "dv", "-o", "name"));

        Assert.NotEqual(0, _kubectl.Try("delete", "dv", "held", "--timeout=1s").ExitCode);
        Assert.NotEmpty(_kubectl.Run("get", "dv", "held", "-o", "jsonpath={.metadata.deletionTimestamp}"));
        _kubectl.Run("patch", "dv", "held", "--type=merge", "-p", """{"metadata":{"finalizers":null}}""");
        _kubectl.Run("wait", "dv/held", "--for=delete", "--timeout=60s");
        _kubectl.Run("delete", "namespace", Space, "--timeout=60s");
        Assert.NotEqual(0, _kubectl.Try("get", "namespace", Space).ExitCode);
    }

    [Fact]
    public void Rights_are_asked_for_as_another()
    {
        Create("""
            apiVersion: v1
            kind: ServiceAccount
            metadata: { name: builder }
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: { name: builder }
            rules: [{ apiGroups: [cdi.kubevirt.io], resources: [datavolumes], verbs: [get, create] }]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: { name: builder }
            roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: builder }
            subjects: [{ kind: ServiceAccount, name: builder }]
            """);
        const string Builder = "--as=system:serviceaccount:team-a:builder";
        Assert.Equal("yes\n", _kubectl.Run("auth", "can-i", "create", "datavolumes.cdi.kubevirt.io", Builder));
        var no = _kubectl.Try("auth", "can-i", "delete", "dv", Builder);
        Assert.Equal((1, "no\n"), (no.ExitCode, no.Output));
        Assert.Equal(1, _kubectl.Try("auth", "can-i", "create", "dv", Builder, "-n", "default").ExitCode);
        Assert.Equal("yes\n", _kubectl.Run("auth", "can-i", "*", "*"));
        Like(@"datavolumes.cdi.kubevirt.io\s+\[\]\s+\[\]\s+\[(get create|create get)\]", _kubectl.Run("auth", "can-i", "--list", Builder));
        Assert.Contains("system:serviceaccount:team-a:builder", _kubectl.Run("auth", "whoami", Builder));
        Assert.Contains("cannot list resource \"datavolumes\"", _kubectl.Try("get", "dv", Builder).Error);
        Like(@"^[\w-]+\.[\w-]+\.[\w-]+\n?$", _kubectl.Run("create", "token", "builder"));
    }

    [Fact]
    public void Explain_says_what_a_field_is()
    {
        var told = _kubectl.Run("explain", "dv.spec.source.registry");
        Like(@"GROUP:\s+cdi.kubevirt.io\nKIND:\s+DataVolume\nVERSION:\s+v1beta1", told);
        Like(@"FIELD: registry <Object>", told);
        Like(@"  url\t<string>\n    The image, as in docker://", told);
        Like(@"steps\t<\[\]Object>", _kubectl.Run("explain", "task.spec", "--recursive"));
        Like(@"labels\t<map\[string\]string>", _kubectl.Run("explain", "pod.metadata"));
        foreach (var plural in _kubectl.Run("api-resources", "--verbs=list", "-o", "name").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.Contains("FIELDS:", _kubectl.Run("explain", plural));
        }
    }

    [Fact]
    public void A_typo_in_a_field_is_refused_by_its_name()
    {
        const string Wrong = """
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: { name: wrong }
            spec: { sorce: { blank: {} }, storage: { resources: { requests: { storage: 4Mi } } } }
            """;
        foreach (var verb in (string[])["create", "apply"])
        {
            var refused = _kubectl.Try(verb, "-f", _scratch.File("wrong.yaml", Wrong));
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("strict decoding error: unknown field \"spec.sorce\"", refused.Error);
        }

        Volume("right");
        Assert.Contains("unknown field \"spec.sorce\"", _kubectl.Try("patch", "dv", "right", "--type=merge", "-p", """{"spec":{"sorce":{}}}""").Error);
        Assert.Contains("spec.source: Invalid value: \"string\"", _kubectl.Try("create", "-f", _scratch.File("type.yaml", Wrong.Replace("sorce: { blank: {} }", "source: x"))).Error);
    }

    private static void Like(string pattern, string text) => Assert.True(Regex.IsMatch(text, pattern), $"{pattern}\n{text}");

    private static int Count(string text, string what) => text.Split('\n').Count(line => line.EndsWith(what, StringComparison.Ordinal));

    private static async Task Until(Func<bool> isSo)
    {
        for (var end = DateTime.UtcNow + Limit; !isSo();)
        {
            Assert.True(DateTime.UtcNow < end, "it did not come true in time");
            await Task.Delay(200);
        }
    }

    private void Create(string yaml) => _kubectl.Run("create", "-f", _scratch.File($"{Guid.NewGuid():N}.yaml", yaml));

    private void Volume(string name, string metadata = "") => Create($$"""
        apiVersion: cdi.kubevirt.io/v1beta1
        kind: DataVolume
        metadata:
          name: {{name}}
          {{metadata}}
        spec: { source: { blank: {} }, pvc: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 4Mi } } } }
        """);
}
