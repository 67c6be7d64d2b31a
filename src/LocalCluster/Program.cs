using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Kubernetes;

namespace LocalCluster;

/// <summary>The executable <c>local-cluster</c>: starts, ends and shows the local cluster of a state folder.</summary>
internal static class Program
{
    private const string Usage = """
        local-cluster up|down|status|serve [--state=DIR] [--port=N] [--api-server=URL] [--kubeconfig=FILE] [--steps=DIR] [--appliance=DIR]
          up       starts it in the background, and waits until it works
          down     ends it; its state stays
          status   tells whether it runs (exit code 0, else 3)
          serve    runs in the foreground
          --state       objects, volumes, logs and kubeconfig; the folder above the executable's unless given
          --port        of the API server, on loopback; the one of last time unless given
          --api-server  runs beside another API server, with --kubeconfig, and starts none
          --steps       the executables of the steps; artifacts/steps unless given
          --appliance   the guests' appliance; artifacts/appliance unless given
        """;

    private static readonly string[] Commands = ["up", "down", "status", "serve"];

    /// <summary>The product's version.</summary>
    internal static string Version => typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            if (arguments is [] or ["--help" or "-h" or "help", ..])
            {
                await Console.Out.WriteLineAsync(Usage);
                return arguments.Length == 0 ? 2 : 0;
            }

            var settings = Read(arguments);
            return arguments[0] switch
            {
                "up" => await Background.UpAsync(settings),
                "down" => await Background.DownAsync(settings),
                "status" => Background.Status(settings),
                _ => await Serve.RunAsync(settings),
            };
        }
        catch (Exception fault) when (fault is UsageException or KubernetesException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"local-cluster: {fault.Message}");
            return CodeOf(fault);
        }
    }

    /// <summary>The exit code of a fault (the same table as that of the steps).</summary>
    internal static int CodeOf(Exception fault) => fault switch
    {
        UsageException or KubernetesException { Kind: KubernetesFault.Usage } => 2,
        IOException or UnauthorizedAccessException or KubernetesException { Kind: KubernetesFault.Denied or KubernetesFault.NotFound or KubernetesFault.Unreachable } => 3,
        KubernetesException { Kind: KubernetesFault.Transient } => 4,
        _ => 1,
    };

    private static Settings Read(string[] arguments)
    {
        var command = arguments[0];
        if (!Commands.Contains(command))
        {
            throw new UsageException($"\"{command}\" is no command: give one of {string.Join(", ", Commands)}");
        }

        var settings = new Settings { Given = arguments[1..] };
        foreach (var argument in settings.Given)
        {
            var parts = argument.Split('=', 2);
            var value = parts.Length == 2 && parts[1].Length > 0 ? parts[1] : throw new UsageException($"{argument}: options are written as --name=VALUE; local-cluster --help has them");
            settings = parts[0] switch
            {
                "--state" => settings with { State = Path.TrimEndingDirectorySeparator(Path.GetFullPath(value)) },
                "--port" => settings with
                {
                    Port = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536 ? port : throw new UsageException($"--port={value}: give 1 to 65535"),
                },
                "--api-server" => settings with
                {
                    ApiServer = Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme == "https" ? url : throw new UsageException($"--api-server={value}: give an address such as https://127.0.0.1:6443"),
                },
                "--kubeconfig" => settings with { Kubeconfig = Path.GetFullPath(value) },
                "--steps" => settings with { Steps = Path.GetFullPath(value) },
                "--appliance" => settings with { Appliance = Path.GetFullPath(value) },
                _ => throw new UsageException($"{parts[0]} is no option: local-cluster --help has them"),
            };
        }

        return settings.ApiServer is null == settings.Kubeconfig is null ? settings
            : throw new UsageException("--api-server and --kubeconfig go together: give both, or neither");
    }
}

/// <summary>The command line makes no sense.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The options.</summary>
internal sealed record Settings
{
    /// <summary>The options as they were given.</summary>
    internal IReadOnlyList<string> Given { get; init; } = [];

    internal string State { get; init; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, ".."));

    internal int Port { get; init; }

    internal Uri? ApiServer { get; init; }

    internal string? Kubeconfig { get; init; }

    internal string Steps { get; init; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../steps"));

    internal string Appliance { get; init; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../appliance"));

    internal string Log => Path.Combine(State, "log");

    /// <summary>Whoever serves the state holds a lock on it; the kernel lets go of it when that process ends, however it ends.</summary>
    internal string Lock => Path.Combine(State, "serve.lock");

    /// <summary>What whoever serves says of itself; true only while the lock is held.</summary>
    internal string Info => Path.Combine(State, "serve.json");

    /// <summary>Takes a lock; null while another process has it.</summary>
    /// <exception cref="IOException">The folder is another user's.</exception>
    internal static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new IOException($"{Path.GetDirectoryName(path)}: it is another user's ({fault.Message}); give a folder of your own by --state", fault);
        }
        catch (DirectoryNotFoundException fault)
        {
            throw new IOException($"{Path.GetDirectoryName(path)}: it can't be made ({fault.Message}); give another folder by --state", fault);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Tells the others, all at once.</summary>
    internal void Tell(JsonObject info)
    {
        File.WriteAllText($"{Info}.partial", info.ToJsonString());
        File.Move($"{Info}.partial", Info, overwrite: true);
    }

    /// <summary>What was told; null where nothing was.</summary>
    internal JsonObject? Told()
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(Info)) as JsonObject;
        }
        catch (Exception fault) when (fault is IOException or System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
