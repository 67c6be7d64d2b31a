using System.Diagnostics;
using System.Text.Json.Nodes;
using Lab;

namespace EndToEnd;

/// <summary>
/// The run: registry and cluster → the vendor's DataSource → a PipelineRun → the corporate DataSource, its container disk compared, and a
/// team's clone of it booted. What a platform engineer does with kubectl is done with kubectl.
/// </summary>
public sealed partial class Flow
{
    private const string Private = "private-sources";
    private const string Shared = "openshift-virtualization-os-images";
    private const string Team = "team-a";
    private const string Pipeline = "build-golden-image";
    private const string ConsumerLabel = "app.kubernetes.io/part-of=one-machine";
    private static readonly TimeSpan CancelLimit = TimeSpan.FromSeconds(60);

    private readonly FlowInputs inputs;
    private readonly Place place;
    private readonly Terminal terminal;
    private readonly CancellationToken cancellation;
    private readonly RunFolder run;
    private readonly CommandLine kubectl;
    private readonly List<StepSummary> done = [];
    private readonly List<Proof> proofs = [];
    private Expectations expected = null!;
    private string keysFile = "";
    private string registry = "";
    private string vendorDigest = "";
    private Published? published;
    private string pulledDisk = "";

    /// <summary>What a step leaves for the summary: facts by name, and one line for the user.</summary>
    private sealed record StepFacts(string Said, IReadOnlyDictionary<string, string> Facts);

    /// <summary>A published version.</summary>
    private sealed record Published(string Volume, string Version, string Image, string Disk, bool IsNew);

    private Flow(FlowInputs inputs, Place place, RunFolder run, TextWriter output, CancellationToken cancellation)
    {
        (this.inputs, this.place, this.run, this.cancellation) = (inputs, place, run, cancellation);
        terminal = new Terminal(output, 5);
        kubectl = new CommandLine(terminal, place.Kubeconfig);
    }

    /// <summary>Runs it all. The exit code: 0 only if every proof holds.</summary>
    public static async Task<int> Run(FlowInputs inputs, Place place, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        using var folder = RunFolder.Open(place);
        var flow = new Flow(inputs, place, folder, output, cancellation);
        var started = TimeProvider.System.GetUtcNow();
        var clock = Stopwatch.StartNew();
        flow.terminal.Line($"golden-image: {Terminal.Short(inputs.VendorDiskPath)} + {Terminal.Short(inputs.Customize)}");
        Summary Tell(string outcome, string? fault) => new(
            outcome, fault, started, Math.Round(clock.Elapsed.TotalSeconds, 1), Environment.ProcessorCount,
            File.Exists(inputs.VendorDiskPath) ? inputs.Key() : "", inputs.VendorDiskPath, inputs.Customize, flow.published?.Version, flow.done, flow.proofs,
            flow.Files());
        try
        {
            await flow.Work();
            if (flow.pulledDisk.Length > 0)
            {
                folder.Keep(Tell("golden", null), flow.pulledDisk);
            }
            else if (Summary.Read(place.SummaryFile) is { } last && last.Customization == inputs.Customize && last.VendorImage == inputs.VendorDiskPath)
            {
                // Made anew by others of our executables, it would be the same: whoever asks by this key may take it.
                (last with { Key = inputs.Key(), Files = last.Version == flow.published!.Version ? flow.Files() : last.Files }).Write(place.SummaryFile);
            }

            flow.SayNext(clock.Elapsed);
            return 0;
        }
        catch (Exception fault) when (fault is FlowException or OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            var known = cancellation.IsCancellationRequested
                ? new FlowException(143, "stopped by a signal; run it again when you like")
                : fault as FlowException ?? StoppableTool.Failed(fault);
            var (code, line) = (known.Code, known.Message);
            await error.WriteLineAsync($"golden-image: {line}");
            try
            {
                folder.KeepFailure(Tell("failed", line));
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                await error.WriteLineAsync($"golden-image: and its summary cannot be kept: {second.Message}");
            }

            return code;
        }
        catch (Exception bug)
        {
            await error.WriteLineAsync($"golden-image: a fault of this program: {bug}");
            return 1;
        }
    }

