using System.Diagnostics;
using Lab;

namespace EndToEnd;

/// <summary>The run: vendor's disk → working copy → customized and sealed → checked → pushed → pulled → booted.</summary>
public sealed class Flow
{
    private readonly FlowInputs inputs;
    private readonly Terminal terminal;
    private readonly CancellationToken cancellation;
    private readonly RunFolder run;
    private readonly List<StepSummary> done = [];
    private readonly List<Proof> proofs = [];
    private readonly (string Name, string Purpose, Func<Task<StepFacts>> Work)[] steps;
    private Expectations expected = null!;
    private DockerRegistry? registry;
    private string image = "";
    private string pulledDisk = "";

    /// <summary>What a step leaves for the summary: facts by name, and one line for the user.</summary>
    private sealed record StepFacts(string Said, IReadOnlyDictionary<string, string> Facts);

    private Flow(FlowInputs inputs, RunFolder run, TextWriter output, CancellationToken cancellation)
    {
        (this.inputs, this.run, this.cancellation) = (inputs, run, cancellation);
        steps =
        [
            ("vendor disk", "what the vendor publishes", GetVendorDisk),
            ("working copy", "a volume of its own, as a cluster clones it", CopyDisk),
            ("customize-disk", "customize and seal, in one launch", Customize),
            ("seal-volume --check", "an independent look: is any identity or secret left?", CheckSeal),
            ("push-containerdisk", "to a registry on this machine", Push),
            ("pull and compare", "skopeo, tar and qemu-img as judges", Pull),
            ("boot", "what came back, under qemu: it has to prove itself on its console", Boot),
        ];
        terminal = new Terminal(output, steps.Length);
    }

    /// <summary>Runs it all. The exit code: 0 only if every proof holds.</summary>
    public static async Task<int> Run(FlowInputs inputs, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        using var folder = RunFolder.Open();
        var flow = new Flow(inputs, folder, output, cancellation);
        var started = TimeProvider.System.GetUtcNow();
        var clock = Stopwatch.StartNew();
        flow.terminal.Line($"golden-image: {Terminal.Short(inputs.VendorDiskPath)} + {Terminal.Short(inputs.Customize)}");
        Summary Tell(string outcome, string? fault) => new(
            outcome, fault, started, Math.Round(clock.Elapsed.TotalSeconds, 1), Environment.ProcessorCount,
            File.Exists(inputs.VendorDiskPath) ? inputs.Key() : "", inputs.VendorDiskPath, inputs.Customize, flow.done, flow.proofs, RunFolder.Files);
        try
        {
            flow.expected = Expectations.Of(inputs.Customize);
            foreach (var (name, purpose, work) in flow.steps)
            {
                await flow.Timed(name, purpose, work);
            }

            var summary = Tell("golden", null);
            folder.Keep(summary);
            flow.SayNext(summary);
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
        finally
        {
            flow.registry?.Dispose();
        }
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
            done.Add(new StepSummary(name, Math.Round(clock.Elapsed.TotalSeconds, 1), facts.Facts));
            terminal.Done(clock.Elapsed, facts.Said);
        }
        catch
        {
            terminal.Failed(clock.Elapsed);
            throw;
        }
    }

    private async Task<StepFacts> GetVendorDisk()
    {
        if (inputs.VendorImage is null)
        {
            var (code, line) = await StepProgram.RunProgram(
                VendorDisk.Recipe, [Path.GetDirectoryName(VendorDisk.Path)!], terminal.Detail, terminal.Detail, cancellation);
            if (code != 0)
            {
                throw StoppableTool.Failed(code, $"{VendorDisk.Recipe} failed with {code}", line.Length > 0 ? line : "see its log beside the disk");
            }
        }

        else if (inputs.VendorFormat == "qcow2")
        {
            await CheckQcow2(inputs.VendorDiskPath);
        }

        var size = RunFolder.Allocated(inputs.VendorDiskPath);
        return new($"{Terminal.Short(inputs.VendorDiskPath)}, {inputs.VendorFormat}, {Terminal.Bytes(size)} on disk", new Dictionary<string, string>
        {
            ["format"] = inputs.VendorFormat,
            ["allocated-bytes"] = $"{size}",
        });
    }

