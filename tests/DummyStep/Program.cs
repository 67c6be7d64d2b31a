using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;

return await StepHost.RunAsync(new DummyStep(), args);

/// <summary>A step that does as it is told, so that tests see what the runtime makes of it, as a process.</summary>
internal sealed class DummyStep : IStep
{
    private static readonly StepOption<string> Do = StepOption.Choice(
        "do", "What to do.", "work", "work", "wait", "hang", "fail", "bug", "progress", "silence", "secret-plan", "fill");

    private static readonly StepOption<string> Target = StepOption.Text("target", "Whom to.", required: true);
    private static readonly StepOption<long> Size = StepOption.Size("size", "How much.", "1Mi");
    private static readonly StepOption<int> Level = StepOption.Integer("level", "How strongly.", 3, 1, 9);
    private static readonly StepOption<string> Echo = StepOption.Text("echo", "Repeated in a result.");

    private static readonly StepResult Greeting = new("greeting", "Whom was greeted.");
    private static readonly StepResult Repeated = new("echo", "What --echo was.");

    public string Name => "dummy-step";

    public string Summary => "Does as it is told.";

    public IReadOnlyList<StepOption> Options => [Do, Target, Size, Level, Echo];

    public IReadOnlyList<StepResult> Results => [Greeting, Repeated];

    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        if (input.Get(Target) == "nobody")
        {
            input.Mistake(Target, "nobody can be greeted");
            input.Mistake("and nothing else works either");
        }

        input.PlanResult(Repeated, input.Get(Echo));
        return Task.FromResult<IStepPlan>(new Plan(input.Get(Do), input.Get(Target), input.Get(Echo)));
    }

    private sealed class Plan(string what, string target, string echo) : IStepPlan
    {
        public IReadOnlyList<string> Describe() => [$"greet {target}"];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            context.Results.Set(Greeting, $"hello {target}");
            context.Results.Set(Repeated, echo);
            context.Log.Info($"greeting {target}");
            switch (what)
            {
                case "wait":
                    await Task.Delay(Timeout.Infinite, cancellation);
                    break;
                case "hang":
                    await Task.Delay(Timeout.Infinite, CancellationToken.None);
                    break;
                case "fail":
                    throw new StepException(ExitCode.Guest, "disk.img", "the guest\nis\u001b[31m broken", "mend it");
                case "bug":
                    throw new InvalidOperationException("never thought of that");
                case "silence":
                    await Task.Delay(TimeSpan.FromSeconds(13), cancellation);
                    break;
                case "progress":
                    var progress = context.Log.Progress("copying", 1000);
                    for (var done = 0; done <= 1000; done += 5)
                    {
                        progress.Report(done);
                    }

                    break;
                default:
                    break;
            }
        }
    }
}
