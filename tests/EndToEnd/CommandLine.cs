using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EndToEnd;

/// <summary>Carries out commands as a user types them, each shown with what it says.</summary>
/// <param name="terminal">Shows them.</param>
/// <param name="kubeconfig">What kubectl finds in <c>KUBECONFIG</c>.</param>
public sealed partial class CommandLine(Terminal terminal, string kubeconfig)
{
    private readonly Dictionary<string, string> environment = new() { ["KUBECONFIG"] = Path.GetFullPath(kubeconfig) };

    /// <summary>Runs a command by the shell; it is shown with what it says; what it applies is counted.</summary>
    /// <exception cref="FlowException">It ended with another code than 0: the last line that it said.</exception>
    public async Task<string> Type(string command, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        // In one piece, so that what runs beside it does not come between: a command ends within seconds.
        var result = await StoppableTool.Try("/bin/sh", ["-c", command], cancellation, environment);
        var said = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (said.Length > 3 && said.All(line => Applied().IsMatch(line)))
        {
            said = [string.Join(", ", said.GroupBy(line => line[(line.LastIndexOf(' ') + 1)..]).Select(group => $"{group.Count()} {group.Key}"))];
        }

        terminal.Command(command, [.. said, .. result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
        return result.ExitCode == 0 ? result.Output : throw StoppableTool.Failed(3, command.Split(" | ")[^1], result.Error + result.Output);
    }

    /// <summary>Asks kubectl for an object or a list; null where there is none.</summary>
    public async Task<JsonNode?> Find(CancellationToken cancellation, params string[] arguments)
    {
        var result = await StoppableTool.Try("kubectl", ["get", .. arguments, "-o", "json"], cancellation, environment);
        return result.ExitCode == 0 ? JsonNode.Parse(result.Output)
            : result.Error.Contains("(NotFound)", StringComparison.Ordinal) ? null
            : throw StoppableTool.Failed(3, $"kubectl get {string.Join(' ', arguments)}", result.Error);
    }

    /// <summary>Runs kubectl with its lines told as they come, until it ends or is cancelled; its exit code.</summary>
    public async Task<int> Stream(Action<string> line, CancellationToken cancellation, params string[] arguments)
    {
        using var child = new Lab.ChildProcess("kubectl", arguments, Terminal.Lines(line), _ => { }, environment);
        return await child.Ended().WaitAsync(cancellation);
    }

    /// <summary>A word for the shell.</summary>
    public static string Quoted(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", "'\\''")}'";

    [GeneratedRegex(@"^\S+/\S+ (created|configured|unchanged)$")]
    private static partial Regex Applied();

    [GeneratedRegex(@"^[\w@%+=:,./-]+$")]
    private static partial Regex Plain();
}
