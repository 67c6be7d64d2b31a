using System.Text.Json.Nodes;
using static LocalCluster.Tests.Contract.ObjectTests;

namespace LocalCluster.Tests.Contract;

/// <summary>Lists, selectors, pages and tables are the same on every server.</summary>
public sealed class ListTests
{
    private const string TableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    public static TheoryData<string> Servers => ContractServer.All;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Selectors_choose(string name)
    {
        var (server, path) = await Volumes(name);
        foreach (var (volume, labels) in (IEnumerable<(string, string)>)[("a", """{ "tier": "gold", "x/y": "1" }"""), ("b", """{ "tier": "silver" }"""), ("c", "{}")])
        {
            var item = Volume(volume);
            item["metadata"]!["labels"] = JsonNode.Parse(labels);
            await server.CreateAsync(path, item);
        }

        foreach (var (selector, expected) in (IEnumerable<(string, string)>)
            [
                ("labelSelector=tier=gold", "a"), ("labelSelector=tier%3D%3Dgold", "a"), ("labelSelector=tier!%3Dgold", "b c"), ("labelSelector=tier", "a b"),
                ("labelSelector=!tier", "c"), ("labelSelector=tier+in+(gold,silver)", "a b"), ("labelSelector=tier+notin+(gold)", "b c"), ("labelSelector=x/y%3D1,tier", "a"),
                ("labelSelector=tier+in+(gold),tier+in+(silver)", ""), ("fieldSelector=metadata.name%3Db", "b"), ("fieldSelector=metadata.name!%3Db", "a c"),
                ("labelSelector=tier&fieldSelector=metadata.name%3Da", "a"),
            ])
        {
            Assert.Equal(expected, string.Join(' ', Names((await server.GetAsync($"{path}?{selector}")).Ok)));
        }

        (await server.GetAsync($"{path}?labelSelector=a+b")).Is(400, "BadRequest");
        (await server.GetAsync($"{path}?fieldSelector=spec.nothing%3Db")).Is(400, "BadRequest");
        (await server.DeleteAsync($"{path}?labelSelector=tier")).Is(200);
        Assert.Equal(["c"], Names((await server.GetAsync(path)).Ok));
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Pages_show_one_moment(string name)
    {
        var (server, path) = await Maps(name);
        foreach (var map in "abcde")
        {
            await server.CreateAsync(path, Map($"{map}"));
        }

        var page = (await server.GetAsync($"{path}?limit=2")).Ok;
        Assert.Equal(["a", "b"], Names(page));
        Assert.Equal(3, (int?)page.Body["metadata"]!["remainingItemCount"]);
        (await server.DeleteAsync($"{path}/d")).Is(200);
        await server.CreateAsync(path, Map("cc"));
        var rest = new List<string>();
        for (var next = Continue(page); next.Length > 0; next = Continue(page))
        {
            var version = page.Version;
            page = (await server.GetAsync($"{path}?limit=2&continue={Uri.EscapeDataString(next)}")).Ok;
            Assert.Equal(version, page.Version);
            rest.AddRange(Names(page));
        }

        Assert.Equal(["c", "d", "e"], rest);
        (await server.GetAsync($"{path}?limit=2&continue=nonsense")).Is(400, "BadRequest");

        static string Continue(Answer page) => (string?)page.Body["metadata"]!["continue"] ?? "";
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_table_is_given_to_whom_asks_for_one(string name)
    {
        var (server, path) = await Volumes(name);
        await server.CreateAsync(path, Volume("v"));
        (await server.PatchAsync($"{path}/v/status", "merge", """{ "status": { "phase": "Succeeded", "progress": "100.0%", "restartCount": 1 } }""")).Is(200);
        var table = (await server.GetAsync(path, TableType)).Ok.Body;
        Assert.Equal(("Table", "meta.k8s.io/v1"), ((string?)table["kind"], (string?)table["apiVersion"]));
        Assert.Equal(
            ["Name string name 0", "Phase string  0", "Progress string  0", "Restarts integer  0", "Age date  0"],
            table["columnDefinitions"]!.AsArray().Select(one => $"{one!["name"]} {one["type"]} {one["format"]} {one["priority"]}"));
        var row = table["rows"]![0]!;
        Assert.StartsWith("""["v","Succeeded","100.0%",1,""", row["cells"]!.ToJsonString());
        Assert.Matches("^[0-9]+s$", (string?)row["cells"]![4]);
        Assert.Equal(("PartialObjectMetadata", "v"), ((string?)row["object"]!["kind"], (string?)row["object"]!["metadata"]!["name"]));
        Assert.NotEmpty((string?)table["metadata"]!["resourceVersion"] ?? "");

        var one = (await server.GetAsync($"{path}/v?includeObject=Object", TableType)).Ok.Body;
        Assert.Equal("DataVolume", (string?)one["rows"]![0]!["object"]!["kind"]);
        Assert.Null((await server.GetAsync($"{path}/v?includeObject=None", TableType)).Ok.Body["rows"]![0]!["object"]);
        (await server.GetAsync($"{path}/none", TableType)).Is(404, "NotFound");
    }

    private static IEnumerable<string> Names(Answer list) => list.Body["items"]!.AsArray().Select(one => (string)one!["metadata"]!["name"]!);
}
