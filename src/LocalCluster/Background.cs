using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using LocalCluster.Pods;

namespace LocalCluster;

/// <summary>Starts, ends and shows <c>local-cluster serve</c>, a process of its own.</summary>
internal static class Background
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2), EndLimit = TimeSpan.FromSeconds(15), Step = TimeSpan.FromMilliseconds(50);

    private const string Detach = "l=$1; shift; exec \"$@\" </dev/null >>\"$l\" 2>&1";

    internal static async Task<int> UpAsync(Settings settings)
    {
        Directory.CreateDirectory(settings.State);
        using var one = await OnlyOneAsync(settings);
        if (IsServed(settings))
        {
            return await ReadyAsync(settings, null, " already");
        }

        File.Delete(settings.Info);
        Posix.KeepDescriptors();
        var start = new ProcessStartInfo("setsid") { UseShellExecute = false };
        foreach (var argument in (string[])["/bin/sh", "-c", Detach, "sh", settings.Log, Environment.ProcessPath!, "serve", $"--state={settings.State}", .. settings.Given.Where(given => !given.StartsWith("--state=", StringComparison.Ordinal))])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        return await ReadyAsync(settings, process, "");
    }

    internal static async Task<int> DownAsync(Settings settings)
    {
        if (!Directory.Exists(settings.State) || !IsServed(settings))
        {
            await Console.Out.WriteLineAsync($"local-cluster does not run (state {settings.State})");
            return 0;
        }

        for (var begun = Stopwatch.StartNew(); IsServed(settings); await Task.Delay(Step))
        {
            // The note may be an earlier process's, and its number another program's by now.
            if (settings.Told()?["pid"]?.GetValue<int>() is { } pid && Holds(pid, settings.Lock))
            {
                Posix.Kill(pid, begun.Elapsed < EndLimit ? Posix.SigTerm : Posix.SigKill);
            }
            else if (begun.Elapsed > EndLimit)
            {
                throw new IOException($"{settings.Lock}: another user's process holds it, or one that is no local cluster; end it (fuser {settings.Lock})");
            }
        }

        await Console.Out.WriteLineAsync($"local-cluster is down; its state stays in {settings.State}");
        return 0;
    }

    internal static int Status(Settings settings)
    {
        if (!Directory.Exists(settings.State) || !IsServed(settings))
        {
            Console.Out.WriteLine($"local-cluster does not run (state {settings.State}): start it by {Environment.ProcessPath} up");
            return 3;
        }

        var info = settings.Told();
        Console.Out.WriteLine(info is null ? "local-cluster is starting"
            : $"local-cluster {(IsReady(info) ? "runs" : "is starting")}: pid {info["pid"]}, {info["url"] ?? "no address yet"}, since {info["since"]}, version {info["version"]}, kubeconfig {info["kubeconfig"]}");
        return 0;
    }

    private static bool IsReady(JsonObject? info) => info?["ready"]?.GetValue<bool>() == true;

    private static async Task<FileStream> OnlyOneAsync(Settings settings)
    {
        for (var begun = Stopwatch.StartNew(); ; await Task.Delay(Step))
        {
            if (Settings.TryLock(Path.Combine(settings.State, "up.lock")) is { } held)
            {
                return held;
            }

            if (begun.Elapsed > StartLimit)
            {
                throw new IOException($"{settings.State}: another local-cluster up is at work; wait for it, or end it");
            }
        }
    }

    private static async Task<int> ReadyAsync(Settings settings, Process? started, string already)
    {
        for (var begun = Stopwatch.StartNew(); begun.Elapsed < StartLimit; await Task.Delay(Step))
        {
            var info = settings.Told();
            if (IsReady(info) && IsServed(settings))
            {
                var place = settings.Given.Any(given => given.StartsWith("--state=", StringComparison.Ordinal)) ? $" --state={settings.State}" : "";
                await Console.Out.WriteLineAsync($"local-cluster is up{already} at {info!["url"]}: export KUBECONFIG={info["kubeconfig"]}; kubectl get pods -A; \"{Environment.ProcessPath} down{place}\" ends it");
                return 0;
            }

            if (started?.HasExited == true || (started is null && !IsServed(settings)))
            {
                await Console.Error.WriteLineAsync($"local-cluster: {info?["error"]?.GetValue<string>() ?? $"it ended while it started: {settings.Log} says why"}");
                return started is { ExitCode: not 0 } ? started.ExitCode : 1;
            }
        }

        throw new IOException($"it does not work after {StartLimit.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s; {settings.Log} says why, and local-cluster down ends it");
    }

    private static bool IsServed(Settings settings)
    {
        if (!File.Exists(settings.Lock))
        {
            return false;
        }

        using var free = Settings.TryLock(settings.Lock);
        return free is null;
    }

    private static bool Holds(int pid, string path)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{pid}/fd").Any(one => new FileInfo(one).LinkTarget == path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
