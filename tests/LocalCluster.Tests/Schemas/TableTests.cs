using System.Text.Json.Nodes;
using LocalCluster.Api.Schemas;

namespace LocalCluster.Tests.Schemas;

public sealed class TableTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Theory]
    [InlineData(-5, "<invalid>")]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData((2 * 3600) + 59, "120m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((7 * 3600) + 120, "7h2m")]
    [InlineData(47 * 3600, "47h")]
    [InlineData(49 * 3600, "2d1h")]
    [InlineData(10 * 86400, "10d")]
    [InlineData(800L * 86400, "2y70d")]
    [InlineData(3000L * 86400, "8y")]
    public void An_age_is_written_as_kubectl_writes_it(long seconds, string expected) => Assert.Equal(expected, Cells.Age(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("datavolumes", """{ "metadata": { "name": "a", "creationTimestamp": "2026-01-02T02:59:05Z" }, "status": { "phase": "Succeeded", "progress": "100.0%", "restartCount": 2 } }""", """["a","Succeeded","100.0%",2,"5m"]""")]
    [InlineData("datavolumes", """{ "metadata": { "name": "a" } }""", """["a",null,null,null,"<unknown>"]""")]
    [InlineData("taskruns", """{ "metadata": { "name": "a" }, "status": { "conditions": [ { "type": "Other", "status": "False" }, { "type": "Succeeded", "status": "True", "reason": "Completed" } ], "startTime": "2026-01-02T03:04:00Z" } }""", """["a","True","Completed","5s","<unknown>"]""")]
    [InlineData("persistentvolumeclaims", """{ "metadata": { "name": "a" }, "spec": { "volumeName": "v", "storageClassName": "local", "volumeMode": "Block" }, "status": { "phase": "Bound", "accessModes": [ "ReadWriteOnce", "ReadOnlyMany" ], "capacity": { "storage": "10Gi" } } }""", """["a","Bound","v","10Gi","RWO,ROX","local","<unknown>","Block"]""")]
    [InlineData("pods", """{ "metadata": { "name": "a" }, "spec": { "containers": [ {}, {} ] }, "status": { "phase": "Running", "containerStatuses": [ { "ready": true, "restartCount": 1, "state": { "running": {} } }, { "restartCount": 2, "state": { "running": {} } } ] } }""", """["a","1/2","Running","3","<unknown>",null]""")]
    [InlineData("pods", """{ "metadata": { "name": "a" }, "spec": { "containers": [ {} ] }, "status": { "phase": "Failed", "containerStatuses": [ { "state": { "terminated": { "exitCode": 5, "reason": "Error" } } } ] } }""", """["a","0/1","Error","0","<unknown>",null]""")]
    [InlineData("pods", """{ "metadata": { "name": "a", "deletionTimestamp": "2026-01-02T03:04:00Z" }, "status": { "phase": "Running" } }""", """["a","0/0","Terminating","0","<unknown>",null]""")]
    [InlineData("events", """{ "metadata": { "name": "e" }, "involvedObject": { "kind": "DataVolume", "name": "a" }, "type": "Normal", "reason": "R", "message": "M", "lastTimestamp": "2026-01-02T03:00:00Z" }""", """["e","4m5s","Normal","R","datavolume/a",null,"M",null,"e"]""")]
    [InlineData("configmaps", """{ "metadata": { "name": "a" }, "data": { "b": "", "c": "" }, "binaryData": { "d": "" } }""", """["a",3,"<unknown>"]""")]
    [InlineData("storageclasses", """{ "metadata": { "name": "a", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } }, "provisioner": "p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate" }""", """["a (default)","p","Delete","Immediate","false","<unknown>"]""")]
    [InlineData("rolebindings", """{ "metadata": { "name": "a" }, "roleRef": { "kind": "Role", "name": "b" } }""", """["a","Role/b","<unknown>"]""")]
    public void A_row_shows_what_users_of_the_kind_expect(string plural, string json, string cells)
    {
        var table = Tables.Render(ApiResources.All.Single(one => one.Plural == plural), [JsonNode.Parse(json)!.AsObject()], null, "None", Now);
        Assert.Equal(cells, table["rows"]![0]!["cells"]!.ToJsonString().Replace("\\u003C", "<").Replace("\\u003E", ">"));
        Assert.Null(table["rows"]![0]!["object"]);
    }

    [Fact]
    public void A_table_carries_the_object_its_metadata_or_nothing_and_the_metadata_of_the_list()
    {
        var item = JsonNode.Parse("""{ "metadata": { "name": "a", "resourceVersion": "7" }, "data": {} }""")!.AsObject();
        var resource = ApiResources.Find("", "v1", "configmaps")!;
        Assert.Equal("""{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","resourceVersion":"7"}}""", Tables.Render(resource, [item], null, "", Now)["rows"]![0]!["object"]!.ToJsonString());
        Assert.Equal(item.ToJsonString(), Tables.Render(resource, [item], null, "Object", Now)["rows"]![0]!["object"]!.ToJsonString());
        Assert.Equal("""{"resourceVersion":"7"}""", Tables.Render(resource, [item], null, "", Now)["metadata"]!.ToJsonString());
        Assert.Equal("""{"resourceVersion":"9","continue":"x"}""", Tables.Render(resource, [item], new JsonObject { ["resourceVersion"] = "9", ["continue"] = "x" }, "", Now)["metadata"]!.ToJsonString());
    }

    [Fact]
    public void Every_column_of_every_kind_can_be_shown() =>
        Assert.All(ApiResources.All.Where(one => one.Stored), resource => Tables.Render(resource, [[]], null, "None", Now));

    [Fact]
    public void Nothing_is_described_that_does_not_exist()
    {
        Assert.All((string[])["/apis/apps/v1", "/apis/cdi.kubevirt.io/v1", "/openapi/v3/apis/none/v1", "/openapi", "/apis//v1"], path => Assert.Null(SelfDescription.Answer(path)));
        Assert.All((string[])["/api", "/apis", "/api/v1", "/apis/tekton.dev", "/apis/tekton.dev/v1/", "/version", "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1"], path => Assert.NotNull(SelfDescription.Answer(path)));
    }
}
