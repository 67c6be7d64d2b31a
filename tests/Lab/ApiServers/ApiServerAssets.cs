namespace Lab.ApiServers;

/// <summary>Finds the programs <c>etcd</c> and <c>kube-apiserver</c>, in the way of controller-runtime's envtest: both in one folder.</summary>
public static class ApiServerAssets
{
    private const string Variable = "KUBEBUILDER_ASSETS";
    private static readonly Lock Unpacking = new();

    /// <summary>The servers that this machine's tests run on: the user's one, or the two that lie beside the repository.</summary>
    public static IReadOnlyList<ApiServerKind> Kinds => Named is null ? [ApiServerKind.Kube120, ApiServerKind.Extensions136] : [ApiServerKind.Custom];

    /// <summary>The schemas of CDI, KubeVirt and others, one folder each; null where they are missing.</summary>
    public static string? Schemas => Shared("schemas");

    private static string? Named => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? folder : null;

    /// <summary>The folder of a kind, or why there is none and how to get one.</summary>
    public static (string? Folder, string Missing) Find(ApiServerKind kind)
    {
        if (kind == ApiServerKind.Custom)
        {
            return Named is { } named && File.Exists(Path.Combine(named, "kube-apiserver")) && File.Exists(Path.Combine(named, "etcd"))
                ? (named, "")
                : (null, $"{Variable} names no folder with etcd and kube-apiserver: export {Variable}=$(setup-envtest use -p path)");
        }

        if (Named is not null)
        {
            return (null, $"{Variable} is set: its server is used in place of {kind}");
        }

        if (Shared(Path.Combine("envtest", "unpack")) is not { } unpack)
        {
            return (null, $"there is no API server to test on: export {Variable}=$(setup-envtest use -p path)");
        }

        var folder = Path.Combine(Repository.Artifacts, "envtest");
        Directory.CreateDirectory(folder);
        lock (Unpacking)
        {
            // Test assemblies run side by side, and the script is not made for two.
            var result = Tool.Try("flock", Path.Combine(folder, ".lock"), unpack, folder);
            return result.ExitCode == 0
                ? (Path.Combine(folder, kind == ApiServerKind.Kube120 ? "kube-1.20" : "extensions-1.36"), "")
                : (null, $"the API servers can't be unpacked: {result.Error.Trim()}");
        }
    }

    /// <summary>A path in a folder <c>shared</c> beside the checkout or above it (a worktree lies deeper).</summary>
    private static string? Shared(string path)
    {
        for (var folder = Path.GetDirectoryName(Repository.Root); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var there = Path.Combine(folder, "shared", path);
            if (Path.Exists(there))
            {
                return there;
            }
        }

        return null;
    }
}
