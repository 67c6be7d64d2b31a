using System.Text;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Commands;

/// <summary>
/// Commands that follow one another, run by one shell in the guest: each call to it costs a second of mounts. Each command
/// is a program of its own, and the first that fails ends the row and is named.
/// </summary>
sealed class GuestCommands
{
    /// <summary>Where the programs lie while they run: in the root itself, where no link of the guest leads elsewhere.</summary>
    public const string Folder = "/.goldenimage-run";

    /// <summary>How much of a failed command's output is reported.</summary>
    private const int ReportedBytes = 2000;
    private const int ReportedLines = 10;

    private readonly List<(CommandOrigin Origin, byte[] Program)> _pending = [];

    /// <summary>Whether any wait.</summary>
    public bool Any => _pending.Count > 0;

    /// <summary>Puts a program at the end of the row.</summary>
    public void Add(CommandOrigin origin, byte[] program) => _pending.Add((origin, program));

    /// <summary>A program of the guest's shell.</summary>
    public static byte[] Shell(string text) => Encoding.UTF8.GetBytes($"#!/bin/sh\n{text}\n");

    /// <summary>Sends what is staged, runs the row, and removes its traces.</summary>
    public void Run(Session session)
    {
        if (!Any)
        {
            return;
        }

        var row = _pending.ToArray();
        _pending.Clear();
        session.Files.Current = row[0].Origin;
        session.Guest.RemoveTree(Folder);
        session.Files.MakeDirectories(Folder, Modes.PrivateDirectory);
        for (var i = 0; i < row.Length; i++)
        {
            session.Files.Put(new StagedFile
            {
                Path = $"{Folder}/{i + 1}",
                Kind = GuestFileKind.File,
                Mode = Modes.PrivateDirectory,
                Content = row[i].Program,
            });
        }

        session.Files.Flush(session.Cancellation);
        session.Log($"{row[0].Origin}: running {(row.Length == 1 ? "it" : $"{row.Length} commands")} in the guest");
        var started = session.Time.GetTimestamp();
        var answer = session.Guest.RunScript(Script(row.Length));
        session.Guest.RemoveTree(Folder);
        session.Files.Forget();
        Judge(row, answer);
        session.Log($"{row[0].Origin}: done in {session.Time.GetElapsedTime(started).TotalSeconds:0.0} s");
    }

    /// <summary>
    /// The shell's text. What a command leaves running is ended: it would keep the guest's filesystems from being unmounted.
    /// </summary>
    internal static string Script(int count) => $$"""
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C SHELL=/bin/sh TERM=dumb
        export PATH HOME LC_ALL SHELL TERM
        umask 022
        n=0
        while [ $n -lt {{count}} ]; do
            n=$((n + 1))
            cd /
            {{Folder}}/$n >{{Folder}}/output 2>&1 </dev/null
            code=$?
            [ $code -eq 0 ] || break
        done
        echo "$n $code"
        [ $code -eq 0 ] || tail -c {{ReportedBytes}} {{Folder}}/output
        for process in /proc/[0-9]*; do
            id=${process#/proc/}
            if [ "$id" != $$ ] && [ "$process/root" -ef / ]; then kill -9 "$id"; fi
        done 2>/dev/null
        exit 0
        """;

    private static void Judge((CommandOrigin Origin, byte[] Program)[] row, string answer)
    {
        var lines = answer.Split('\n');
        var numbers = lines[0].Split(' ');
        if (numbers.Length != 2 || !int.TryParse(numbers[0], out var number) || !int.TryParse(numbers[1], out var code)
            || number < 1 || number > row.Length || (code == 0 && number != row.Length))
        {
            throw new GuestException(
                GuestFault.Command, row[0].Origin.ToString(), "the guest's shell ended without saying how its commands went", "look for a command that kills all processes, or use firstboot-command");
        }

        if (code != 0)
        {
            var output = string.Join(" | ", lines.Skip(1).Select(Printable).Where(line => line.Length > 0).TakeLast(ReportedLines));
            throw new GuestException(
                GuestFault.Command,
                row[number - 1].Origin.ToString(),
                $"exit code {code}" + Meaning(code) + (output.Length == 0 ? ", no output" : $": {output}"),
                "correct the command and start again from a new clone");
        }
    }

    // The guest's bytes go into a log: one line, nothing that moves a terminal's cursor.
    private static string Printable(string line) =>
        string.Concat(line.Trim().Select(c => char.IsControl(c) ? ' ' : c)).Trim();

    private static string Meaning(int code) => code switch
    {
        126 => " (found, but it cannot be run)",
        127 => " (not found in the guest)",
        > 128 and < 160 => $" (ended by signal {code - 128})",
        _ => "",
    };
}
