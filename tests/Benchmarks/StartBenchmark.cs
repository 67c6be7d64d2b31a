using Lab;

namespace Benchmarks;

/// <summary>From the start of a step to its plan, without a cluster: what every step of a pipeline costs before it does anything.</summary>
public sealed class StartBenchmark : IBenchmark
{
    private readonly Scratch scratch = new();
    private readonly Dictionary<string, string> environment;

    /// <summary>A kubeconfig is read; nobody listens at its address, and nobody is asked.</summary>
    public StartBenchmark() => environment = new()
    {
        ["KUBECONFIG"] = scratch.File(
            "kubeconfig",
            """
            apiVersion: v1
            kind: Config
            current-context: bench
            contexts: [{name: bench, context: {cluster: bench, user: bench}}]
            clusters: [{name: bench, cluster: {server: "https://127.0.0.1:1"}}]
            users: [{name: bench, user: {token: none}}]
            """),
    };

    /// <inheritdoc/>
    public string Title => "start, read the options, print the plan";

    /// <inheritdoc/>
    public string Ours => "clone-source --dry-run";

    /// <inheritdoc/>
    public string Theirs => "kubectl version --client";

    /// <inheritdoc/>
    public int DefaultRuns => 15;

    /// <inheritdoc/>
    public int SecondsPerRun => 1;

    /// <inheritdoc/>
    public (Cost Cost, long ResultBytes) Run(bool ours)
    {
        var cost = ours
            ? Meter.Run(
                environment, Repository.Step("clone-source"), "--dry-run=true", "--source-kind=DataSource", "--source-name=fedora",
                "--source-namespace=private-sources", "--target-name=work", "--target-namespace=private-sources")
            : Meter.Run(environment, "kubectl", "version", "--client");
        return (cost, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => scratch.Dispose();
}
