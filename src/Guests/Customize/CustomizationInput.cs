using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize;

/// <summary>One command of a customization as far as the guest can tell it from another, for a digest of what an image is made of.</summary>
/// <param name="Text">
/// Name and argument, without comments, indentation, and the places of local files on this machine. It may hold a secret: it
/// is for a digest, never for a log.
/// </param>
/// <param name="Files">
/// The local files and trees that it names, in an order that their names alone decide. Each enumeration reads the folders anew
/// and may throw an <see cref="IOException"/>; a large tree is never in memory as a whole.
/// </param>
public sealed record CustomizationInput(string Text, IEnumerable<LocalInput> Files)
{
    /// <summary>What is shown in place of the text, which may be a secret.</summary>
    public override string ToString() => $"{Text.Split(' ')[0]} ({Text.Length} characters)";

    internal static CustomizationInput Of(string name, string? argument, IReadOnlyList<NamedLocal> named)
    {
        var text = named.Aggregate(argument ?? "", WithoutPlace);
        return new(text.Length == 0 ? name : $"{name} {text}", named.SelectMany(LocalInput.Of));
    }

    /// <summary>
    /// Only the last component of a local name reaches the guest. The name stands first in the argument or last; where it has
    /// a folder, it cannot be mistaken for a user's name in front of it.
    /// </summary>
    private static string WithoutPlace(string argument, NamedLocal local)
    {
        var name = LocalInput.LastName(local.Name);
        if (argument.StartsWith(local.Name, StringComparison.Ordinal) && argument.AsSpan(local.Name.Length) is [] or [':', ..])
        {
            return $"{name}{argument[local.Name.Length..]}";
        }

        return argument.EndsWith($":{local.Name}", StringComparison.Ordinal) ? $"{argument[..^local.Name.Length]}{name}" : argument;
    }
}

/// <summary>A local file, folder or link that a command brings into the guest.</summary>
/// <param name="Name">Relative to the folder of what the command names: the guest sees this much of its path.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">Permission bits (07777) where the guest gets them; null where only the bytes count.</param>
/// <param name="Target">A link's target.</param>
/// <param name="Path">A file's place on this machine; null for what has no content.</param>
public sealed record LocalInput(string Name, GuestFileKind Kind, int? Mode, string? Target, string? Path)
{
    private const int AllModes = 0xFFF;

    /// <summary>Opens a file's content, of any size.</summary>
    /// <exception cref="IOException">It can no longer be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may no longer be read.</exception>
    public Stream Open() => new FileStream(
        Path ?? throw new InvalidOperationException($"{Name} has no content"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);

    internal static IEnumerable<LocalInput> Of(NamedLocal local) => local.Tree is { } tree
        ? tree.Entries().Select(entry => Of(LocalTree.Stage(entry.Local, entry.Relative), keepsMode: true))
        : [Of(LocalTree.Stage(local.Path, LastName(local.Name)), local.KeepsMode)];

    internal static string LastName(string path) => System.IO.Path.GetFileName(path.TrimEnd('/'));

    // A link's own mode is nobody's choice.
    private static LocalInput Of(StagedFile file, bool keepsMode) => new(
        file.Path, file.Kind, keepsMode && file.Kind != GuestFileKind.Link ? file.Mode & AllModes : null, file.Target, file.LocalPath);
}
