using System.Text;

namespace Guests.Customize.Language;

/// <summary>A text of commands, and where its relative local names lead.</summary>
/// <param name="Name">What messages call it: the file's path, or <c>commands</c>.</param>
/// <param name="Text">The commands.</param>
/// <param name="Content">Folder that relative local names resolve in; null when there is none.</param>
/// <param name="IsInline">Whether it came in an option: then its text may be shown, and no secret may be in it.</param>
public sealed record CommandSource(string Name, string Text, string? Content, bool IsInline)
{
    /// <summary>Largest commands file: that of a ConfigMap or Secret, 1 MiB.</summary>
    public const int LargestText = 1 << 20;

    /// <summary>Commands from an option's value.</summary>
    public static CommandSource Inline(string text, string? content) => new("commands", text, content, IsInline: true);

    /// <summary>
    /// Commands from a file, or null and what is wrong with it. Relative names resolve in <paramref name="content"/>, or in
    /// the file's own folder when that is null.
    /// </summary>
    public static CommandSource? FromFile(string path, string? content, List<Mistake> mistakes)
    {
        try
        {
            var bytes = new LocalFiles(Environment.CurrentDirectory).Content(path);
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            return new CommandSource(path, text, content ?? Path.GetDirectoryName(Path.GetFullPath(path)), IsInline: false);
        }
        catch (MistakeException mistake)
        {
            mistakes.Add(new Mistake(new CommandOrigin(path, 0, "", false), mistake.Message, mistake.Next));
        }
        catch (DecoderFallbackException)
        {
            mistakes.Add(new Mistake(new CommandOrigin(path, 0, "", false), "the file is not UTF-8 text", "check that it is a commands file"));
        }

        return null;
    }
}
