using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using StepRuntime.Options;
using StepRuntime.Results;

namespace StepRuntime;

/// <summary>What a step takes and gives, as data (<c>--contract</c>): each Task's YAML is checked against it.</summary>
/// <param name="Step">The executable's name.</param>
/// <param name="Summary">What it does.</param>
/// <param name="Options">Every option, the common ones last.</param>
/// <param name="Results">Every result, <c>error</c> last.</param>
/// <param name="ExitCodes">The table of exit codes.</param>
public sealed record Contract(
    string Step,
    string Summary,
    IReadOnlyList<ContractOption> Options,
    IReadOnlyList<ContractResult> Results,
    IReadOnlyDictionary<string, string> ExitCodes)
{
    private static readonly IReadOnlyDictionary<string, string> Codes = new Dictionary<string, string>
    {
        ["0"] = "done",
        ["1"] = "a fault of ours",
        ["2"] = "bad input or usage",
        ["3"] = "an object is missing, or access is denied",
        ["4"] = "a transient fault outlived its retries",
        ["5"] = "integrity: checksum, signature, corrupt or hostile image, interrupted edit",
        ["6"] = "the guest or its content failed",
        ["7"] = "the deadline passed",
        ["143"] = "stopped by SIGTERM",
    };

    /// <summary>The contract of a step.</summary>
    public static Contract Of(IStep step) => new(
        step.Name,
        step.Summary,
        [.. step.Options.Concat(CommonOptions.All).Select(ContractOption.Of)],
        [.. step.Results.Select(result => new ContractResult(result.Name, result.Description)), new(ResultFiles.ErrorName, "One line: what failed, on which object, what to do next; empty when all went well.")],
        Codes);

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ContractJson.Default.Contract);

    /// <summary>As the text of <c>--help</c>.</summary>
    public string ToHelp()
    {
        var help = new StringBuilder($"{Step}: {Summary}\n\nUsage: {Step} --name=value ...\n\nOptions (an empty value is the same as none):\n");
        foreach (var option in Options)
        {
            var kind = option.Choices.Count > 0 ? string.Join('|', option.Choices) : option.Type;
            var state = option.Required ? ", required" : option.Default.Length > 0 ? $", default {option.Default}" : "";
            help.Append($"  --{option.Name} ({kind}{state})\n      {option.Description}\n");
        }

        help.Append("\nResults (each into the file of --result-NAME=PATH, and printed at the end):\n");
        foreach (var result in Results)
        {
            help.Append($"  {result.Name}\n      {result.Description}\n");
        }

        help.Append("\nExit codes:\n");
        foreach (var (code, meaning) in ExitCodes)
        {
            help.Append($"  {code,3}  {meaning}\n");
        }

        return help.Append("\n--contract prints this as JSON, --version the version.\n").ToString();
    }
}

/// <summary>An option in a contract.</summary>
/// <param name="Name">Without the dashes.</param>
/// <param name="Type">As <see cref="StepOption.Type"/>.</param>
/// <param name="Default">As text.</param>
/// <param name="Required">Whether the step refuses to start without it.</param>
/// <param name="Choices">The allowed values of a choice.</param>
/// <param name="Description">For users.</param>
public sealed record ContractOption(string Name, string Type, string Default, bool Required, IReadOnlyList<string> Choices, string Description)
{
    internal static ContractOption Of(StepOption option) =>
        new(option.Name, option.Type, option.DefaultText, option.IsRequired, option.Choices, option.Description);
}

/// <summary>A result in a contract.</summary>
/// <param name="Name">As the Task declares it.</param>
/// <param name="Description">For users.</param>
public sealed record ContractResult(string Name, string Description);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Contract))]
internal sealed partial class ContractJson : JsonSerializerContext;