    private async Task Work()
    {
        expected = Expectations.Of(inputs.Customize);
        (var content, keysFile) = CustomizationFiles.Options(inputs.Customize, expected.Keys);
        await Timed("machine", "a registry with the vendor's image, and a local cluster", () => Prepare(content));
        await Timed("vendor", "its DataImportCron, and the DataSource that comes of it", ImportVendor);
        await Timed("build", "a PipelineRun: clone, customize, seal, check, push, publish", Build);
        if (!published!.IsNew && run.HasChecked(published.Version))
        {
            terminal.Line($"      {published.Volume} was compared and booted before; nothing is left to do");
            return;
        }

        // The judges need the disk and the registry, the machine a processor: side by side.
        terminal.Line();
        await Together(
            Timed("container disk", "skopeo, tar and qemu-img as judges", Judge),
            Timed("consumer", "a team's clone of the DataSource, booted: it has to prove itself on its console", Boot));
    }

    private async Task Timed(string name, string purpose, Func<Task<StepFacts>> work)
    {
        cancellation.ThrowIfCancellationRequested();
        terminal.Begin(name, purpose);
        var clock = Stopwatch.StartNew();
        try
        {
            var facts = await work();
            cancellation.ThrowIfCancellationRequested();
            lock (done)
            {
                done.Add(new StepSummary(name, Math.Round(clock.Elapsed.TotalSeconds, 1), facts.Facts));
            }

            terminal.Done(name, clock.Elapsed, facts.Said);
        }
        catch
        {
            terminal.Failed(name, clock.Elapsed);
            throw;
        }
    }

    // Both end before anything is cleaned up; the first fault is told.
    private static async Task Together(params Task[] tasks)
    {
        await Task.WhenAll(tasks).ContinueWith(_ => { }, TaskScheduler.Default);
        foreach (var task in tasks)
        {
            await task;
        }
    }

    private async Task<StepFacts> Prepare(string content)
    {
        await CheckVendorDisk();
        // The vendor's image is pushed while the cluster starts and is furnished.
        await Together(PushVendor(), StartCluster(content));
        return new($"registry {registry}, cluster {Terminal.Short(place.Kubeconfig)}", new Dictionary<string, string>
        {
            ["registry"] = registry,
            ["vendor-digest"] = vendorDigest,
        });
    }

    private async Task StartCluster(string content)
    {
        if (!File.Exists(Place.LocalCluster))
        {
            throw new FlowException(3, $"{Place.LocalCluster}: it is not built; run make local-cluster");
        }

        string[] options = place.Cluster == Place.Checkout.Cluster ? place.ClusterOptions.ToArray() : [$"--state={place.Cluster}", .. place.ClusterOptions];
        await kubectl.Type(string.Join(' ', [Terminal.Short(Place.LocalCluster), "up", .. options.Select(CommandLine.Quoted)]), cancellation);
        terminal.Command($"export KUBECONFIG={CommandLine.Quoted(Terminal.Short(place.Kubeconfig))}", []);
        var tasks = Place.InCheckout("tasks");
        string[] steps = ["plan-build", "clone-source", "customize-disk", "seal-volume", "push-containerdisk", "publish-datasource", "discard-volume"];
        string[] both = ["plan-build", "publish-datasource"];
        string[] here = ["clone-source", "discard-volume"];
        await kubectl.Type($"kubectl apply -f {Place.InCheckout("docs", "examples", "one-machine", "namespaces.yaml")}", cancellation);
        await kubectl.Type(
            $"kubectl apply -n {Private} {string.Join(' ', here.Select(step => $"-f {tasks}/{step}/rbac.yaml"))}", cancellation);
        await kubectl.Type(
            $"sed -s '$a---' {string.Join(' ', both.Select(step => $"{tasks}/{step}/rbac-two-namespaces.yaml"))} | sed 's/golden-images/{Private}/' | kubectl apply -f -", cancellation);
        await kubectl.Type(
            $"kubectl apply -n {Private} {string.Join(' ', steps.Select(step => $"-f {tasks}/{step}/{step}.yaml"))} -f {Place.InCheckout("pipelines", Pipeline, $"{Pipeline}.yaml")}",
            cancellation);
        await kubectl.Type(
            $"kubectl create configmap {inputs.DataSource} -n {Private} {content} --dry-run=client -o yaml | kubectl apply -f -", cancellation);
    }

