using Guests;
using Lab;
using Lab.ApiProxy;
using Lab.ApiServers;
using Steps.PlanBuild;

namespace Steps.Tests.PlanBuild;

/// <summary>Whether a build is needed, told from a real API server by <c>plan-build</c> with no more rights than its Role gives.</summary>
public sealed class PlanBuildTests : IDisposable
{
    private const string Commands = """
        upload etc/app.conf:/etc/app.conf
        copy-in tree:/opt
        run scripts/setup.sh
        firstboot scripts/first.sh
        """;

    private static readonly string[] NamedFiles = ["etc/app.conf", "tree/a/b", "scripts/setup.sh", "scripts/first.sh"];

    private readonly Scratch _scratch = new();

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    public void Dispose() => _scratch.Dispose();

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task The_first_build_is_needed_and_its_source_is_pinned(ApiServerKind kind)
    {
        var (server, images, space) = await StartAsync(kind);
        await images.VendorAsync(space);

        var run = PlanRun.Run(_scratch, server.KubeconfigFor(space, "plan-build"), "--source-name=fedora", "--data-source=corp");

        Assert.Equal(
            ("true", "nothing is published yet", "PersistentVolumeClaim", "fedora-68b44fc891f3", space, $"quay.io/containerdisks/fedora@{Images.Digest}", Images.Digest, "", ""),
            (run["needed"], run["reason"], run["source-kind"], run["source-name"], run["source-namespace"], run["source-reference"], run["source-digest"], run["current-volume"], run["error"]));
        Assert.Matches("^sha256:[0-9a-f]{64}$", run["build-key"]);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_second_build_with_nothing_changed_is_not_needed_and_only_what_changed_makes_it_so(ApiServerKind kind)
    {
        var (server, images, space) = await StartAsync(kind);
        await images.VendorAsync(space);
        WriteContent();
        string[] arguments = ["--source-name=fedora", "--data-source=corp", $"--commands={Commands}", $"--content={_scratch["content"]}"];
        var config = server.KubeconfigFor(space, "plan-build");
        var first = PlanRun.Run(_scratch, config, arguments);
        await images.PublishAsync(space, "corp", first.Results, Ago(TimeSpan.FromDays(30)));

        var second = PlanRun.Run(_scratch, config, arguments);
        Assert.Equal(
            ("false", "nothing changed since corp-20261120-0123abcd was published", first["build-key"], "corp-20261120-0123abcd"),
            (second["needed"], second["reason"], second["build-key"], second["current-volume"]));

        // Neither another folder, nor times, nor what no command names.
        Tool.Run("cp", "-r", _scratch["content"], _scratch["elsewhere"]);
        _scratch.File("elsewhere/not-named", "x");
        Assert.Equal("false", PlanRun.Run(_scratch, config, [.. arguments[..^1], $"--content={_scratch["elsewhere"]}"])["needed"]);

        // Every run costs a process; the key itself does not depend on the server.
        foreach (var file in kind == ApiServerAssets.Kinds[^1] ? NamedFiles : NamedFiles[..1])
        {
            var path = _scratch[$"content/{file}"];
            var bytes = File.ReadAllBytes(path);
            File.WriteAllBytes(path, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
            Expect("true", "the customization changed", arguments);
            File.WriteAllBytes(path, bytes);
        }

        Expect("false", "nothing changed since corp-20261120-0123abcd was published", arguments);
        Expect("true", "the customization changed", [.. arguments[..2], arguments[2] + "\ntouch /x", arguments[3]]);
        Expect("true", "the sealing operations changed", [.. arguments, "--operations=-logfiles"]);
        Expect("true", "a build is forced", [.. arguments, "--force=true"]);
        Expect("true", "nothing changed, but corp-20261120-0123abcd is 30d old, and 29d is the longest age", [.. arguments, "--max-age=29d"]);
        Expect("false", "nothing changed since corp-20261120-0123abcd was published", [.. arguments, "--max-age=31d"]);
        Expect("true", "the customization changed", [.. arguments, "--network=true"]);

        await images.ImportAsync(space, "fedora-0a1b2c3d4e5f", $"docker://quay.io/containerdisks/fedora@{Images.NextDigest}", cron: "fedora-cron");
        await images.ChangeDataSourceAsync(space, "fedora", new { spec = new { source = Images.Claim(space, "fedora-0a1b2c3d4e5f") }, status = new { source = Images.Claim(space, "fedora-0a1b2c3d4e5f") } });
        Expect("true", "the source changed (sha256:68b44fc891f3 to sha256:0a1b2c3d4e5f)", arguments);

        void Expect(string needed, string reason, string[] with)
        {
            var run = PlanRun.Run(_scratch, config, with);
            Assert.Equal((needed, reason), (run["needed"], run["reason"]));
        }
    }

    [SkippableFact]
    public async Task A_raised_behaviour_number_makes_a_build_needed()
    {
        var (server, images, space) = await StartAsync(ApiServerAssets.Kinds[^1]);
        await images.VendorAsync(space);
        string[] arguments = ["--source-name=fedora", "--data-source=corp", $"--kubeconfig={server.KubeconfigFor(space, "plan-build")}"];
        var first = await InProcess(GuestBehaviour.Number);
        await images.PublishAsync(space, "corp", first, Ago(TimeSpan.FromHours(1)));
        Assert.Equal("false", (await InProcess(GuestBehaviour.Number))["needed"]);
        var raised = await InProcess(GuestBehaviour.Number + 1);
        Assert.Equal(
            ("true", $"the guest steps do something else now (behaviour {GuestBehaviour.Number} to {GuestBehaviour.Number + 1})"), (raised["needed"], raised["reason"]));
        Assert.NotEqual(first["build-key"], raised["build-key"]);

        async Task<Dictionary<string, string>> InProcess(int behaviour)
        {
            var folder = Directory.CreateDirectory(_scratch[$"behaviour-{Guid.NewGuid():N}"]).FullName;
            var (output, error) = (Console.Out, Console.Error);
            try
            {
                // Its lines are nobody's here.
                Console.SetOut(TextWriter.Null);
                Console.SetError(TextWriter.Null);
                Assert.Equal(0, await StepRuntime.StepHost.RunAsync(new PlanBuildStep(behaviour), [.. PlanRun.Arguments(folder), .. arguments]));
            }
            finally
            {
                Console.SetOut(output);
                Console.SetError(error);
            }

            return PlanRun.Read(folder);
        }
    }

    [SkippableFact]
    public async Task Images_that_use_the_network_get_old_after_seven_days()
    {
        var (server, images, space) = await StartAsync(ApiServerAssets.Kinds[^1]);
        await images.VendorAsync(space);
        var config = server.KubeconfigFor(space, "plan-build");
        string[] arguments = ["--source-name=fedora", "--data-source=corp", "--commands=install nginx", "--network=true"];
        await images.PublishAsync(space, "corp", PlanRun.Run(_scratch, config, arguments).Results, Ago(TimeSpan.FromDays(8)));
        Assert.Equal(
            "nothing changed, but corp-20261120-0123abcd is 8d old, and 7d is the default where the network is used", PlanRun.Run(_scratch, config, arguments)["reason"]);
        Assert.Equal("false", PlanRun.Run(_scratch, config, [.. arguments, "--max-age=9d"])["needed"]);
    }

    [SkippableFact]
    public async Task An_unchanged_image_costs_five_requests_that_only_read_and_less_than_two_seconds()
    {
        var (server, images, space) = await StartAsync(ApiServerAssets.Kinds[^1]);
        await images.VendorAsync(space);
        using var proxy = await ApiProxyServer.StartAsync(server);
        var config = proxy.KubeconfigFor(space, "plan-build");
        string[] arguments = ["--source-name=fedora", "--data-source=corp"];
        await images.PublishAsync(space, "corp", PlanRun.Run(_scratch, config, arguments).Results, Ago(TimeSpan.FromDays(1)));

        var times = new List<TimeSpan>();
        for (var i = 0; i < 3; i++)
        {
            proxy.Forget();
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Assert.Equal("false", PlanRun.Run(_scratch, config, arguments)["needed"]);
            times.Add(clock.Elapsed);
            Assert.Equal(5, proxy.Requests.Count);
            Assert.All(proxy.Requests, request => Assert.Equal("get", request.Verb));
        }

        // The machine may be doing something else as well: the best of three is the step's own.
        Assert.InRange(times.Min(), TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [SkippableFact]
    public async Task What_cannot_be_used_or_is_not_ours_is_built_anew_and_what_was_rolled_back_is_not()
    {
        var (server, images, space) = await StartAsync(ApiServerAssets.Kinds[^1]);
        await images.VendorAsync(space);
        var config = server.KubeconfigFor(space, "plan-build");
        var first = PlanRun.Run(_scratch, config, "--source-name=fedora");
        Assert.Equal(("true", "no data-source is named to compare with"), (first["needed"], first["reason"]));

        await images.DataSourceAsync(space, "empty", new { }, ready: false, reason: "NoSource", message: "No source PVC set");
        Expect("empty", "true", "nothing is published yet");
        await images.DataSourceAsync(space, "gone", Images.Claim(space, "gone-1"), ready: false);
        Expect("gone", "true", "the current volume gone-1 cannot be used: it is not there");
        await images.ClaimAsync(space, "unbound-1", phase: "Pending");
        await images.DataSourceAsync(space, "unbound", Images.Claim(space, "unbound-1"));
        Expect("unbound", "true", "the current volume unbound-1 cannot be used: the claim is Pending");
        await images.ClaimAsync(space, "foreign-1");
        await images.DataSourceAsync(space, "foreign", Images.Claim(space, "foreign-1"));
        Expect("foreign", "true", "the current volume foreign-1 has no build key, so something else made it");
        await images.DataSourceAsync(space, "away", Images.Claim("kube-system", "x"));
        Expect("away", "true", "the current volume x has no build key, so something else made it");
        await images.DataSourceAsync(space, "hostile", Images.Claim(space, "../x\n" + new string('y', 3000)));
        Expect("hostile", "true", "the current volume  cannot be used: its name is none of an object");

        await images.PublishAsync(space, "corp", first.Results, Ago(TimeSpan.FromDays(1)));
        await images.ChangeDataSourceAsync(space, "corp", new { status = new { conditions = new[] { new { type = "Ready", status = "False", reason = "NotFound", message = "" } } } });
        Expect("corp", "true", "the current volume corp-20261120-0123abcd cannot be used: its DataSource is not ready (NotFound)");

        await images.PublishAsync(space, "back", new Dictionary<string, string>(first.Results) { ["build-key"] = "sha256:older" }, Ago(TimeSpan.FromDays(1)));
        await images.ChangeDataSourceAsync(space, "back", new { metadata = new { annotations = new Dictionary<string, string> { ["goldenimage.io/rolled-back-key"] = first["build-key"] } } });
        Expect("back", "false", "a build of these very inputs was published and rolled back, and back-20261120-0123abcd stays; change an input, or force it");

        void Expect(string dataSource, string needed, string reason)
        {
            var run = PlanRun.Run(_scratch, config, "--source-name=fedora", $"--data-source={dataSource}");
            Assert.Equal((needed, reason), (run["needed"], run["reason"]));
        }
    }

    /// <summary>A namespace in which the step's ServiceAccount has its Roles, and nothing else.</summary>
    private static async Task<(KubeApiServer Server, Images Images, string Space)> StartAsync(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        var space = await server.CreateNamespaceAsync("plan-build");
        new Kubectl(server.Kubeconfig(space)).Run("apply", "-f", Path.Combine(Repository.Root, "tasks/plan-build/rbac.yaml"));
        return (server, new Images(server), space);
    }

    private static string Ago(TimeSpan age) => (DateTimeOffset.UtcNow - age - TimeSpan.FromMinutes(5)).ToString("yyyy-MM-ddTHH:mm:ssZ");

    private void WriteContent()
    {
        foreach (var file in NamedFiles)
        {
            _scratch.File($"content/{file}", $"the content of {file}\n");
        }
    }
}
