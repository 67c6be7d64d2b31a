namespace GoldenImages;

/// <summary>What a file of a customization is.</summary>
public enum BuildFileKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder; what it holds are entries of their own.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Link,
}

/// <summary>A local file, folder or link that a command brings into the guest.</summary>
/// <param name="Name">Its name as far as the guest sees it: relative to what the command names, never a place on this machine.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">Permission bits (07777), where the guest gets them; null where they do not matter.</param>
/// <param name="Target">A link's target.</param>
/// <param name="Open">Opens a file's content; null for others. The key closes it.</param>
public sealed record BuildFile(string Name, BuildFileKind Kind, int? Mode, string? Target, Func<Stream>? Open);

/// <summary>A command of a customization, with the local files that it names.</summary>
/// <param name="Text">Normalized: without comments, indentation and places on this machine. It may hold a secret.</param>
/// <param name="Files">In a stable order; enumerated once.</param>
public sealed record BuildCommand(string Text, IEnumerable<BuildFile> Files);
