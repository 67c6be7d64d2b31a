namespace StepRuntime.Options;

/// <summary>A declared option of a step: <c>--name=value</c>, one for each param of its Task.</summary>
/// <remarks>An empty value is the same as none, because Tekton passes an absent param as an empty string.</remarks>
public abstract class StepOption
{
    private protected StepOption(string name, string type, string description)
    {
        Name = name;
        Type = type;
        Description = description;
    }

    /// <summary>Kebab-case, without the dashes.</summary>
    public string Name { get; }

    /// <summary><c>string</c>, <c>boolean</c>, <c>integer</c>, <c>size</c>, <c>duration</c>, <c>choice</c> or <c>list</c>.</summary>
    public string Type { get; }

    /// <summary>Format, default and an example, for users.</summary>
    public string Description { get; }

    /// <summary>Whether the step refuses to start without it.</summary>
    public bool IsRequired { get; private protected init; }

    /// <summary>The value that an unset option has, as text; empty when none.</summary>
    public string DefaultText { get; private protected init; } = "";

    /// <summary>The allowed values of a choice; empty for every other type.</summary>
    public IReadOnlyList<string> Choices { get; private protected init; } = [];

    /// <summary>Text, as it is given.</summary>
    public static StepOption<string> Text(string name, string description, string defaultValue = "", bool required = false) =>
        new(name, "string", description, text => text) { DefaultText = defaultValue, IsRequired = required };

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public static StepOption<bool> Boolean(string name, string description, bool defaultValue = false) =>
        new(name, "boolean", description, OptionText.ParseBoolean) { DefaultText = defaultValue ? "true" : "false" };

    /// <summary>A whole number in a range.</summary>
    public static StepOption<int> Integer(string name, string description, int defaultValue, int minimum, int maximum) =>
        new(name, "integer", description, text => OptionText.ParseInteger(text, minimum, maximum))
        {
            DefaultText = defaultValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };

    /// <summary>Bytes, as Kubernetes writes quantities (<c>10Gi</c>, <c>500M</c>); an empty default is 0 bytes.</summary>
    public static StepOption<long> Size(string name, string description, string defaultValue = "") =>
        new(name, "size", description, OptionText.ParseSize) { DefaultText = defaultValue };

    /// <summary>
    /// A time span, as Go writes durations, and with days (<c>1h30m</c>, <c>7d</c>); an empty default is zero. At most
    /// 1000 hours, which every timer takes, unless <paramref name="longest"/> is given.
    /// </summary>
    public static StepOption<TimeSpan> Duration(string name, string description, string defaultValue = "", TimeSpan? longest = null) =>
        new(name, "duration", description, text => OptionText.ParseDuration(text, longest)) { DefaultText = defaultValue };

    /// <summary>One of a few words; none of them where it is unset and the default is empty.</summary>
    public static StepOption<string> Choice(string name, string description, string defaultValue, params string[] choices) =>
        new(name, "choice", description, text => text.Length == 0 ? "" : OptionText.ParseChoice(text, choices)) { DefaultText = defaultValue, Choices = choices };

    /// <summary>Words separated by commas or blanks.</summary>
    public static StepOption<IReadOnlyList<string>> List(string name, string description, string defaultValue = "") =>
        new(name, "list", description, OptionText.ParseList) { DefaultText = defaultValue };

    /// <summary>Checks a value's text; null when it is right, else what is wrong with it.</summary>
    internal abstract string? Check(string text);
}

/// <summary>An option with its type.</summary>
/// <typeparam name="T">What its text becomes.</typeparam>
public sealed class StepOption<T> : StepOption
{
    private readonly Func<string, T> _parse;

    internal StepOption(string name, string type, string description, Func<string, T> parse)
        : base(name, type, description) => _parse = parse;

    internal override string? Check(string text)
    {
        try
        {
            _ = _parse(text);
            return null;
        }
        catch (FormatException fault)
        {
            return fault.Message;
        }
    }

    /// <summary>The value of a text that was checked; the type's own default for an empty one that has no default.</summary>
    internal T? Parse(string text) => text.Length == 0 && typeof(T) != typeof(string) && Type != "list" ? default : _parse(text);
}
