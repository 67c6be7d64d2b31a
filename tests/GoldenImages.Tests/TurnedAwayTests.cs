namespace GoldenImages.Tests;

public class TurnedAwayTests
{
    [Theory]
    [InlineData(null, "a", "a")]
    [InlineData("", "a", "a")]
    [InlineData("a", "b", "a,b")]
    [InlineData("a,b", "a", "b,a")]
    [InlineData("a", null, "a")]
    [InlineData("a", "", "a")]
    [InlineData(",a,,", "b", "a,b")]
    [InlineData(null, null, "")]
    public void What_is_turned_away_from_is_last_and_there_once(string? list, string? item, string expected) => Assert.Equal(expected, TurnedAway.Add(list, item));

    [Fact]
    public void Only_whole_items_count()
    {
        Assert.True(TurnedAway.Has("a-1,a-2", "a-2"));
        Assert.False(TurnedAway.Has("a-1,a-2", "a"));
        Assert.False(TurnedAway.Has("a-1,a-2", "A-1"));
        Assert.False(TurnedAway.Has("a,,b", ""));
        Assert.False(TurnedAway.Has(null, "a"));
    }

    [Fact]
    public void What_is_turned_to_again_goes()
    {
        Assert.Equal("a,c", TurnedAway.Without("a,b,c", "b"));
        Assert.Equal("", TurnedAway.Without(null, "b"));
    }

    [Fact]
    public void It_does_not_grow_for_ever()
    {
        var list = Enumerable.Range(1, 1000).Aggregate("", (known, number) => TurnedAway.Add(known, $"sha256:{number}"));
        Assert.Equal(TurnedAway.Most, list.Split(',').Length);
        Assert.True(TurnedAway.Has(list, "sha256:1000"));
        Assert.False(TurnedAway.Has(list, "sha256:1"));
    }
}
