using Guests;
using Guests.Customize;
using Guests.Engine;
using Guests.Seal;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;
using Steps.OnGuests;

namespace Steps.CustomizeDisk;

/// <summary>Customizes a disk and seals it, in one launch.</summary>
internal sealed class CustomizeDiskStep : IStep
{
    private static readonly StepOption<bool> Seal = StepOption.Boolean(
        "seal", "Whether the disk's identity is removed, in the same launch: the vendor's before the commands, what they left after them.", defaultValue: true);

    private static readonly StepResult Os = new("os", "The guest's operating system, as its os-release names it (PRETTY_NAME).");
    private static readonly StepResult Summary = new("summary", "What was done, in one line.");

    public string Name => "customize-disk";

    string IStep.Summary => "Customizes a guest's disk and seals it, in one launch, without booting it.";

    public IReadOnlyList<StepOption> Options =>
    [
        GuestOptions.Disk, GuestOptions.DiskFormat, CustomizationOptions.Commands, CustomizationOptions.CommandsFile, CustomizationOptions.Content, Seal,
        CustomizationOptions.Operations, CustomizationOptions.Network, GuestOptions.Accelerator, GuestOptions.Memory,
    ];

    public IReadOnlyList<StepResult> Results => [Os, Summary];

    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var customization = CustomizationOptions.ReadCommands(input);
        var seal = ReadSeal(input);
        if (customization is { Count: 0 } && !input.Get(Seal))
        {
            input.Mistake("there is nothing to do: set --commands or --commands-file, or leave --seal on");
        }

        var (disk, format, launch) = GuestOptions.Read(input, forWriting: true);
        input.ThrowIfMistaken();
        var options = new GuestEditOptions { Disk = disk, Format = format, Launch = launch, Seal = seal };
        return Task.FromResult<IStepPlan>(new Plan(options, customization!));
    }

    private static SealPlan? ReadSeal(StepInput input)
    {
        if (input.Get(Seal))
        {
            return CustomizationOptions.ReadOperations(input);
        }

        if (input.IsSet(CustomizationOptions.Operations))
        {
            input.Mistake(CustomizationOptions.Operations, "no operation runs with --seal=false; leave one of the two out");
        }

        return null;
    }

    private sealed class Plan(GuestEditOptions options, Customization customization) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"open {options.Disk} ({options.Format.ToString().ToLowerInvariant()}), network {(customization.NeedsNetwork ? "on" : "off")}",
            .. options.Seal is null ? [] : (string[])["remove the vendor's identity"],
            .. customization.Describe(),
            .. options.Seal is null ? [] : (string[])[$"seal: {string.Join(", ", options.Seal.Operations.Select(operation => operation.Name))}"],
            "give free blocks back",
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            GuestEditReport report;
            try
            {
                // libguestfs' calls block, for minutes where packages are installed.
                report = await Task.Factory.StartNew(
                    () => GuestEdit.Run(options, customization, context.Log.Info, cancellation),
                    CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            catch (GuestException fault)
            {
                throw GuestFaults.Explain(fault);
            }

            foreach (var line in report.Summary)
            {
                context.Log.Info(line);
            }

            context.Log.Info(string.Join(", ", report.Phases.Select(phase => $"{phase.Key} {phase.Value.TotalSeconds:0.0} s")));
            context.Results.Set(Os, report.System.PrettyName);
            context.Results.Set(Summary, Summarize(report));
        }

        private string Summarize(GuestEditReport report)
        {
            var freed = report.FreedBytes is { } bytes and > 0 ? $", {bytes >> 20} MiB freed" : "";
            return $"{customization.Count} commands{(options.Seal is null ? "" : ", sealed")}{freed}";
        }
    }
}
