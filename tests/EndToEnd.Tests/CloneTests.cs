using System.Diagnostics;
using Lab;

namespace EndToEnd.Tests;

[Collection(GoldenDiskTests.Name)]
[Trait("Suite", "Long")]
public sealed class CloneTests(GoldenDisk golden) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public async Task Two_clones_are_the_same_system_with_identities_of_their_own()
    {
        // Side by side, one processor each: one clone on a platform that hands over data, one without any.
        var expected = Expectations.Of(golden.Summary.Customization);
        var withData = BootWithData(expected);
        var alone = BootAlone(expected);
        await Task.WhenAll(withData, alone);
        var (first, second) = (await withData, await alone);

        Assert.Matches("^[0-9a-f]{32}$", first["machine-id"]);
        Assert.Matches("^[0-9a-f]{32}$", second["machine-id"]);
        Assert.NotEqual(first["machine-id"], second["machine-id"]);
        Assert.Equal("listening", first["sshd"]);

        string[] Keys(IReadOnlyDictionary<string, string> facts) => [.. facts.Where(fact => fact.Key.StartsWith("host-key.", StringComparison.Ordinal)).Select(fact => fact.Value)];
        var vendors = VendorDisk.Identity.Select(line => line[(line.IndexOf('=') + 1)..]).ToList();
        Assert.Equal(3, vendors.Count);
        Assert.NotEmpty(Keys(first));
        Assert.NotEmpty(Keys(second));
        Assert.Empty(Keys(first).Intersect(Keys(second)));
        Assert.Empty(Keys(first).Concat(Keys(second)).Intersect(vendors));

        foreach (var (path, hash) in expected.Files)
        {
            Assert.Equal(hash, first[$"sha256.{path}"]);
            Assert.Equal(hash, second[$"sha256.{path}"]);
        }

        // Presets were not applied again: what the customization switched on and off is as it left it.
        Assert.Contains("disabled", expected.Units.Values);
        Assert.Contains("enabled", expected.Units.Values);
        foreach (var (unit, state) in expected.Units)
        {
            Assert.Equal(state, first[$"unit.{unit}"]);
            Assert.Equal(state, second[$"unit.{unit}"]);
        }
    }

    private async Task<IReadOnlyDictionary<string, string>> BootWithData(Expectations expected)
    {
        CloudInitSeed.Write(scratch["seed.img"], "clone", BootProof.UserData(expected.Files.Keys, expected.Units.Keys, expected.Keys));
        using var machine = new QemuBoot(
            new BootOptions(Place.Checkout.Qcow2, "qcow2", scratch["with-data.log"]) { Seed = scratch["seed.img"], Processors = 1 });
        return await BootProof.Read(machine.Console, Limit);
    }

    // The first boot makes the keys, and sshd starts with them: later than the login prompt, which silences the console.
    private static async Task<string> ServedKeys(int port)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var scan = await Task.Run(() => Tool.Try("ssh-keyscan", "-T", "30", "-t", "rsa,ecdsa,ed25519", "-p", $"{port}", "127.0.0.1").Output);
            if (scan.Contains("ssh-rsa", StringComparison.Ordinal) && scan.Contains("ssh-ed25519", StringComparison.Ordinal))
            {
                return scan;
            }

            Assert.True(clock.Elapsed < Limit, $"sshd served {(scan.Length == 0 ? "no key" : scan)} within {Limit}");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    // Without data nobody starts a proof in the machine: what it serves is seen from outside, what it wrote afterwards.
    private async Task<IReadOnlyDictionary<string, string>> BootAlone(Expectations expected)
    {
        var disk = scratch["alone.qcow2"];
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", "-b", Place.Checkout.Qcow2, "-F", "qcow2", disk);
        string served;
        using (var machine = new QemuBoot(new BootOptions(disk, "qcow2", scratch["alone.log"]) { KeepChanges = true, Processors = 1 }))
        {
            await machine.WaitForLogin(Limit);
            served = await ServedKeys(machine.SshPort);
            await machine.PowerOff(Limit);
        }

        var facts = GuestFiles.Facts(disk, "qcow2", expected.Files.Keys, expected.Units.Keys);
        var scanned = scratch.File("served", served);
        var served256 = Tool.Run("ssh-keygen", "-lf", scanned).Output;
        foreach (var key in facts.Where(fact => fact.Key is "host-key.ed25519" or "host-key.rsa"))
        {
            Assert.Contains(key.Value, served256);
        }

        return facts;
    }
}
