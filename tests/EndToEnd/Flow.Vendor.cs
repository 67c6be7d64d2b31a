using System.Text.Json;
using System.Text.Json.Nodes;
using Lab;

namespace EndToEnd;

/// <summary>The vendor's disk: checked, and pushed to this machine's registry when it is another than last time.</summary>
public sealed partial class Flow
{
    private async Task CheckVendorDisk()
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
            // What lies behind the end of a cut file would be read as zeros, without a word. Of qemu-img check's exit codes, 3 means clusters
            // that are lost, which harms no data (qemu-img(1)).
            var check = await StoppableTool.Try("qemu-img", ["check", "-f", "qcow2", inputs.VendorDiskPath], cancellation);
            if (check.ExitCode is not (0 or 3))
            {
                throw new FlowException(5, $"VENDOR_IMAGE={inputs.VendorDiskPath}: it is cut short or damaged; fetch it again (qemu-img check: {check.Error.Trim().Split('\n')[0]})");
            }
        }
    }

    /// <summary>GiB of storage that the disk needs.</summary>
    private async Task<long> VendorSize()
    {
        if (inputs.VendorImage is null)
        {
            return 5;
        }

        var info = await StoppableTool.Require(
            5, $"{inputs.VendorDiskPath}: qemu-img cannot read it", "qemu-img", ["info", "-f", inputs.VendorFormat, "--output=json", inputs.VendorDiskPath], cancellation);
        return (((long)JsonNode.Parse(info.Output)!["virtual-size"]! - 1) >> 30) + 1;
    }

    private async Task PushVendor()
    {
        var script = Place.InCheckout("build", "registry");
        var folder = place.Registry == Place.Checkout.Registry ? "" : $" {CommandLine.Quoted(place.Registry)}";
        registry = (await kubectl.Type($"{script} up{folder}", cancellation)).Trim();

        // The same file as last time has the digest of last time, as long as the registry has that image.
        var image = $"{registry}/vendor/{inputs.Name}:latest";
        var file = new FileInfo(inputs.VendorDiskPath);
        var known = $"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O} {image}";
        var note = Path.Combine(place.Registry, $"vendor-{inputs.Name}.json");
        if (File.Exists(note) && JsonNode.Parse(await File.ReadAllTextAsync(note, cancellation)) is { } last && (string?)last["disk"] == known && await Has((string)last["digest"]!))
        {
            vendorDigest = (string)last["digest"]!;
            return;
        }

        string[] options =
        [
            $"--disk={inputs.VendorDiskPath}", $"--disk-format={inputs.VendorFormat}", $"--image={image}", "--insecure=true",
            "--default-instancetype=u1.small", "--default-preference=linux",
        ];
        terminal.Command($"{Terminal.Short(Repository.Step("push-containerdisk"))} {string.Join(' ', options.Select(CommandLine.Quoted))}", []);
        var results = await StepProgram.Run("push-containerdisk", options, Path.Combine(run.Folder, "results"), terminal.Detail, cancellation);
        vendorDigest = results["IMAGE_DIGEST"];
        await File.WriteAllTextAsync(note + ".tmp", JsonSerializer.Serialize(new JsonObject { ["disk"] = known, ["digest"] = vendorDigest }), cancellation);
        File.Move(note + ".tmp", note, overwrite: true);

        async Task<bool> Has(string digest)
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
            using var request = new HttpRequestMessage(HttpMethod.Head, $"http://{registry}/v2/vendor/{inputs.Name}/manifests/{digest}");
            request.Headers.TryAddWithoutValidation("Accept", "application/vnd.oci.image.manifest.v1+json");
            try
            {
                using var answer = await http.SendAsync(request, cancellation);
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }
}
