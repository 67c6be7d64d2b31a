using Guests;
using Guests.Customize;
using Guests.Customize.Language;
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
    private static readonly StepOption<string> Commands = StepOption.Text(
        "commands", "Commands, one a line, as virt-customize --commands-from-file has them (docs/customization.md). They can be read by others: no secrets.");

    private static readonly StepOption<string> CommandsFile = StepOption.Text(
        "commands-file", "A file of commands, carried out after --commands. It may come from a Secret and hold secrets.");

    private static readonly StepOption<string> Content = StepOption.Text(
        "content", "Folder that relative local files in the commands are in; unless set, that of the commands file.");

    private static readonly StepOption<bool> Seal = StepOption.Boolean(
        "seal", "Whether the disk's identity is removed, in the same launch: the vendor's before the commands, what they left after them.", defaultValue: true);

    private static readonly StepOption<string> Operations = StepOption.Text(
        "operations", "Which sealing operations run: names, 'defaults', 'all', -name to leave one out, separated by commas.");

    private static readonly StepOption<bool> Network = StepOption.Boolean(
        "network", "Whether commands that run in the guest reach the network; install and update need it.");

    private static readonly StepResult Os = new("os", "The guest's operating system, as its os-release names it (PRETTY_NAME).");
    private static readonly StepResult Summary = new("summary", "What was done, in one line.");

    public string Name => "customize-disk";

    string IStep.Summary => "Customizes a guest's disk and seals it, in one launch, without booting it.";

    public IReadOnlyList<StepOption> Options =>
        [GuestOptions.Disk, GuestOptions.DiskFormat, Commands, CommandsFile, Content, Seal, Operations, Network, GuestOptions.Accelerator, GuestOptions.Memory];

    public IReadOnlyList<StepResult> Results => [Os, Summary];

    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var mistakes = new List<Mistake>();
        var customization = ReadCommands(input, mistakes);
        foreach (var mistake in mistakes)
        {
            input.Mistake(mistake.ToString());
        }

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

    private static Customization? ReadCommands(StepInput input, List<Mistake> mistakes)
    {
        var content = input.IsSet(Content) ? Path.GetFullPath(input.Get(Content)) : null;
        if (content is not null && !Directory.Exists(content))
        {
            input.Mistake(Content, $"the folder {content} is not there; check that its ConfigMap, Secret or volume is mounted");
        }

        var sources = new List<CommandSource>();
        if (input.IsSet(Commands))
        {
            sources.Add(CommandSource.Inline(input.Get(Commands), content));
        }

        if (input.IsSet(CommandsFile) && CommandSource.FromFile(input.Get(CommandsFile), content, mistakes) is { } file)
        {
            sources.Add(file);
        }

        return Customization.Read(sources, input.Get(Network), mistakes);
    }

    private static SealPlan? ReadSeal(StepInput input)
    {
        if (!input.Get(Seal))
        {
            if (input.IsSet(Operations))
            {
                input.Mistake(Operations, "no operation runs with --seal=false; leave one of the two out");
            }

            return null;
        }

        try
        {
            return SealPlan.Parse(input.Get(Operations));
        }
        catch (GuestException fault)
        {
            input.Mistake(Operations, $"{fault.Cause}; {fault.Next}");
            return null;
        }
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
