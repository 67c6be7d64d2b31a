using Guests.Customize;
using Guests.Customize.Language;
using Guests.Engine;
using Guests.Seal;
using StepRuntime.Options;

namespace Steps.OnGuests;

/// <summary>
/// The options that say what a guest becomes; compiled into each step that carries it out or plans it, so that a plan refuses
/// what the work would refuse.
/// </summary>
internal static class CustomizationOptions
{
    private const string UsualFile = "customize.commands";

    public static readonly StepOption<string> Commands = StepOption.Text(
        "commands", "Commands, one a line, as virt-customize --commands-from-file has them (docs/customization.md). They can be read by others: no secrets.");

    public static readonly StepOption<string> CommandsFile = StepOption.Text(
        "commands-file",
        $"A file of commands, carried out after --commands: its path, or its name in --content. Unless set, {UsualFile} of --content. It may come from a Secret and hold secrets.");

    public static readonly StepOption<string> Content = StepOption.Text(
        "content", "Folder with the commands file and the local files that commands name, such as a mounted ConfigMap or Secret; unless set, that of the commands file.");

    public static readonly StepOption<string> Operations = StepOption.Text(
        "operations", "Which sealing operations run: names, 'defaults', 'all', -name to leave one out, separated by commas.");

    public static readonly StepOption<bool> Network = StepOption.Boolean(
        "network", "Whether commands that run in the guest reach the network; install and update need it.");

    /// <summary>The customization, or null and what is wrong with it among the input's mistakes.</summary>
    public static Customization? ReadCommands(StepInput input)
    {
        var content = input.IsSet(Content) ? Path.GetFullPath(input.Get(Content)) : null;
        if (content is not null && !Directory.Exists(content))
        {
            input.Mistake(Content, $"the folder {content} is not there; check that its ConfigMap, Secret or volume is mounted");
        }

        var mistakes = new List<Mistake>();
        var sources = new List<CommandSource>();
        if (input.IsSet(Commands))
        {
            sources.Add(CommandSource.Inline(input.Get(Commands), content));
        }

        if (FileOf(input, content) is { } path && CommandSource.FromFile(path, content, mistakes) is { } file)
        {
            sources.Add(file);
        }

        var customization = Customization.Read(sources, input.Get(Network), mistakes);
        foreach (var mistake in mistakes)
        {
            input.Mistake(mistake.ToString());
        }

        return customization;
    }

    /// <summary>The commands file; null where there is none. A folder that was mounted for nothing is a mistake, never an image without its changes.</summary>
    private static string? FileOf(StepInput input, string? content)
    {
        if (input.IsSet(CommandsFile) || content is null)
        {
            return input.IsSet(CommandsFile) ? Path.Combine(content ?? "", input.Get(CommandsFile)) : null;
        }

        var usual = Path.Combine(content, UsualFile);
        if (File.Exists(usual))
        {
            return usual;
        }

        if (!input.IsSet(Commands))
        {
            input.Mistake(Content, $"the folder {content} has no {UsualFile}; name its commands file with --commands-file");
        }

        return null;
    }

    /// <summary>The sealing operations, or null and what is wrong with them among the input's mistakes.</summary>
    public static SealPlan? ReadOperations(StepInput input)
    {
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
}
