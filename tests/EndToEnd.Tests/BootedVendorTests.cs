using System.Text.RegularExpressions;
using Lab;

namespace EndToEnd.Tests;

[Collection(GoldenDiskTests.Name)]
[Trait("Suite", "Long")]
public sealed partial class BootedVendorTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public async Task Everything_that_a_boot_makes_is_found_by_the_check()
    {
        var disk = scratch["disk.qcow2"];
        File.Copy(VendorDisk.Ensure(), disk);
        CloudInitSeed.Write(scratch["seed.img"], "vendor", BootProof.UserData([], [], []));
        IReadOnlyDictionary<string, string> facts;
        var begin = TimeProvider.System.GetUtcNow();

        // By UEFI: the golden disk of the main run is booted by BIOS.
        using (var machine = new QemuBoot(
            new BootOptions(disk, "qcow2", scratch["console.log"]) { Seed = scratch["seed.img"], KeepChanges = true, Uefi = true }))
        {
            await machine.WaitForLogin(Limit);
            facts = await BootProof.Read(machine.Console, Limit);
            await machine.PowerOff(Limit);
        }

        Assert.Contains($"host-key.ed25519={facts["host-key.ed25519"]}", VendorDisk.Identity);
        var check = Tool.Try(
            Repository.Step("seal-volume"), $"--disk={disk}", "--disk-format=qcow2", "--check=true", $"--result-findings={scratch["findings"]}");
        Assert.True(check.ExitCode == 6, check.All);
        foreach (var operation in (string[])["machine-id", "ssh-hostkeys", "random-seed", "cloud-init", "logfiles"])
        {
            Assert.Contains($"{operation} ", File.ReadAllText(scratch["findings"]));
        }

        var found = Finding().Matches(check.Error).Select(match => match.Groups[1].Value).ToHashSet();
        var changed = GuestFiles.ChangedSince(disk, "qcow2", begin);
        Assert.Contains("/etc/machine-id", changed);
        var missed = changed.Where(path => !found.Any(one => IsOrLiesIn(path, one)) && !Harmless.Any(one => Regex.IsMatch(path, one.Pattern))).ToList();
        Assert.True(missed.Count == 0, $"made by the boot, and neither found by the check nor known to be harmless:\n{string.Join('\n', missed)}\n{check.Error}");
    }

    /// <summary>What a boot writes that identifies nobody, and why.</summary>
    private static readonly (string Pattern, string Reason)[] Harmless =
    [
        ("^/usr/(lib|share)/.*/__pycache__/[^/]+\\.pyc$", "Python's compilation of the image's own programs, the same everywhere"),
        ("^/etc/(passwd|group|subuid|subgid)$", "cloud-init's account 'debian', the same in every clone"),
        ("^/etc/g?shadow$", "the same account, without a password; a hash would be a finding"),
        ("^/etc/sub[ug]id-$", "a backup of an empty list, empty itself; one that holds something is a finding"),
        ("^/home/debian/\\.(bash_logout|bashrc|profile)$", "copies of /etc/skel"),
        ("^/(root|home/debian)/\\.ssh/authorized_keys$", "empty, as no key was handed over; a key would be a finding"),
        ("^/var/lib/systemd/timers/stamp-[a-z0-9_-]+\\.timer$", "an empty file, its time the last run"),
    ];

    private static bool IsOrLiesIn(string path, string place) => path == place || path.StartsWith(place + "/", StringComparison.Ordinal);

    [GeneratedRegex(@"(/[^:\n]+): [^\n]* \(removed by ")]
    private static partial Regex Finding();
}