    /// <summary>A file of the example with other names in it, ready for <c>kubectl</c>.</summary>
    private string With(string file, string verb, params (string Old, string New)[] changes)
    {
        var path = Place.InCheckout("docs", "examples", "one-machine", file);
        var text = string.Concat(changes.Where(change => change.Old != change.New).Select(change => $" -e {CommandLine.Quoted($"s|{change.Old}|{change.New}|")}"));
        return text.Length == 0 ? $"kubectl {verb} -f {path}" : $"sed{text} {path} | kubectl {verb} -f -";
    }

    private async Task<StepFacts> ImportVendor()
    {
        var name = inputs.Name;
        await kubectl.Type(With("vendor.yaml", "apply", ("127.0.0.1:5000", registry), ("debian12", name), ("storage: 5Gi", $"storage: {await VendorSize()}Gi")), cancellation);
        var cron = await kubectl.Find(cancellation, "dataimportcron", name, "-n", Private);
        var asked = (string?)cron?["metadata"]?["annotations"]?["cdi.kubevirt.io/storage.import.sourceDesiredDigest"];
        if (asked is not null && asked != vendorDigest)
        {
            // What the schedule would find tonight.
            await kubectl.Type(
                $"kubectl annotate dataimportcron/{name} -n {Private} --overwrite cdi.kubevirt.io/storage.import.sourceDesiredDigest={vendorDigest}", cancellation);
        }

        var volume = $"{name}-{vendorDigest["sha256:".Length..][..12]}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromMinutes(5));
        try
        {
            while ((string?)(await kubectl.Find(limit.Token, "datasource", name, "-n", Private))?["spec"]?["source"]?["pvc"]?["name"] != volume)
            {
                await Task.Delay(300, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new FlowException(4, $"DataImportCron {Private}/{name} has not imported {vendorDigest} in 5 minutes: kubectl describe dataimportcron,dv -n {Private}");
        }

        await kubectl.Type($"kubectl wait datasource/{name} -n {Private} --for=condition=Ready --timeout=5m", cancellation);
        return new($"DataSource {Private}/{name}, volume {volume}", new Dictionary<string, string> { ["volume"] = volume });
    }

    private async Task<StepFacts> Build()
    {
        // Not to be broken off before its name is known.
        var created = await kubectl.Type(
            With(
                "pipelinerun.yaml", "create", ("127.0.0.1:5000", registry), ("debian12", inputs.Name),
                ("value: \"false\"", inputs.Network ? "value: \"true\"" : "value: \"false\""),
                ("value: defaults", inputs.Operations.Length > 0 ? $"value: \"{inputs.Operations}\"" : "value: defaults"), ("ops.pub", keysFile)),
            CancellationToken.None);
        var name = created[(created.IndexOf('/') + 1)..].Split(' ')[0];
        IReadOnlyList<TaskOutcome> tasks;
        JsonNode ended;
        try
        {
            (tasks, ended) = await new RunFollower(kubectl, terminal, Private, name).Follow(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await Cancel(name);
            throw;
        }

        if (RunFollower.Succeeded(ended) != true)
        {
            var message = (string?)RunFollower.Condition(ended)?["message"] ?? "it failed";
            throw tasks.FirstOrDefault(task => !task.Succeeded) is { } failed
                ? new FlowException(
                    failed.ExitCode == 0 ? 1 : failed.ExitCode, $"{failed.Task}: {failed.Results.GetValueOrDefault("error", failed.Message)}")
                : new FlowException(1, $"PipelineRun {Private}/{name}: {message}");
        }

        var facts = tasks.SelectMany(task => task.Results.Select(result => KeyValuePair.Create($"{task.Task}.{result.Key}", result.Value)))
            .Concat(tasks.Select(task => KeyValuePair.Create($"{task.Task}.seconds", Terminal.Seconds(TimeSpan.FromSeconds(task.Seconds)))))
            .Append(KeyValuePair.Create("pipeline-run", name)).ToDictionary();
        var isNew = facts.GetValueOrDefault("plan.needed") == "true";
        published = await FindPublished(isNew, facts.GetValueOrDefault("push.IMAGE_DIGEST"));
        return new(isNew ? $"new version {published.Volume}" : $"nothing to build: {facts.GetValueOrDefault("plan.reason")}", facts);
    }

    private async Task Cancel(string name)
    {
        using var limit = new CancellationTokenSource(CancelLimit);
        try
        {
            await kubectl.Type($"kubectl patch pipelinerun {name} -n {Private} --type=merge -p '{{\"spec\":{{\"status\":\"CancelledRunFinally\"}}}}'", limit.Token);
            while (await kubectl.Find(limit.Token, "pipelinerun", name, "-n", Private) is { } found && RunFollower.Succeeded(found) is null)
            {
                await Task.Delay(500, limit.Token);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or FlowException)
        {
            terminal.Line($"      PipelineRun {Private}/{name} has not ended: kubectl describe pipelinerun {name} -n {Private}");
        }
    }

    private async Task<Published> FindPublished(bool isNew, string? digest)
    {
        var source = await kubectl.Find(cancellation, "datasource", inputs.DataSource, "-n", Shared);
        var volume = (string?)source?["spec"]?["source"]?["pvc"]?["name"]
            ?? throw new FlowException(3, $"DataSource {Shared}/{inputs.DataSource} points to no volume, although the PipelineRun has succeeded");
        var claim = await kubectl.Find(cancellation, "persistentvolumeclaim", volume, "-n", Shared)
            ?? throw new FlowException(3, $"PersistentVolumeClaim {Shared}/{volume}, to which the DataSource points, is gone");
        var annotations = claim["metadata"]!["annotations"];
        var data = await kubectl.Find(cancellation, "datavolume", volume, "-n", Shared);
        var image = (string?)(annotations?["goldenimage.io/image"] ?? data?["metadata"]?["annotations"]?["goldenimage.io/image"])
            ?? throw new FlowException(3, $"{Shared}/{volume} does not say which container disk was pushed of it");
        return new Published(volume, $"{Shared}/{volume} {claim["metadata"]!["uid"]}", digest is null ? image : $"{image}@{digest}", place.Disk((string)claim["spec"]!["volumeName"]!), isNew);
    }

    private Dictionary<string, string> Files() => new()
    {
        ["volume"] = published?.Disk ?? "",
        ["qcow2"] = place.Qcow2,
        ["console"] = place.Console,
        ["summary"] = place.SummaryFile,
    };

    private void SayNext(TimeSpan took)
    {
        var version = published!;
        string[] lines =
        [
            "",
            version.IsNew
                ? $"golden image: a new version in {Terminal.Seconds(took)}{(proofs.Count > 0 ? $", {proofs.Count} proofs hold" : "")}"
                : $"golden image: nothing has changed, checked in {Terminal.Seconds(took)}",
            $"  DataSource      {Shared}/{inputs.DataSource} -> {version.Volume}",
            $"  container disk  {version.Image}",
            $"  qcow2, summary  {Terminal.Short(place.Qcow2)}, {Path.GetFileName(place.SummaryFile)}",
            "go on (cluster and registry run until 'make down'):",
            $"  export KUBECONFIG={CommandLine.Quoted(Terminal.Short(place.Kubeconfig))}",
            "  kubectl get datasources,dv -A                     what is there",
            $"  kubectl get pipelineruns,taskruns -n {Private}   how it came about",
            $"  cp -r {Terminal.Short(Path.GetDirectoryName(FlowInputs.Sample)!)} mine; make golden-image CUSTOMIZE=mine/customize.commands",
        ];
        foreach (var line in lines)
        {
            terminal.Line(line);
        }
    }
}
