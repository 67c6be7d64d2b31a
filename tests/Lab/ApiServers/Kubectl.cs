namespace Lab.ApiServers;

/// <summary>kubectl as one user, with a cache of its own: ports come again, and what an old server served there must not.</summary>
/// <param name="kubeconfig">Who, and where.</param>
public sealed class Kubectl(string kubeconfig)
{
    private readonly string[] _common = [$"--kubeconfig={kubeconfig}", $"--cache-dir={Path.Combine(Path.GetDirectoryName(kubeconfig)!, "cache")}"];

    /// <summary>Its options before any command's own, for a test that runs it as a process.</summary>
    public IReadOnlyList<string> Common => _common;

    /// <summary>Runs a command that must succeed; its standard output.</summary>
    public string Run(params string[] arguments) => Tool.Run("kubectl", [.. _common, .. arguments]).Output;

    /// <summary>Runs a command, whatever comes.</summary>
    public ToolResult Try(params string[] arguments) => Tool.Try("kubectl", [.. _common, .. arguments]);

    /// <summary>Creates or changes what some YAML describes.</summary>
    public string Apply(string yaml)
    {
        using var scratch = new Scratch();
        return Run("apply", "-f", scratch.File("objects.yaml", yaml));
    }
}
