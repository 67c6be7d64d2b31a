using System.Text;
using System.Text.RegularExpressions;
using Lab;

namespace EndToEnd.Tests;

/// <summary>Every command of the README, as its reader types it: in their order, one shell, an empty home, beside the cluster that runs.</summary>
[Collection(GoldenDiskTests.Name)]
public sealed partial class ReadmeTests : IDisposable
{
    /// <summary>What is not typed here, and who does it instead.</summary>
    private static readonly (string Command, string Reason)[] Elsewhere =
    [
        ("make golden-image", ".ci/run does, as make: step make golden-image"),
        ("make test", ".ci/run does, as make: step make test"),
        ("artifacts/steps/publish-datasource/publish-datasource", "it needs a second version: OtherClusterTests makes one, and goes back"),
    ];

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Every_command_of_the_README_works()
    {
        var commands = Commands(File.ReadAllText(Path.Combine(Repository.Root, "README.md"))).ToList();
        Assert.True(commands.Count > 12, $"only {commands.Count} commands were found in the README");
        Assert.Contains(commands, command => command.StartsWith("kubectl get datasources", StringComparison.Ordinal));

        var script = new StringBuilder("set -eu\n");
        foreach (var command in commands.Where(command => !IsElsewhere(command)))
        {
            script.Append("echo ").Append(CommandLine.Quoted($"$ {command}")).Append('\n').Append(Here(command)).Append('\n');
        }

        scratch.File(".docker/config.json", "{}");
        var file = scratch.File("readme.sh", script.ToString());
        string[] environment = [$"PATH={Environment.GetEnvironmentVariable("PATH")}", $"HOME={scratch.Folder}", "EDITOR=true", "DOTNET_CLI_TELEMETRY_OPTOUT=1"];
        var result = Tool.TryWith("env", ["-i", "-C", Repository.Root, .. environment, "sh", file], null, TimeSpan.FromMinutes(5));
        Assert.True(result.ExitCode == 0, result.All);
        Assert.Contains("no build is needed", result.Output);
        Assert.Contains("customize-disk", result.Output);
    }

    [Fact]
    public void What_is_not_typed_here_is_done_elsewhere()
    {
        var commands = Commands(File.ReadAllText(Path.Combine(Repository.Root, "README.md"))).ToList();
        var continuous = File.ReadAllText(Path.Combine(Repository.Root, ".ci", "run"));
        Assert.All(Elsewhere, one => Assert.Contains(commands, command => command.StartsWith(one.Command, StringComparison.Ordinal)));
        Assert.Contains("step make golden-image", continuous);
        Assert.Contains("step make test", continuous);
    }

    private static bool IsElsewhere(string command) => Elsewhere.Any(one => command == one.Command || (one.Command.Contains('/') && command.StartsWith(one.Command, StringComparison.Ordinal)));

    // Its own folder for what the README calls mine, its own registry for the company's, and the program for make, which would build it.
    private string Here(string command) => Mine().Replace(command, $"{scratch["mine"]}$1")
        .Replace("--image=registry.example.com/", $"--insecure=true --image={Tool.Run(Path.Combine(Repository.Root, "build", "registry"), "up").Output.Trim()}/", StringComparison.Ordinal)
        .Replace("make golden-image ", Checkout.Program + " ", StringComparison.Ordinal);

    private static IEnumerable<string> Commands(string text) => ShellBlock().Matches(text)
        .SelectMany(block => block.Groups[1].Value.Replace("\\\n", " ").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        .Select(line => Comment().Replace(line, "").Trim())
        .Where(line => line.Length > 0);

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex(@"(^|\s+)#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\bmine(/|\b)")]
    private static partial Regex Mine();
}
