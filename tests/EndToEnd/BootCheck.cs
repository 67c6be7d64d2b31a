using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Lab;

namespace EndToEnd;

/// <summary>Boots the golden disk and holds what the machine proves about itself against what must be so.</summary>
public static class BootCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly (string Pattern, string Said)[] Milestones =
    [
        (@"Linux version \S+", "the kernel runs"),
        (@"systemd\[1\]: |Welcome to ", "systemd runs"),
        (@"cloud-init\[\d+\]: Cloud-init v\. \S+ running 'init'", "cloud-init has found its data"),
        (@"^\S+ login:", "login prompt"),
    ];

    /// <summary>Boots a disk (its own file stays as it is) and gives every proof, held or not.</summary>
    /// <param name="disk">The disk: its content is read only, what the guest writes goes elsewhere.</param>
    /// <param name="format"><c>raw</c> or <c>qcow2</c>.</param>
    /// <param name="expected">What the customization must have left.</param>
    /// <param name="vendorIdentity">Lines of <c>name=value</c> that the machine must not show; empty where nobody knows them.</param>
    /// <param name="folder">Where the seed and the console's log go.</param>
    /// <param name="say">Takes the milestones.</param>
    /// <param name="cancellation">Stops the machine.</param>
    public static async Task<IReadOnlyList<Proof>> Run(
        string disk, string format, Expectations expected, IReadOnlyCollection<string> vendorIdentity, string folder, Action<string> say, CancellationToken cancellation)
    {
        var seed = Path.Combine(folder, "seed.img");
        CloudInitSeed.Write(seed, $"golden-{Guid.NewGuid():N}", BootProof.UserData(expected.Files.Keys, expected.Units.Keys, expected.Keys));
        var clock = Stopwatch.StartNew();
        using var machine = new QemuBoot(new BootOptions(disk, format, Path.Combine(folder, "console.log")) { Seed = seed });
        var milestones = Array.ConvertAll(Milestones, async one =>
        {
            await machine.Console.WaitFor(one.Pattern, Limit, cancellation);
            say($"[{Terminal.Seconds(clock.Elapsed),7}] {one.Said}");
        });
        try
        {
            var facts = await BootProof.Read(machine.Console, Limit, cancellation);
            say($"[{Terminal.Seconds(clock.Elapsed),7}] proofs on the console");
            await milestones[^1];
            var banner = await SshBanner(machine.SshPort, cancellation);
            return [.. Identity(facts, vendorIdentity), .. Compare(facts, expected, banner)];
        }
        catch (Exception fault) when (fault is TimeoutException or InvalidOperationException or InvalidDataException)
        {
            throw new FlowException(6, $"the golden disk does not boot to its proofs: {fault.Message.ReplaceLineEndings(" / ")}");
        }
        finally
        {
            machine.Dispose();
            await Task.WhenAll(milestones).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>
    /// The proofs that the machine's identity is its own: its files were written since the kernel started, so no other
    /// clone of the image has them; and, where the vendor's is known, that it is another.
    /// </summary>
    public static IReadOnlyList<Proof> Identity(IReadOnlyDictionary<string, string> facts, IReadOnlyCollection<string> vendorIdentity)
    {
        var id = facts.GetValueOrDefault("machine-id", "not said");
        var age = facts.GetValueOrDefault("made.machine-id", "not said");
        var proofs = new List<Proof>
        {
            new("machine-id", "32 hex digits, made by this boot", $"{id}, {age}",
                id.Length == 32 && id.All(char.IsAsciiHexDigitLower) && age == BootProof.ThisBoot),
        };
        var keys = facts.Where(fact => fact.Key.StartsWith("host-key.", StringComparison.Ordinal)).ToList();
        var ages = keys.Select(key => (Type: key.Key["host-key.".Length..], Age: facts.GetValueOrDefault("made." + key.Key, "not said"))).ToList();
        proofs.Add(new("SSH host keys", "at least one, each made by this boot",
            keys.Count == 0 ? "none" : string.Join(", ", ages.Select(key => $"{key.Type} {key.Age}")),
            keys.Count > 0 && ages.All(key => key.Age == BootProof.ThisBoot)));
        if (vendorIdentity.Count > 0)
        {
            var shared = facts.Where(fact => vendorIdentity.Contains($"{fact.Key}={fact.Value}")).Select(fact => fact.Key).ToList();
            proofs.Add(new("the vendor's identity", $"none of its {vendorIdentity.Count} keys and ids", shared.Count == 0 ? "none" : string.Join(", ", shared), shared.Count == 0));
        }

        return proofs;
    }

    private static List<Proof> Compare(IReadOnlyDictionary<string, string> facts, Expectations expected, string banner)
    {
        var proofs = new List<Proof>();
        void Must(string name, string expectation, string found, bool holds) => proofs.Add(new Proof(name, expectation, found, holds));
        string Fact(string name) => facts.GetValueOrDefault(name, "not said");

        Must("sshd", "listening", Fact("sshd"), Fact("sshd") == "listening");
        Must("sshd from outside", "an SSH banner at port 22", banner, banner.StartsWith("SSH-2.0-", StringComparison.Ordinal));
        if (expected.HostName is { } host)
        {
            Must("host name", host, Fact("hostname"), Fact("hostname") == host || Fact("hostname") == host.Split('.')[0]);
        }

        if (expected.TimeZone is { } zone)
        {
            Must("time zone", zone, Fact("timezone"), Fact("timezone") == zone);
        }

        foreach (var (path, hash) in expected.Files)
        {
            Must($"file {path}", hash, Fact($"sha256.{path}"), Fact($"sha256.{path}") == hash);
        }

        foreach (var user in expected.Keys.Select(key => key.User).Distinct())
        {
            Must($"injected key of {user}", "there", Fact($"key.{user}"), Fact($"key.{user}") == "there");
        }

        foreach (var (unit, state) in expected.Units)
        {
            Must($"unit {unit}", state, Fact($"unit.{unit}"), Fact($"unit.{unit}") == state);
        }

        return proofs;
    }

    // RFC 4253, section 4.2: the server's first line.
    private static async Task<string> SshBanner(int port, CancellationToken cancellation)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(TimeSpan.FromSeconds(30));
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, limit.Token);
            var buffer = new byte[256];
            var count = await client.GetStream().ReadAsync(buffer, limit.Token);
            return Encoding.ASCII.GetString(buffer, 0, count).Trim();
        }
        catch (Exception fault) when (fault is SocketException or IOException || (fault is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return $"none ({fault.Message})";
        }
    }
}