    // qemu-img convert reads what lies behind the end of a cut file as zeros, without a word. Of qemu-img check's exit codes,
    // 3 means clusters that are lost, which harms no data (qemu-img(1)).
    private async Task CheckQcow2(string disk)
    {
        var check = await StoppableTool.Try("qemu-img", ["check", "-f", "qcow2", disk], cancellation);
        if (check.ExitCode is not (0 or 3))
        {
            throw new FlowException(5, $"VENDOR_IMAGE={disk}: it is cut short or damaged; fetch it again (qemu-img check: {check.Error.Trim().Split('\n')[0]})");
        }
    }

    private async Task<StepFacts> CopyDisk()
    {
        Directory.CreateDirectory(run.Volume);
        await StoppableTool.Require(
            5, $"{inputs.VendorDiskPath}: qemu-img cannot copy it",
            "qemu-img", ["convert", "-f", inputs.VendorFormat, "-O", "raw", inputs.VendorDiskPath, run.Disk], cancellation);

        // As CDI and KubeVirt leave it: qemu's user and group may write, nobody else may read.
        File.SetUnixFileMode(run.Disk, (UnixFileMode)0b110_110_000);
        var (size, allocated) = (new FileInfo(run.Disk).Length, RunFolder.Allocated(run.Disk));
        return new($"raw, {Terminal.Bytes(size)}, {Terminal.Bytes(allocated)} on disk", new Dictionary<string, string>
        {
            ["virtual-bytes"] = $"{size}",
            ["allocated-bytes"] = $"{allocated}",
        });
    }

    private async Task<StepFacts> Customize()
    {
        var results = await Step(
            "customize-disk",
            $"--disk={run.Volume}", $"--commands-file={Terminal.Short(inputs.Customize)}", "--seal=true",
            $"--operations={inputs.Operations}", $"--network={(inputs.Network ? "true" : "")}");
        var allocated = RunFolder.Allocated(run.Disk);
        return With(results, $"{results["os"]}, now {Terminal.Bytes(allocated)} on disk", ("allocated-bytes", $"{allocated}"));
    }

    private async Task<StepFacts> CheckSeal()
    {
        // The keys that the customization put in are wanted; any other is a finding.
        var keys = Path.Combine(run.Folder, "authorized_keys");
        await File.WriteAllLinesAsync(keys, expected.Keys.Select(key => key.Line), cancellation);
        var results = await Step(
            "seal-volume",
            $"--disk={run.Volume}", "--check=true", $"--operations={inputs.Operations}",
            $"--keep-authorized-keys={(expected.Keys.Count > 0 ? keys : "")}");
        return With(results, "nothing found");
    }

    private async Task<StepFacts> Push()
    {
        registry = await StartRegistry();
        var repository = $"{registry.Host}/golden/{(inputs.VendorImage is null ? "debian12" : "image")}";
        var results = await Step("push-containerdisk", $"--disk={run.Volume}", $"--image={repository}:latest", "--insecure=true");
        image = $"{repository}@{results["IMAGE_DIGEST"]}";
        return With(results, results["IMAGE_DIGEST"], ("reference", image));
    }

    // It is there within a second; if not, the user learns what it said.
    private static async Task<DockerRegistry> StartRegistry()
    {
        try
        {
            return await Task.Run(() => DockerRegistry.Start());
        }
        catch (Exception fault) when (fault is InvalidOperationException or TimeoutException)
        {
            throw StoppableTool.Failed(3, "docker-registry, to which the image is pushed, does not start; install it by 'make packages'", fault.Message);
        }
    }

