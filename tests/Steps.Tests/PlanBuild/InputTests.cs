using System.Text.Json;
using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;

namespace Steps.Tests.PlanBuild;

/// <summary>What <c>plan-build</c> takes, gives and refuses; and what it makes of an API server that is not well.</summary>
public sealed class InputTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void It_has_the_options_and_results_that_users_know()
    {
        using var contract = JsonDocument.Parse(Tool.Run(Repository.Step("plan-build"), "--contract").Output);
        string[] Names(string list) => [.. contract.RootElement.GetProperty(list).EnumerateArray().Select(item => item.GetProperty("name").GetString()!)];
        Assert.Equal(
            [
                "source-kind", "source-name", "source-namespace", "architecture", "commands", "commands-file", "content", "operations", "network",
                "data-source", "target-namespace", "max-age", "force", "kubeconfig", "context",
            ],
            Names("options")[..15]);
        Assert.Equal(PlanRun.ResultNames, Names("results"));
    }

    [Fact]
    public void The_plan_is_told_without_a_cluster_and_without_secrets()
    {
        var file = _scratch.File("secret/commands", "user ops\npassword ops:password:hunter2\nwrite /etc/token:hunter3\nrun-command echo hunter4\n");
        var result = Tool.Run(
            Repository.Step("plan-build"), $"--kubeconfig={Kubeconfig()}", "--dry-run=true", "--source-name=fedora", "--commands=touch /x", $"--commands-file={file}",
            "--operations=machine-id", "--data-source=corp", "--target-namespace=shared");
        Assert.Equal(
            $"""
            ask 127.0.0.1:1 for DataSource here/fedora, and pin the volume behind it
            compute the build key of 5 commands and their local files, network off
              commands:1: touch /x
              {file}:1: user ops
              {file}:2: password of ops
              {file}:3: write /etc/token (7 bytes)
              {file}:4: run-command (12 characters)
              seal: machine-id
            compare with what DataSource shared/corp points to

            """,
            result.Output);
        Assert.DoesNotContain("hunter", result.All, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Mistakes_are_told_all_at_once_before_anybody_is_asked()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        using var proxy = await ApiProxyServer.StartAsync(server);
        (string Argument, string Line)[] mistakes =
        [
            ("--source-kind=DataVolume", "--source-kind: 'DataVolume' is none of DataSource, PersistentVolumeClaim, VolumeSnapshot"),
            ("--source-namespace=a.b", "--source-namespace: this is no namespace's name: up to 63 of a-z, 0-9 and '-', a letter or digit first and last"),
            ("--architecture=x86_64", "--architecture: this is no architecture; name it as Go does: amd64, arm64, s390x"),
            ("--data-source=Corp", "--data-source: this is no object's name: up to 253 of a-z, 0-9, '-' and '.', a letter or digit first and last in each part"),
            ("--target-namespace=-x", "--target-namespace: this is no namespace's name: up to 63 of a-z, 0-9 and '-', a letter or digit first and last"),
            ("--max-age=7", "--max-age: '7' is not a duration such as 1h30m or 90s"),
            ("--max-age=9999d", "--max-age: '9999d' is not a duration between 1ms and 3650d"),
            ("--force=yes", "--force: 'yes' is neither true nor false"),
            ("--operations=ssh-hostkey", "--operations: ssh-hostkey is unknown, did you mean ssh-hostkeys?; names are separated by commas, -name takes one out of the defaults"),
            ("--commands=instal nginx", "commands:1: the command is not known; did you mean install?"),
            ("--commands=install nginx", "commands:1: install: packages come over the network, and it is off; set --network=true, or use firstboot-install"),
            ("--commands=password root:password:hunter2", "commands:1: password: a password in inline commands can be read in the pod's specification and in the log; put the commands into a Secret and name its file with --commands-file, or use file:PATH"),
            ($"--commands=upload {_scratch["none"]}:/x", $"commands:1: upload: local file {_scratch["none"]} is not there; check the name, and that its ConfigMap, Secret or volume is mounted"),
            ($"--content={_scratch["none"]}", $"--content: the folder {_scratch["none"]} is not there; check that its ConfigMap, Secret or volume is mounted"),
            ("--data-source=fedora", "--data-source: it is the source itself, which every build would change again; give the golden image a name or namespace of its own"),
            ("--context=other", ""),
        ];
        foreach (var (argument, line) in mistakes)
        {
            var run = PlanRun.Try(_scratch, proxy.Kubeconfig(), "--source-name=fedora", argument);
            Assert.True(run.Process.ExitCode == 2, $"{argument}: {run.Process.All}");
            Assert.StartsWith(line.Length == 0 ? "input: " : $"input: {line}", run["error"], StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", run.Process.All, StringComparison.Ordinal);
        }

        var all = PlanRun.Try(_scratch, proxy.Kubeconfig(), "--data-source=Corp", "--commands=instal x", "--max-age=7");
        Assert.Equal(2, all.Process.ExitCode);
        Assert.StartsWith("input: 4 mistakes, the first: ", all["error"], StringComparison.Ordinal);
        Assert.Empty(proxy.Requests);
    }

    [SkippableFact]
    public async Task A_server_that_is_not_well_is_asked_again_or_told_apart()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var space = await server.CreateNamespaceAsync("faults");
        await new Images(server).VendorAsync(space);
        using var proxy = await ApiProxyServer.StartAsync(server);

        // Once, at each request in its turn: survived.
        var requests = 0;
        var seen = new HashSet<string>();
        proxy.Before = request => Task.FromResult(
            !seen.Add(request.Path) ? Verdict.Pass
            : (requests++ % 3) switch
            {
                0 => Verdict.ResetConnection,
                1 => Verdict.TooManyRequests(1),
                _ => Verdict.Error(500, "InternalError", "etcd has no leader"),
            });
        Assert.Equal("true", PlanRun.Run(_scratch, proxy.Kubeconfig(space), "--source-name=fedora", "--data-source=corp")["needed"]);
        Assert.Equal(4, seen.Count);

        proxy.Before = request => Task.FromResult(Verdict.Answer(200, "<html>welcome</html>", "text/html"));
        Assert.Equal(5, PlanRun.Try(_scratch, proxy.Kubeconfig(space), "--source-name=fedora").Process.ExitCode);
        proxy.Before = request => Task.FromResult(Verdict.Answer(200, "{}"));
        Assert.Equal(5, PlanRun.Try(_scratch, proxy.Kubeconfig(space), "--source-name=fedora").Process.ExitCode);
        Assert.Equal(5, PlanRun.Try(_scratch, proxy.Kubeconfig(space), "--source-kind=PersistentVolumeClaim", "--source-name=fedora").Process.ExitCode);
        proxy.Before = request => Task.FromResult(Verdict.Answer(200, """{"metadata":{"name":null,"uid":"../..","labels":null},"spec":{"source":null},"status":{"source":null,"conditions":[null]}}"""));
        Assert.InRange(PlanRun.Try(_scratch, proxy.Kubeconfig(space), "--source-name=fedora").Process.ExitCode, 3, 5);
        proxy.Before = request => Task.FromResult(Verdict.Silence);
        Assert.Equal(7, PlanRun.Try(_scratch, proxy.Kubeconfig(space), "--source-name=fedora", "--timeout=2s").Process.ExitCode);
    }

    [SkippableFact]
    public async Task A_secret_is_in_the_key_and_nowhere_else()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var space = await server.CreateNamespaceAsync("secrets");
        await new Images(server).VendorAsync(space);
        var keys = new HashSet<string>();
        foreach (var password in (string[])["hunter2", "hunter3"])
        {
            var file = _scratch.File("commands", $"password root:password:{password}\n");
            var run = PlanRun.Run(_scratch, server.Kubeconfig(space), "--source-name=fedora", $"--commands-file={file}", "--verbose=true");
            Assert.True(keys.Add(run["build-key"]));
            Assert.DoesNotContain("hunter", run.Process.All + string.Concat(run.Results.Values), StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public async Task The_longest_names_leave_room_for_the_reason()
    {
        var server = await ApiServerFixture.GetAsync(ApiServerAssets.Kinds[^1]);
        var space = await server.CreateNamespaceAsync("names");
        var images = new Images(server);
        var name = $"x{new string('y', 252)}";
        await images.ClaimAsync(space, name);
        await images.DataSourceAsync(space, name, Images.Claim(space, name));
        var run = PlanRun.Run(_scratch, server.Kubeconfig(space), "--source-kind=PersistentVolumeClaim", $"--source-name={name}", $"--data-source={name}");
        Assert.Equal((name, name, "true"), (run["source-name"], run["current-volume"], run["needed"]));
        Assert.StartsWith("the current volume xyyyy", run["reason"], StringComparison.Ordinal);
    }

    private string Kubeconfig() => _scratch.File("kubeconfig", """
        apiVersion: v1
        kind: Config
        current-context: c
        contexts: [{ name: c, context: { cluster: c, user: u, namespace: here } }]
        clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
        users: [{ name: u, user: { token: t } }]
        """);
}
