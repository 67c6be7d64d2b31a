using System.Text.Json.Nodes;
using Lab;
using Lab.ApiServers;

namespace EndToEnd.Tests;

/// <summary>The checkout's cluster, as <c>make golden-image</c> leaves it.</summary>
internal static class Checkout
{
    internal const string Private = "private-sources";
    internal const string Shared = "openshift-virtualization-os-images";

    /// <summary>kubectl as its administrator.</summary>
    internal static Kubectl Kubectl { get; } = new(Place.Checkout.Kubeconfig);

    /// <summary>The program that <c>make golden-image</c> runs.</summary>
    internal static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "golden-image");

    /// <summary>The published volume's name.</summary>
    internal static string Published(Kubectl kubectl, string source = "debian12-corp") =>
        kubectl.Run("get", "datasource", source, "-n", Shared, "-o", "jsonpath={.spec.source.pvc.name}");

    /// <summary>The versions of the DataSource, oldest first.</summary>
    internal static string[] Versions(Kubectl kubectl, string source = "debian12-corp") =>
        kubectl.Run("get", "datavolumes", "-n", Shared, "-l", $"goldenimage.io/data-source={source}", "--sort-by=.metadata.creationTimestamp", "-o", "jsonpath={.items[*].metadata.name}")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The names of the PipelineRuns.</summary>
    internal static string[] Runs(Kubectl kubectl) =>
        kubectl.Run("get", "pipelineruns", "-n", Private, "-o", "jsonpath={.items[*].metadata.name}").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The one PipelineRun that was not there before.</summary>
    internal static JsonNode NewRun(Kubectl kubectl, IEnumerable<string> before) =>
        JsonNode.Parse(kubectl.Run("get", "pipelinerun", Runs(kubectl).Except(before).Single(), "-n", Private, "-o", "json"))!;

    /// <summary>That a run has left no volume and no claim, and no process.</summary>
    internal static void AssertLeaksNothing(Kubectl kubectl, string run)
    {
        string[] Left() => [.. kubectl.Run("get", "datavolumes,persistentvolumeclaims", "-n", Private, "-o", "name").Split('\n').Where(name => name.Contains(run, StringComparison.Ordinal))];

        // A claim is gone a moment after what held it.
        SpinWait.SpinUntil(() => Left().Length == 0, TimeSpan.FromSeconds(20));
        Assert.Empty(Left());
    }

    /// <summary>The state of a run's task: its reason, or null where it never began.</summary>
    internal static string? TaskReason(Kubectl kubectl, string run, string task) =>
        kubectl.Run("get", "taskruns", "-n", Private, "-l", $"tekton.dev/pipelineRun={run},tekton.dev/pipelineTask={task}", "-o", "jsonpath={.items[*].status.conditions[?(@.type==\"Succeeded\")].reason}") is { Length: > 0 } reason
            ? reason : null;
}
