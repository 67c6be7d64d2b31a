using FsCheck;
using FsCheck.Fluent;
using StepRuntime.Options;
using StepRuntime.Output;

namespace StepRuntime.Tests;

public sealed class OptionTextTests
{
    [Theory]
    [InlineData("1", 1)]
    [InlineData("10Gi", 10L << 30)]
    [InlineData("500M", 500_000_000)]
    [InlineData("1.5Ki", 1536)]
    [InlineData("0.1Ki", 103)]
    [InlineData("2k", 2000)]
    [InlineData("7Pi", 7L << 50)]
    public void Sizes_are_Kubernetes_quantities(string text, long bytes) => Assert.Equal(bytes, OptionText.ParseSize(text));

    [Theory]
    [InlineData("")]
    [InlineData("Gi")]
    [InlineData("-1")]
    [InlineData("1e3x")]
    [InlineData("10 Gi")]
    [InlineData("1,5Gi")]
    [InlineData("9Ei")]
    [InlineData("9999Pi999")]
    [InlineData("99999999Pi")]
    public void Other_sizes_are_refused(string text) => Assert.Throws<FormatException>(() => OptionText.ParseSize(text));

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5h", 5400)]
    [InlineData("1500ms", 1.5)]
    [InlineData("2m3s", 123)]
    [InlineData("1d12h", 129_600)]
    public void Durations_are_in_Gos_form(string text, double seconds) => Assert.Equal(seconds, OptionText.ParseDuration(text).TotalSeconds);

    [Theory]
    [InlineData("90")]
    [InlineData("h")]
    [InlineData("-1s")]
    [InlineData("0s")]
    [InlineData("42d")]
    [InlineData("1w")]
    [InlineData("1.2.3s")]
    [InlineData("99999999h")]
    public void Other_durations_are_refused(string text) => Assert.Throws<FormatException>(() => OptionText.ParseDuration(text));

    [Fact]
    public void An_age_may_be_longer_than_a_timer()
    {
        var years = TimeSpan.FromDays(3650);
        Assert.Equal(90, OptionText.ParseDuration("90d", years).TotalDays);
        Assert.EndsWith("between 1ms and 3650d", Assert.Throws<FormatException>(() => OptionText.ParseDuration("3651d", years)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_are_split_at_commas_and_blanks() => Assert.Equal(["a", "b", "c"], OptionText.ParseList(" a, b\nc,"));

    [Fact]
    public void Whatever_is_typed_ends_in_a_value_or_a_message() =>
        Prop.ForAll<string?>(text =>
        {
            foreach (Action<string> parse in (Action<string>[])[value => OptionText.ParseSize(value), value => OptionText.ParseDuration(value), value => OptionText.ParseInteger(value, 0, 9)])
            {
                try
                {
                    parse(text ?? "");
                }
                catch (FormatException)
                {
                    // The one kind of fault that is told to users.
                }
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_clean_line_has_no_control_character() =>
        Prop.ForAll<string?>(text => !LineText.Clean(text ?? "").Any(char.IsControl)).QuickCheckThrowOnFailure();

    [Fact]
    public void A_line_can_not_be_turned_around() => Assert.Equal("a\\x202eb", LineText.Clean("a\u202eb"));
}
