using Guests.Customize;
using Guests.Customize.Language;

namespace Guests.Tests.Customize;

/// <summary>Shorthands for reading commands in tests.</summary>
static class Commands
{
    public static IReadOnlyList<Mistake> Mistakes(string text, string? content = null, bool inline = false, bool network = false)
    {
        var mistakes = new List<Mistake>();
        var customization = Customization.Read([new CommandSource("commands.txt", text, content, inline)], network, mistakes);
        Assert.Equal(mistakes.Count == 0, customization is not null);
        return mistakes;
    }

    public static Customization Read(string text, string? content = null, bool inline = false, bool network = false)
    {
        var mistakes = new List<Mistake>();
        var customization = Customization.Read([new CommandSource("commands.txt", text, content, inline)], network, mistakes);
        Assert.Empty(mistakes);
        return customization!;
    }
}
