using System.Text.Json.Nodes;
using LocalCluster.Tekton;

namespace LocalCluster.Tests.Tekton;

public sealed class VariablesTests
{
    [Theory]
    [InlineData("$(params.x)", "one")]
    [InlineData("$(params[\"x\"])", "one")]
    [InlineData("$(params['x'])-$(params.x)", "one-one")]
    [InlineData("$(params[\"a.b\"])", "dotted")]
    [InlineData("$(params.a.b)", "dotted")]
    [InlineData("$(params.list[1])", "l1")]
    [InlineData("$(params.list[2])", "$(params.list[2])")]
    [InlineData("$(params.list)", "$(params.list)")]
    [InlineData("x$(params.list[*])", "x$(params.list[*])")]
    [InlineData("$(params.unknown)", "$(params.unknown)")]
    [InlineData("$(date +%s)", "$(date +%s)")]
    [InlineData("$$(params.x)", "$one")]
    [InlineData("$(params.x", "$(params.x")]
    [InlineData("$()", "$()")]
    [InlineData("$($(params.x))", "$(one)")]
    [InlineData("$(params.nested)", "$(params.x)")]
    public void A_text_has_the_values_of_what_is_known_once(string text, string expected) => Assert.Equal(expected, Known().Apply(text));

    [Fact]
    public void A_list_stands_alone_and_becomes_its_items()
    {
        var made = Known().Apply(JsonNode.Parse("""{"args": ["a", "$(params.list[*])", "$(params.empty[*])", "b$(params.x)"], "whole": "$(params.list[*])", "n": 3}"""));
        Assert.Equal("""{"args":["a","l0","l1","bone"],"whole":["l0","l1"],"n":3}""", made!.ToJsonString());
    }

    [Fact]
    public void What_is_asked_for_and_not_known_is_remembered_and_results_are_told_from_the_rest()
    {
        var values = Known();
        values.Apply("$(params['no.x']) $(params.x) $(tasks.a.results.r[0])");
        Assert.Equal(["params.no.x", "tasks.a.results.r[0]"], values.Missing);
        Assert.Equal(("a", "r"), Variables.ResultOf(values.Missing[1]));
        Assert.Equal(("a", "r.s"), Variables.ResultOf("tasks.a.results.r.s"));
        Assert.Null(Variables.ResultOf("tasks.a.status"));
        Assert.Null(Variables.ResultOf("finally.a.results.r"));
    }

    [Theory]
    [InlineData("1h30m", 5400.0)]
    [InlineData("1.5s", 1.5)]
    [InlineData("500ms", 0.5)]
    [InlineData("0", 0.0)]
    [InlineData("0s", 0.0)]
    [InlineData("90", null)]
    [InlineData("-1s", null)]
    [InlineData("1h 2m", null)]
    [InlineData("1..5s", null)]
    [InlineData("99999999999999999999h", null)]
    public void A_duration_is_read_as_Go_reads_it(string text, double? seconds) => Assert.Equal(seconds, Durations.Parse(text)?.TotalSeconds);

    [Theory]
    [InlineData("60m", "1h0m0s")]
    [InlineData("90s", "1m30s")]
    [InlineData("36h", "36h0m0s")]
    [InlineData("1.5s", "1.5s")]
    public void A_duration_is_printed_as_Go_prints_it(string text, string printed) => Assert.Equal(printed, Durations.Print(Durations.Parse(text)!.Value));

    [Fact]
    public void A_childs_name_is_a_label_and_its_own_however_long_its_parents_is()
    {
        Assert.Equal("run-task", TaskPod.ChildName("run", "-task"));
        var names = new[] { ("a", 70, "-pod"), ("a", 71, "-pod"), ("a", 60, "-pod"), ("a", 60, "-pod-retry1"), ("b", 10, $"-{new string('t', 60)}"), ("b", 10, $"-{new string('t', 61)}") }
            .Select(one => TaskPod.ChildName(string.Concat(Enumerable.Repeat(one.Item1, one.Item2)), one.Item3)).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(names, name => Assert.InRange(name.Length, 30, 63));
    }

    private static Variables Known()
    {
        var values = new Variables();
        values.Set("params.x", "one");
        values.Set("params.a.b", "dotted");
        values.Set("params.nested", "$(params.x)");
        values.Set("params.list", new JsonArray("l0", "l1"));
        values.Set("params.empty", new JsonArray());
        return values;
    }
}
