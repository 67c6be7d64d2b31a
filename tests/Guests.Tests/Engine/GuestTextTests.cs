using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Guests.Engine;

namespace Guests.Tests.Engine;

public sealed class GuestTextTests
{
    [Fact]
    public void Any_bytes_without_NUL_survive_the_way_to_text_and_back()
    {
        var bytes = Gen.Choose(1, 255).Select(value => (byte)value).ArrayOf().ToArbitrary();
        Prop.ForAll(bytes, some => GuestText.Encode(GuestText.Decode(some)).AsSpan().SequenceEqual(some)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Well_formed_text_is_what_it_is() =>
        Assert.Equal("größe 💿", GuestText.Decode(Encoding.UTF8.GetBytes("größe 💿")));

    [Fact]
    public void Text_that_stands_for_no_name_is_refused()
    {
        // Not as a theory: attributes cannot hold lone surrogates.
        Assert.All((string[])["a\0b", "\ud800x", "\udc41"], text => Assert.Throws<ArgumentException>(() => GuestText.Encode(text)));
    }

    [Theory]
    [InlineData("a\nb\t\r", "a\\nb\\t\\r")]
    [InlineData("\u001b[31mred", "\\u001b[31mred")]
    [InlineData("abc\u202etxt.exe", "abc\\u202etxt.exe")]
    [InlineData("line\u2028two", "line\\u2028two")]
    [InlineData("disk 💿", "disk 💿")]
    public void A_log_line_shows_what_would_move_the_cursor_or_the_reader(string text, string shown) => Assert.Equal(shown, GuestText.Printable(text));

    [Fact]
    public void A_stray_byte_is_shown_as_such() => Assert.Equal("a\\xffb", GuestText.Printable(GuestText.Decode([(byte)'a', 0xff, (byte)'b'])));

    [Fact]
    public void A_long_text_is_cut() => Assert.Equal(new string('x', 10) + "...", GuestText.Printable(new string('x', 1000), 10));
}
