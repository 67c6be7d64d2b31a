using System.Text;

namespace Lab.ApiServers;

/// <summary>A server's process that can be signalled by its number, with the end of its log.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const int LogLimit = 1 << 16;

    // Nobody needs a graceful end when the owner is gone, and a server without its etcd would take a minute for one.
    private const string Script =
        "cd \"$0\" || exit 1; pid=$1; clean=$2; shift 2; trap 'kill -KILL $child 2>/dev/null' TERM; \"$@\" & child=$!; echo $child >\"$pid\"; " +
        "wait $child; wait $child 2>/dev/null; code=$?; cd /; [ -z \"$clean\" ] || rm -rf \"$clean\"; exit $code";

    private readonly StringBuilder _log = new();
    private readonly string _pidFile;
    private readonly ChildProcess _process;

    /// <summary>Starts it in a folder, which also takes its process number, and which goes with it when that is wanted, whoever else is gone.</summary>
    public ServerProcess(string folder, string program, IEnumerable<string> arguments, bool removeFolder = false)
    {
        _pidFile = Path.Combine(folder, Path.GetFileName(program) + ".pid");
        File.Delete(_pidFile);
        _process = new ChildProcess("/bin/sh", ["-c", Script, folder, _pidFile, removeFolder ? folder : "", program, .. arguments], Keep, Keep);
        Ended = _process.Ended();
    }

    /// <summary>Ends with the program; its exit code.</summary>
    public Task<int> Ended { get; }

    /// <summary>The end of what it printed.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Sends a signal by name, and waits until the program is gone; a program that ignores it for long is killed.</summary>
    public async Task StopAsync(string signal, TimeSpan patience)
    {
        Tool.Try("kill", $"-{signal}", File.ReadAllText(_pidFile).Trim());
        if (await Task.WhenAny(Ended, Task.Delay(patience)) != Ended)
        {
            Tool.Try("kill", "-KILL", File.ReadAllText(_pidFile).Trim());
        }

        await Ended.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public void Dispose() => _process.Dispose();

    private void Keep(ReadOnlyMemory<char> text)
    {
        lock (_log)
        {
            _log.Append(text.Span);
            if (_log.Length > LogLimit)
            {
                _log.Remove(0, _log.Length - (LogLimit / 2));
            }
        }
    }
}
