namespace Guests.Customize.Language;

/// <summary>Where a command stands.</summary>
/// <param name="File">The commands file as the user named it, or <c>commands</c> for inline ones.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Command">The command's name; empty when it must not be repeated (it may be a secret in the wrong place).</param>
/// <param name="IsInline">Whether it came in an option, and so cannot carry a secret.</param>
public sealed record CommandOrigin(string File, int Line, string Command, bool IsInline)
{
    /// <inheritdoc/>
    public override string ToString() => Command.Length == 0 ? $"{File}:{Line}" : $"{File}:{Line}: {Command}";
}

/// <summary>Something wrong in a customization, found before anything started. It never repeats a secret.</summary>
/// <param name="Origin">Where.</param>
/// <param name="Cause">What is wrong.</param>
/// <param name="Next">What to write in its place.</param>
public sealed record Mistake(CommandOrigin Origin, string Cause, string Next)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Origin}: {Cause}; {Next}";
}

/// <summary>Why one command cannot be accepted; the parser turns it into a <see cref="Mistake"/>.</summary>
sealed class MistakeException(string cause, string next) : Exception(cause)
{
    /// <summary>What to write in its place.</summary>
    public string Next { get; } = next;
}
