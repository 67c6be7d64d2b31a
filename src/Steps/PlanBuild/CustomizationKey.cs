using GoldenImages;
using Guests.Customize;
using Guests.Engine;
using Guests.Seal;
using StepRuntime;

namespace Steps.PlanBuild;

/// <summary>A customization and its sealing as what a build key is computed from.</summary>
/// <param name="customization">The customization.</param>
/// <param name="seal">The sealing.</param>
/// <param name="behaviour">The number of what the guest steps do.</param>
internal sealed class CustomizationKey(Customization customization, SealPlan seal, int behaviour)
{
    /// <summary>Whether an image of it gets old by itself.</summary>
    public bool UsesNetwork => customization.NeedsNetwork;

    /// <summary>The key, with every file read.</summary>
    /// <exception cref="StepException">Exit code 2: a local file that was there can no longer be read.</exception>
    public BuildKey With(string sourceDigest, CancellationToken cancellation)
    {
        try
        {
            return BuildKey.Compute(
                sourceDigest, customization.Inputs.Select(Command), UsesNetwork, seal.Operations.Select(operation => operation.Name), behaviour, cancellation);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            var subject = fault is FileNotFoundException { FileName: { Length: > 0 } file } ? $"local file {file}" : "the customization's local files";
            throw new StepException(ExitCode.BadInput, subject, "what was there at the start can no longer be read", "keep local files as they are while the step runs", fault);
        }
    }

    /// <summary>The plan in words.</summary>
    public IEnumerable<string> Describe() =>
    [
        $"compute the build key of {customization.Count} commands and their local files, network {(UsesNetwork ? "on" : "off")}",
        .. customization.Describe().Select(line => $"  {line}"),
        $"  seal: {string.Join(", ", seal.Operations.Select(operation => operation.Name))}",
    ];

    private static BuildCommand Command(CustomizationInput input) => new(input.Text, input.Files.Select(File));

    private static BuildFile File(LocalInput file) => new(
        file.Name,
        file.Kind switch
        {
            GuestFileKind.Directory => BuildFileKind.Directory,
            GuestFileKind.Link => BuildFileKind.Link,
            _ => BuildFileKind.File,
        },
        file.Mode,
        file.Target,
        file.Path is null ? null : file.Open);
}
