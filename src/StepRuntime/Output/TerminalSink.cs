using Spectre.Console;

namespace StepRuntime.Output;

/// <summary>A terminal: lines as they come, and below them one bar that moves in place.</summary>
public sealed class TerminalSink : ILogSink
{
    private readonly IAnsiConsole _console;
    private readonly Lock _lock = new();
    private TaskCompletionSource? _end;
    private Task? _display;
    private ProgressTask? _bar;

    /// <summary>Draws on standard error.</summary>
    public TerminalSink()
        : this(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }))
    {
    }

    internal TerminalSink(IAnsiConsole console) => _console = console;

    /// <inheritdoc/>
    public bool IsLive => true;

    /// <inheritdoc/>
    public bool IsDrawing
    {
        get
        {
            lock (_lock)
            {
                return _bar is not null;
            }
        }
    }

    /// <inheritdoc/>
    public void Line(LogLevel level, string text)
    {
        var style = level switch
        {
            LogLevel.Error => new Style(Color.Red),
            LogLevel.Warning => new Style(Color.Yellow),
            LogLevel.Verbose => new Style(decoration: Decoration.Dim),
            _ => Style.Plain,
        };
        lock (_lock)
        {
            if (level == LogLevel.Error)
            {
                StopBar();
            }

            _console.Write(new Text($"{TextSink.Prefix(level)}{text}\n", style));
        }
    }

    /// <inheritdoc/>
    public void Progress(ProgressReport report)
    {
        lock (_lock)
        {
            if (_bar?.Description != Markup.Escape(report.Activity))
            {
                StopBar();
                StartBar(report);
            }

            if (_bar is { } bar)
            {
                bar.MaxValue = Math.Max(1, report.Total);
                bar.Value = report.Done;
                bar.IsIndeterminate = report.Total == 0;
            }

            if (report.Total > 0 && report.Done >= report.Total)
            {
                StopBar();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            StopBar();
        }
    }

    private void StartBar(ProgressReport report)
    {
        var started = new TaskCompletionSource<ProgressTask>(TaskCreationOptions.RunContinuationsAsynchronously);
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _display = _console.Progress()
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(),
                new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                started.SetResult(context.AddTask(Markup.Escape(report.Activity)));
                await end.Task;
            });
        (_bar, _end) = (started.Task.GetAwaiter().GetResult(), end);
    }

    private void StopBar()
    {
        _end?.SetResult();
        _display?.GetAwaiter().GetResult();
        (_bar, _end, _display) = (null, null, null);
    }
}