    private async Task<StepFacts> Pull()
    {
        var pulled = await ContainerDiskJudge.Pull(image, run.Folder, cancellation);
        await ContainerDiskJudge.Compare(run.Disk, pulled.Disk, cancellation);
        pulledDisk = pulled.Disk;
        var size = new FileInfo(pulled.Disk).Length;
        return new StepFacts(
            $"one layer of {Terminal.Bytes(pulled.LayerBytes)}, disk.qcow2 of {Terminal.Bytes(size)}: identical to the volume",
            new Dictionary<string, string>
            {
                ["layer-digest"] = pulled.LayerDigest,
                ["layer-bytes"] = $"{pulled.LayerBytes}",
                ["qcow2-bytes"] = $"{size}",
            });
    }

    private async Task<StepFacts> Boot()
    {
        IReadOnlyList<string> identity = inputs.VendorImage is null ? VendorDisk.Identity : [];
        proofs.AddRange(await BootCheck.Run(pulledDisk, expected, identity, run.Folder, terminal.Detail, cancellation));
        foreach (var proof in proofs)
        {
            terminal.Detail(proof.Holds
                ? $"holds: {proof.Name}: {(proof.Found == proof.Expected && proof.Found.Length == 64 ? $"as written (sha256 {proof.Found[..12]})" : proof.Found)}"
                : $"DOES NOT HOLD: {proof.Name}: expected {proof.Expected}; found {proof.Found}");
        }

        var broken = proofs.Where(proof => !proof.Holds).Select(proof => proof.Name).ToList();
        return broken.Count == 0
            ? new($"{proofs.Count} of {proofs.Count} proofs hold", new Dictionary<string, string>())
            : throw new FlowException(6, $"the golden disk boots, but {broken.Count} of {proofs.Count} proofs do not hold: {string.Join(", ", broken)}; the console is in {Terminal.Short(RunFolder.FailedConsole)}");
    }

    private async Task<IReadOnlyDictionary<string, string>> Step(string step, params string[] options) =>
        await StepProgram.Run(step, options.Where(option => !option.EndsWith('=')), run.Results, terminal.Detail, cancellation);

    private static StepFacts With(IReadOnlyDictionary<string, string> results, string said, params (string Name, string Value)[] more) =>
        new(said, results.Where(result => result.Value.Length > 0).Concat(more.Select(one => KeyValuePair.Create(one.Name, one.Value))).ToDictionary());

    private void SayNext(Summary summary)
    {
        var push = summary.Steps.First(step => step.Name == "push-containerdisk").Facts;
        var layer = long.Parse(summary.Steps.First(step => step.Name == "pull and compare").Facts["layer-bytes"]);
        string[] lines =
        [
            "",
            $"golden image: {summary.Steps.Count} steps, {summary.Proofs.Count} proofs, {summary.Seconds:0.0} s",
            .. summary.Steps.Select(step => $"  {step.Seconds,6:0.0} s  {step.Name}"),
            $"  volume    {Terminal.Short(RunFolder.GoldenVolume)}/disk.img, raw, {Terminal.Bytes(RunFolder.Allocated(Path.Combine(RunFolder.GoldenVolume, "disk.img")))} on disk",
            $"  qcow2     {Terminal.Short(RunFolder.GoldenQcow2)}, as pulled",
            $"  image     {push["IMAGE_DIGEST"]}, layer of {Terminal.Bytes(layer)} (its registry ended with this run)",
            $"  disk      {push["disk-digest"]} (its qcow2, however it is compressed)",
            $"  summary   {Terminal.Short(RunFolder.SummaryFile)}",
            "next:",
            $"  to your registry   {Terminal.Short(Repository.Step("push-containerdisk"))} --disk={Terminal.Short(RunFolder.GoldenVolume)} --image=REGISTRY/REPOSITORY:TAG",
            $"  your own recipe    cp -r {Terminal.Short(Path.GetDirectoryName(FlowInputs.Sample)!)} mine; make golden-image CUSTOMIZE=mine/customize.commands",
            "  your own disk      make golden-image VENDOR_IMAGE=/path/to/disk.qcow2",
        ];
        foreach (var line in lines)
        {
            terminal.Line(line);
        }
    }
}
