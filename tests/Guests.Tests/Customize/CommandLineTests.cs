using FsCheck;
using FsCheck.Fluent;
using Guests.Customize.Language;

namespace Guests.Tests.Customize;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("hostname a", 1, "hostname", "a")]
    [InlineData("\n\n  \t hostname a", 3, "hostname", "a")]
    [InlineData("# comment\nhostname a", 2, "hostname", "a")]
    [InlineData("# a comment \\\n goes on\nhostname a", 3, "hostname", "a")]
    [InlineData("update", 1, "update", null)]
    [InlineData("write /a:b  c ", 1, "write", "/a:b  c ")]
    [InlineData("write /a:one\\\n  two", 1, "write", "/a:one\n  two")]
    [InlineData("run-command echo \"a # b\"", 1, "run-command", "echo \"a # b\"")]
    [InlineData("hostname a\\", 1, "hostname", "a\n")]
    [InlineData("\\\nhostname a", 1, "hostname", "a")]
    [InlineData("hostname  a", 1, "hostname", " a")]
    public void A_line_is_read_as_virt_customize_reads_it(string text, int line, string name, string? argument)
    {
        Assert.Equal([new CommandLine(line, name, argument)], CommandLine.Parse(text));
    }

    [Fact]
    public void A_continued_line_counts_from_its_first_line_and_the_next_from_its_own()
    {
        var commands = CommandLine.Parse("write /a:1\\\n2\\\n3\n\ntouch /b\n");
        Assert.Equal([new CommandLine(1, "write", "/a:1\n2\n3"), new CommandLine(5, "touch", "/b")], commands);
    }

    [Fact]
    public void Every_parsed_file_prints_back_to_the_same_commands()
    {
        var piece = Gen.Elements("write", "/a", ":", " ", "\\", "\n", "#", "x", "\t", "--run", "\\\n", "é");
        var text = piece.ListOf().Select(string.Concat);
        Prop.ForAll(text.ToArbitrary(), written =>
        {
            var commands = CommandLine.Parse(written);
            var printed = CommandLine.Parse(string.Join('\n', commands) + "\n");
            return commands.Select(c => (c.Name, c.Argument)).SequenceEqual(printed.Select(c => (c.Name, c.Argument)));
        }).QuickCheckThrowOnFailure();
    }
}
