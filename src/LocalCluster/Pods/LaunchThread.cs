using System.Collections.Concurrent;
using System.Diagnostics;

namespace LocalCluster.Pods;

/// <summary>
/// Starts processes that end with this one, however it ends. The kernel ends them when the thread that started them does
/// (prctl(2), PR_SET_PDEATHSIG), so it is a thread that lives as long as the process.
/// </summary>
internal static class LaunchThread
{
    /// <summary>A parent that died before the signal was asked for is no parent any more: nothing starts then.</summary>
    private const string Guard = """[ "$PPID" = "$1" ] || exit 125; shift; exec "$@" """;

    private static readonly Lazy<BlockingCollection<Action>> Work = new(Begin);

    /// <summary>Starts a program with these variables and no others.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It can't be started.</exception>
    internal static Task<Process> StartAsync(IEnumerable<string> command, bool redirect = false)
    {
        var start = new ProcessStartInfo("setpriv") { UseShellExecute = false, RedirectStandardOutput = redirect, RedirectStandardError = redirect };
        foreach (var one in (string[])["--pdeathsig", "KILL", "--", "/bin/sh", "-c", Guard, "sh", $"{Environment.ProcessId}", .. command])
        {
            start.ArgumentList.Add(one);
        }

        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Value.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception fault) when (fault is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                started.SetException(fault);
            }
        });
        return started.Task;
    }

    private static BlockingCollection<Action> Begin()
    {
        Posix.KeepDescriptors();
        var work = new BlockingCollection<Action>();
        var thread = new Thread(() =>
        {
            foreach (var one in work.GetConsumingEnumerable())
            {
                one();
            }
        })
        {
            IsBackground = true,
            Name = "launch",
        };
        thread.Start();
        return work;
    }
}
