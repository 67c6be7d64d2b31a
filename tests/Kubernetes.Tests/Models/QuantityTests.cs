using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Kubernetes.Models;
using Lab.ApiServers;

namespace Kubernetes.Tests.Models;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("10Gi", 10737418240, "10Gi")]
    [InlineData("1.5Gi", 1610612736, "1536Mi")]
    [InlineData("0.1Gi", 107374183, "107374182400m")]
    [InlineData("1024Ki", 1048576, "1Mi")]
    [InlineData("1000", 1000, "1k")]
    [InlineData("1e3", 1000, "1e3")]
    [InlineData("12E2", 1200, "1200")]
    [InlineData("500m", 1, "500m")]
    [InlineData("1.0001m", 1, "1000100n")]
    [InlineData("0.0000000001", 1, "1n")]
    [InlineData("-1.5", -2, "-1500m")]
    [InlineData("+5", 5, "5")]
    [InlineData(".5", 1, "500m")]
    [InlineData("5.", 5, "5")]
    [InlineData("0Gi", 0, "0")]
    [InlineData("512Ki", 524288, "512Ki")]
    [InlineData("0.5Ki", 512, "512")]
    [InlineData("100Ei", long.MaxValue, "9223372036854775807")]
    [InlineData("9223372036854775807", long.MaxValue, "9223372036854775807")]
    public void Amounts_are_read_and_written_in_the_canonical_form(string text, long value, string canonical)
    {
        var quantity = Quantity.Parse(text);
        Assert.Equal(value, quantity.Value);
        Assert.Equal(canonical, quantity.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("Gi")]
    [InlineData("1 Gi")]
    [InlineData("1gi")]
    [InlineData("1GiB")]
    [InlineData("1.2.3")]
    [InlineData("--1")]
    [InlineData("1e")]
    [InlineData("1e+")]
    [InlineData("0x10")]
    [InlineData("١")]
    [InlineData("1e99999999")]
    [InlineData(null)]
    public void What_is_no_amount_is_refused(string? text)
    {
        Assert.False(Quantity.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Quantity.Parse(text!));
    }

    [Fact]
    public void Amounts_compare_whatever_their_form()
    {
        Assert.Equal(Quantity.Parse("1Ki"), Quantity.Parse("1024"));
        Assert.True(Quantity.Parse("1Gi") > Quantity.Parse("1G"));
        Assert.True(Quantity.Parse("1m") < Quantity.Parse("1"));
        Assert.Equal("10Gi", Quantity.OfBytes(10L << 30).ToString());
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<long>(bytes =>
            Quantity.OfBytes(bytes).Value == bytes && Quantity.Parse(Quantity.OfBytes(bytes).ToString()).Value == bytes));
    }

    [SkippableFact]
    public async Task What_we_write_is_the_same_amount_to_the_real_API_server()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Kube120), "only a whole kube-apiserver compares quantities");
        using var cluster = await Cluster.OpenAsync(ApiServerKind.Kube120);
        var random = new Random(20260820);
        var suffixes = (string[])["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E6", "e0", "m", "u", "n"];
        var texts = Enumerable.Range(0, 150).Select(_ =>
            $"{random.Next(1, 4000)}{(random.Next(3) == 0 ? $".{random.Next(100000)}" : "")}{suffixes[random.Next(suffixes.Length)]}")
            .Append("100Ei").Append("0.5Gi").Append("1e18").Append("5.").Append(".5").ToArray();

        // A container's limit must not be below its request: asked both ways, the two are equal. One pod for all.
        Assert.Null(await RefusalAsync(texts.Select(text => (text, Quantity.Parse(text).ToString()))));
        Assert.Contains("must be less than or equal to memory limit", await RefusalAsync([("1024.001Ki", "1Mi")]), StringComparison.Ordinal);

        async Task<string?> RefusalAsync(IEnumerable<(string One, string Other)> pairs)
        {
            var containers = pairs.SelectMany(pair => ((string, string)[])[(pair.One, pair.Other), (pair.Other, pair.One)]).Select((pair, number) => (JsonNode)new JsonObject
            {
                ["name"] = $"c{number}",
                ["image"] = "none",
                ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["memory"] = pair.Item1 }, ["limits"] = new JsonObject { ["memory"] = pair.Item2 } },
            });
            var pod = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "all" }, ["spec"] = new JsonObject { ["containers"] = new JsonArray([.. containers]) } };
            return (await Record.ExceptionAsync(() => cluster.Raw.CreateAsync(cluster.Path("pods") + "?dryRun=All", pod.ToJsonString())))?.Message;
        }
    }
}
