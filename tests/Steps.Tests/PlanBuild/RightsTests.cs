using System.Text.Json.Nodes;
using Lab;
using Lab.ApiServers;

namespace Steps.Tests.PlanBuild;

/// <summary>The Roles of tasks/plan-build: enough, for one namespace and for two, and nothing in them is too much.</summary>
public sealed class RightsTests : IDisposable
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tasks/plan-build");

    /// <summary>Which of the plans fails, and how, without the right to get a resource on the source's side.</summary>
    private static readonly Dictionary<string, (int Plan, string Fault)> OfSource = new()
    {
        ["datasources"] = (0, "datasources"),
        ["persistentvolumeclaims"] = (0, "persistentvolumeclaims"),
        ["volumesnapshots"] = (1, "volumesnapshots"),
        ["datavolumes"] = (0, "the source is "),
        ["dataimportcrons"] = (1, "the source is "),
    };

    /// <summary>The same on the target's side.</summary>
    private static readonly Dictionary<string, (int Plan, string Fault)> OfTarget = new()
    {
        ["datasources"] = (0, "datasources"),
        ["persistentvolumeclaims"] = (0, "persistentvolumeclaims"),
        ["volumesnapshots"] = (2, "volumesnapshots"),
    };

    private readonly Scratch _scratch = new();

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    public void Dispose() => _scratch.Dispose();

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task The_Roles_are_enough_in_one_namespace_and_from_a_private_to_a_shared_one(ApiServerKind kind)
    {
        foreach (var shares in (bool[])[false, true])
        {
            var cluster = await StartAsync(kind, shares);
            Assert.Equal(["", "", ""], await Task.WhenAll(cluster.Plans.Select(plan => FaultAsync(cluster, plan))));
        }
    }

    [SkippableFact]
    public async Task Without_any_one_right_a_plan_fails_or_no_longer_knows_the_digest()
    {
        var cluster = await StartAsync(ApiServerAssets.Kinds[^1], shares: true);
        foreach (var (space, role, needs) in ((string, string, Dictionary<string, (int Plan, string Fault)>)[])
            [(cluster.Private, "plan-build", OfSource), (cluster.Shared, "plan-build-published", OfTarget)])
        {
            var path = $"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/roles/{role}";
            var rules = (await cluster.Server.Http.ReadAsync(path))["rules"]!.AsArray();
            // Whatever stands in the Role is taken away once, and must be known here.
            Assert.All(rules, rule => Assert.Equal("get", (string?)rule!["verbs"]!.AsArray().Single()));
            Assert.Equal(needs.Keys.Order(), rules.SelectMany(rule => rule!["resources"]!.AsArray()).Select(resource => (string)resource!).Order());
            foreach (var (resource, (plan, expected)) in needs)
            {
                await cluster.Server.Http.MergeAsync(path, $$"""{"rules":{{Without(rules, resource)}}}""");
                await ExpectAsync(cluster, plan, fault => fault.StartsWith(expected, StringComparison.Ordinal)
                    || (fault.Contains($"cannot get resource \"{expected}\"", StringComparison.Ordinal) && fault.Contains("see the rbac.yaml of its task", StringComparison.Ordinal)));
                await cluster.Server.Http.MergeAsync(path, $$"""{"rules":{{rules.ToJsonString()}}}""");
            }
        }
    }

    [SkippableFact]
    public async Task The_Role_of_one_namespace_has_the_rights_of_both_sides_and_no_more()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var space = await server.CreateNamespaceAsync("one");
        new Kubectl(server.Kubeconfig(space)).Run("apply", "-f", Path.Combine(Folder, "rbac.yaml"));
        var rules = (await server.Http.ReadAsync($"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/roles/plan-build"))["rules"]!.AsArray();
        Assert.All(rules, rule => Assert.Equal("get", (string?)rule!["verbs"]!.AsArray().Single()));
        Assert.Equal(
            OfSource.Keys.Union(OfTarget.Keys).Order(), rules.SelectMany(rule => rule!["resources"]!.AsArray()).Select(resource => (string)resource!).Order());
    }

    /// <summary>The server's authorizer hears of a changed Role a moment later, and nothing tells when.</summary>
    private async Task ExpectAsync(Cluster cluster, int plan, Func<string, bool> isExpected)
    {
        var fault = "";
        for (var attempt = 0; attempt < 5; attempt++)
        {
            fault = await FaultAsync(cluster, cluster.Plans[plan]);
            if (isExpected(fault))
            {
                return;
            }
        }

        Assert.Fail($"plan {plan}: '{fault}'");
    }

    /// <summary>What goes wrong in a plan; "" when all is right.</summary>
    private Task<string> FaultAsync(Cluster cluster, string[] plan) => Task.Run(() =>
    {
        var run = PlanRun.Try(_scratch, cluster.Server.KubeconfigFor(cluster.Private, "plan-build"), plan);
        return run.Process.ExitCode switch
        {
            0 when run["source-reference"].EndsWith($"@{Images.Digest}", StringComparison.Ordinal) => "",
            0 => $"the source is {run["source-reference"]}",
            3 => run["error"],
            _ => $"exit code {run.Process.ExitCode}: {run["error"]}",
        };
    });

    private static string Without(JsonArray rules, string resource)
    {
        var fewer = rules.DeepClone().AsArray();
        foreach (var rule in fewer.ToList())
        {
            var resources = rule!["resources"]!.AsArray();
            foreach (var one in resources.Where(one => (string?)one == resource).ToList())
            {
                resources.Remove(one);
            }

            if (resources.Count == 0)
            {
                fewer.Remove(rule);
            }
        }

        return fewer.ToJsonString();
    }

    /// <summary>Namespaces with the rights as their files give them, and with all that a plan can meet.</summary>
    private async Task<Cluster> StartAsync(ApiServerKind kind, bool shares)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var vendor = await server.CreateNamespaceAsync("private");
        var shared = shares ? await server.CreateNamespaceAsync("shared") : vendor;
        var text = File.ReadAllText(Path.Combine(Folder, shares ? "rbac-two-namespaces.yaml" : "rbac.yaml"))
            .Replace("golden-images", vendor, StringComparison.Ordinal)
            .Replace("private-sources", vendor, StringComparison.Ordinal)
            .Replace("openshift-virtualization-os-images", shared, StringComparison.Ordinal);
        new Kubectl(server.Kubeconfig(vendor)).Run("apply", "-f", _scratch.File($"rbac-{vendor}.yaml", text));

        var images = new Images(server);
        await images.VendorAsync(vendor);
        var labels = new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = "rhel-cron" };
        await images.SnapshotAsync(vendor, "rhel-68b44fc891f3", labels: labels);
        await images.CronAsync(vendor, "rhel-cron", "rhel-68b44fc891f3", Images.Digest);
        await images.DataSourceAsync(vendor, "rhel", Images.Snapshot(vendor, "rhel-68b44fc891f3"), labels: labels);
        await images.ClaimAsync(shared, "corp-1");
        await images.DataSourceAsync(shared, "corp", Images.Claim(shared, "corp-1"));
        await images.SnapshotAsync(shared, "corp-2");
        await images.DataSourceAsync(shared, "corp-shot", Images.Snapshot(shared, "corp-2"));
        string[] target = [$"--source-namespace={vendor}", $"--target-namespace={shared}"];
        return new(server, vendor, shared,
        [
            [.. target, "--source-name=fedora", "--data-source=corp"],
            [.. target, "--source-name=rhel", "--data-source=corp"],
            [.. target, "--source-name=fedora", "--data-source=corp-shot"],
        ]);
    }

    private sealed record Cluster(KubeApiServer Server, string Private, string Shared, IReadOnlyList<string[]> Plans);
}
