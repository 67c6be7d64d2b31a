using Guests;
using Guests.Engine;
using Guests.Seal;
using StepRuntime;
using StepRuntime.Options;
using StepRuntime.Results;
using Steps.OnGuests;

namespace Steps.SealVolume;

/// <summary>Strips a disk of its identity and secrets, or looks whether any is left.</summary>
internal sealed class SealVolumeStep : IStep
{
    internal static readonly StepOption<bool> Check = StepOption.Boolean(
        "check", "Only looks, changes nothing, and ends with exit code 6 when any identity or secret is left.");

    internal static readonly StepOption<string> Operations = StepOption.Text(
        "operations", $"What is sealed or looked for, separated by commas: defaults, all, a name, or -name to leave one out. Names: {string.Join(", ", SealOperations.All.Select(o => o.Name))}.", "defaults");

    internal static readonly StepOption<string> KeepAuthorizedKeys = StepOption.Text(
        "keep-authorized-keys", "Public SSH keys that stay and that the check accepts: lines as in authorized_keys, or a file of such lines: its path, or its name in --content.");

    internal static readonly StepOption<string> Content = StepOption.Text(
        "content", "Folder that a relative --keep-authorized-keys is in, such as a mounted ConfigMap.");

    internal static readonly StepOption<bool> Trim = StepOption.Boolean(
        "trim", "Gives the filesystems' free blocks back to the volume's storage; without it, what was removed can be read out of them.", defaultValue: true);

    internal static readonly StepResult Os = new("os", "The guest's operating system, by its PRETTY_NAME.");
    internal static readonly StepResult Findings = new("findings", "With check: how many traces are left, and of which operations (0, or '3: machine-id 1, ssh-hostkeys 2'); the log has them all.");
    internal static readonly StepResult FreedBytes = new("freed-bytes", "By how many bytes the image takes less storage now; empty for a block device, which does not tell.");

    /// <inheritdoc/>
    public string Name => "seal-volume";

    /// <inheritdoc/>
    public string Summary => "Removes identity and secrets from a guest's disk (machine-id, SSH host keys, leases, histories ...), or checks that none is left.";

    /// <inheritdoc/>
    public IReadOnlyList<StepOption> Options { get; } =
        [GuestOptions.Disk, GuestOptions.DiskFormat, Check, Operations, KeepAuthorizedKeys, Content, Trim, GuestOptions.Accelerator, GuestOptions.Memory];

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Results { get; } = [Os, Findings, FreedBytes];

    /// <inheritdoc/>
    public Task<IStepPlan> PlanAsync(StepInput input, CancellationToken cancellation)
    {
        var check = input.Get(Check);
        var seal = ReadPlan(input);
        var (disk, format, launch) = GuestOptions.Read(input, forWriting: !check);
        var options = new GuestEditOptions { Disk = disk, Format = format, Launch = launch, Seal = seal, Trim = input.Get(Trim) };
        return Task.FromResult<IStepPlan>(check ? new CheckPlan(options) : new SealingPlan(options));
    }

    private static SealPlan? ReadPlan(StepInput input)
    {
        AuthorizedKeys? keys = null;
        try
        {
            keys = AuthorizedKeys.Parse(input.Get(KeepAuthorizedKeys), input.Get(Content));
        }
        catch (GuestException fault)
        {
            input.Mistake(KeepAuthorizedKeys, $"{fault.Message}; {fault.Next}");
        }

        try
        {
            return SealPlan.Parse(input.Get(Operations), keys);
        }
        catch (GuestException fault)
        {
            input.Mistake(Operations, $"{fault.Cause}; {fault.Next}");
            return null;
        }
    }

    /// <summary>Seals.</summary>
    private sealed class SealingPlan(GuestEditOptions options) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"seal {options.Disk} ({options.Format.ToString().ToLowerInvariant()})",
            .. options.Seal!.Operations.Select(operation => $"{operation.Name}: remove {operation.Removes}"),
            options.Trim ? "give free blocks back to the storage" : "leave free blocks allocated",
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            var report = await Guarded(() => GuestEdit.Run(options, change: null, context.Log.Info, cancellation));
            context.Results.Set(Os, report.System.PrettyName);
            context.Results.Set(FreedBytes, report.FreedBytes?.ToString() ?? "");
            context.Log.Info($"sealed {options.Disk}: {string.Join(", ", report.Phases.Select(phase => $"{phase.Key} {phase.Value.TotalSeconds:F1} s"))}");
        }
    }

    /// <summary>Looks.</summary>
    private sealed class CheckPlan(GuestEditOptions options) : IStepPlan
    {
        public IReadOnlyList<string> Describe() =>
        [
            $"check {options.Disk} ({options.Format.ToString().ToLowerInvariant()}), read-only",
            .. options.Seal!.Operations.Select(operation => $"{operation.Name}: look for {operation.Removes}"),
        ];

        public async Task ExecuteAsync(StepContext context, CancellationToken cancellation)
        {
            var report = await Guarded(() => GuestCheck.Run(options, options.Seal!, context.Log.Info, cancellation));
            context.Results.Set(Os, report.System.PrettyName);
            var findings = FindingsText.Of(report.Findings);
            context.Results.Set(Findings, findings);
            if (report.Findings.Count == 0)
            {
                var leftOut = options.Seal!.LeftOut;
                context.Log.Info(leftOut.Count == 0
                    ? $"{options.Disk}: no identity and no secret is left"
                    : $"{options.Disk}: none of what was looked for is left; not looked at: {string.Join(", ", leftOut)}");
                return;
            }

            throw new StepException(
                ExitCode.Guest, options.Disk, $"identity or secrets are left, {findings}",
                "seal it (seal-volume without --check), or accept what is wanted with --keep-authorized-keys or --operations=defaults,-NAME")
            {
                Details = [.. report.Findings.Select(finding => finding.ToString())],
            };
        }
    }

    /// <summary>On a thread of its own, because libguestfs' calls block.</summary>
    private static async Task<T> Guarded<T>(Func<T> work)
    {
        try
        {
            return await Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (GuestException fault)
        {
            throw GuestFaults.Explain(fault);
        }
    }
}

/// <summary>The findings in the few bytes that a result has.</summary>
internal static class FindingsText
{
    /// <summary>Their number, then how many each operation would remove. There are fewer operations than bytes for their names.</summary>
    public static string Of(IReadOnlyList<SealFinding> findings) => findings.Count == 0
        ? "0"
        : $"{findings.Count}: {string.Join(", ", findings.GroupBy(finding => finding.Operation).Select(group => $"{group.Key} {group.Count()}"))}";
}
