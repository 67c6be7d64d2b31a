using System.Text.RegularExpressions;
using Lab;

namespace EndToEnd;

/// <summary>What was published, held against what was asked: by other tools, and by a machine that boots.</summary>
public sealed partial class Flow
{
    private async Task<StepFacts> Judge()
    {
        // skopeo takes no reference with both a tag and a digest; without one, the tag it is.
        var image = TagBeforeDigest().Replace(published!.Image, "");
        terminal.Command($"skopeo copy --src-tls-verify=false docker://{image} dir:...", []);
        var pulled = await ContainerDiskJudge.Pull(image, run.Folder, cancellation);
        await ContainerDiskJudge.Compare(published.Disk, pulled.Disk, cancellation);
        pulledDisk = pulled.Disk;
        var size = new FileInfo(pulled.Disk).Length;
        return new StepFacts(
            $"one layer of {Terminal.Bytes(pulled.LayerBytes)}, disk.qcow2 of {Terminal.Bytes(size)}: identical to the published volume",
            new Dictionary<string, string>
            {
                ["reference"] = image,
                ["layer-digest"] = pulled.LayerDigest,
                ["layer-bytes"] = $"{pulled.LayerBytes}",
                ["qcow2-bytes"] = $"{size}",
            });
    }

    private async Task<StepFacts> Boot()
    {
        var machine = $"my-machine-{published!.Volume[(inputs.DataSource.Length + 1)..]}";
        await kubectl.Type(With("consumer.yaml", "apply", ("my-machine", machine), ("debian12", inputs.Name)), cancellation);
        await kubectl.Type($"kubectl wait datavolume/{machine} -n {Team} --for=condition=Ready --timeout=5m", cancellation);
        var claim = await kubectl.Find(cancellation, "persistentvolumeclaim", machine, "-n", Team)
            ?? throw new FlowException(3, $"DataVolume {Team}/{machine} is Ready, and has no claim");
        var disk = place.Disk((string)claim["spec"]!["volumeName"]!);
        terminal.Line($"      booting {Terminal.Short(disk)}");
        IReadOnlyList<string> identity = inputs.VendorImage is null ? VendorDisk.Identity : [];
        proofs.AddRange(await BootCheck.Run(disk, "raw", expected, identity, run.Folder, terminal.Detail, cancellation));
        foreach (var proof in proofs)
        {
            terminal.Detail(proof.Holds
                ? $"holds: {proof.Name}: {(proof.Found == proof.Expected && proof.Found.Length == 64 ? $"as written (sha256 {proof.Found[..12]})" : proof.Found)}"
                : $"DOES NOT HOLD: {proof.Name}: expected {proof.Expected}; found {proof.Found}");
        }

        var broken = proofs.Where(proof => !proof.Holds).Select(proof => proof.Name).ToList();
        if (broken.Count > 0)
        {
            throw new FlowException(6, $"the golden disk boots, but {broken.Count} of {proofs.Count} proofs do not hold: {string.Join(", ", broken)}; the console is in {Terminal.Short(place.FailedConsole)}");
        }

        // Machines of older versions were made by earlier runs, and nobody uses them.
        var others = (await kubectl.Find(cancellation, "datavolumes", "-n", Team, "-l", ConsumerLabel))?["items"]?.AsArray() ?? [];
        foreach (var other in others.Select(one => (string)one!["metadata"]!["name"]!).Where(name => name != machine))
        {
            await kubectl.Type($"kubectl delete datavolume/{other} -n {Team}", cancellation);
        }

        return new($"{Team}/{machine}: {proofs.Count} of {proofs.Count} proofs hold", new Dictionary<string, string> { ["machine"] = machine });
    }

    [GeneratedRegex(@":[^:/@]+(?=@)")]
    private static partial Regex TagBeforeDigest();
}
