using StepRuntime.Options;
using StepRuntime.Output;
using StepRuntime.Results;

namespace StepRuntime;

/// <summary>Runs a step: arguments, result files, plan, work, and an exit code for whatever happens.</summary>
public static class StepHost
{
    private static readonly string[] NoDetails = [];

    /// <summary>Runs a step as a process: the body of its <c>Program.cs</c>.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IStep step, string[] arguments)
    {
        var line = StepCommandLine.Parse(step, arguments);
        switch (line.Wish)
        {
            case Wish.Help:
                await Console.Out.WriteAsync(Contract.Of(step).ToHelp());
                return 0;
            case Wish.Contract:
                await Console.Out.WriteLineAsync(Contract.Of(step).ToJson());
                return 0;
            case Wish.Version:
                await Console.Out.WriteLineAsync($"{step.Name} {ProductVersion.Text}");
                return 0;
            default:
                return (int)await WorkAsync(step, line, TimeProvider.System);
        }
    }

    private static async Task<ExitCode> WorkAsync(IStep step, StepCommandLine line, TimeProvider time)
    {
        var input = line.Input;
        var results = new ResultFiles(line.ResultPaths);
        using var log = new StepLog(Sink(input, time), time, input.Get(CommonOptions.Verbose));
        var ending = new Ending(log, results, input.Get(CommonOptions.Verbose));
        using var stop = new Stop(
            input.Get(CommonOptions.Timeout),
            time,
            reason => ending.Stopped(reason, "it did not end by itself in time"));
        try
        {
            results.WriteEmpty([.. step.Results.Select(result => result.Name), ResultFiles.ErrorName]);
            var plan = await PlanAsync(step, input, stop.Token);
            if (input.Get(CommonOptions.DryRun))
            {
                foreach (var text in plan.Describe())
                {
                    await Console.Out.WriteLineAsync(LineText.Clean(text));
                }

                return ExitCode.Done;
            }

            await plan.ExecuteAsync(new StepContext(log, results, time), stop.Token);
            foreach (var (name, value) in results.Values)
            {
                await Console.Out.WriteLineAsync($"{name}={LineText.Clean(value)}");
            }

            return ExitCode.Done;
        }
        catch (Exception fault)
        {
            // Whatever a call answers while the step is being stopped, the stop is the cause.
            return stop.Reason is { } reason ? ending.Stopped(reason, "", fault) : ending.Failed(fault);
        }
    }

    /// <summary>
    /// The plan, or all mistakes: those of the options' form, and those that only the step can see. A step that can't plan
    /// because of a mistake that is noted may throw whatever it likes.
    /// </summary>
    private static async Task<IStepPlan> PlanAsync(IStep step, StepInput input, CancellationToken cancellation)
    {
        try
        {
            var plan = await step.PlanAsync(input, cancellation);
            input.ThrowIfMistaken();
            return plan;
        }
        catch (Exception) when (input.Mistakes.Count > 0)
        {
            input.ThrowIfMistaken();
            throw;
        }
    }

    private static ILogSink Sink(StepInput input, TimeProvider time) =>
        input.Get(CommonOptions.LogFormat) == "json" ? new JsonSink(Console.Error, time)
        : Console.IsErrorRedirected ? new TextSink(Console.Error, time)
        : new TerminalSink();

    /// <summary>The last line of a step that did not get through.</summary>
    private sealed class Ending(StepLog log, ResultFiles results, bool verbose)
    {
        public ExitCode Stopped(ExitCode reason, string remark, Exception? fault = null)
        {
            var cause = reason == ExitCode.Deadline
                ? "stopped: the deadline passed; raise --timeout (and Tekton's, which must be longer), or look above for what was slow"
                : "stopped by a signal; run it again when you like";
            // A fault that is not the cancellation itself may tell what state was left behind.
            var state = fault is StepException { Code: ExitCode.Integrity } left ? $" ({left.Message})" : "";
            return End(reason, $"{cause}{state}{(remark.Length > 0 ? $" ({remark})" : "")}", NoDetails, fault);
        }

        public ExitCode Failed(Exception fault) => fault switch
        {
            StepException known => End(known.Code, known.Message, known.Details, known),
            IOException or UnauthorizedAccessException => Failed(SystemFaults.Explain(fault, "file access")),
            _ => End(ExitCode.Bug, $"a fault of this program: {fault.GetType().Name}: {fault.Message}; please report it with the output of --verbose=true", NoDetails, fault),
        };

        private ExitCode End(ExitCode code, string message, IReadOnlyList<string> details, Exception? fault)
        {
            foreach (var detail in details)
            {
                log.Error(detail);
            }

            var line = LineText.Clean(message);
            log.Error(line);
            if (verbose && fault is not null)
            {
                foreach (var frame in fault.ToString().Split('\n'))
                {
                    log.Verbose(frame);
                }
            }

            try
            {
                results.SetError(line);
            }
            catch (StepException second)
            {
                log.Error(second.Message);
                return code == ExitCode.Done ? second.Code : code;
            }

            return code;
        }
    }
}
