using System.Text.Json.Nodes;
using Kubernetes.Models;
using Kubernetes.Tests.Client;
using Lab.ApiServers;

namespace Kubernetes.Tests.Models;

/// <summary>What our models do not know is not lost by reading an object and writing it back.</summary>
public sealed class UnknownFieldTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_replaced_DataVolume_keeps_every_field(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        await cluster.Raw.CreateAsync(cluster.DataVolumes(), """
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume",
             "metadata":{"name":"img","labels":{"a":"v"},"annotations":{"text":"quote \" back \\ slash / <b> & ' \u2028 😀 ä"},"finalizers":["example.org/hold"],
               "ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"c","uid":"u","blockOwnerDeletion":true}]},
             "spec":{"preallocation":true,"priorityClassName":"high","finalCheckpoint":true,"checkpoints":[{"current":"1","previous":"0"},{"current":"2","previous":"1"}],
               "source":{"vddk":{"backingFile":"[ds] a/b.vmdk","secretRef":"s","thumbprint":"20:6C","url":"https://v","uuid":"52"}},
               "storage":{"resources":{"requests":{"storage":"1Gi"}},"selector":{"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]}}}}
            """.Trim());
        await KeepsAsync(cluster, Kinds.DataVolumes, cluster.DataVolumes("img"), "img");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task A_replaced_claim_and_a_replaced_ConfigMap_keep_every_field(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        await cluster.Raw.CreateAsync(cluster.Claims(), """
            {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"img","annotations":{"n":"12345678901234567890"}},
             "spec":{"accessModes":["ReadWriteOnce"],"volumeMode":"Block","selector":{"matchLabels":{"a":"b"}},"resources":{"requests":{"storage":"1Gi"}}}}
            """.Trim());
        await KeepsAsync(cluster, Kinds.PersistentVolumeClaims, cluster.Claims("img"), "img");

        await cluster.Raw.CreateAsync(cluster.Path("configmaps"), """
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"map"},"data":{"number":"1e999","text":"a\nb\tc \u0001 \u2029 😀"},"binaryData":{"b":"AAECAw=="}}
            """.Trim());
        await KeepsAsync(cluster, Quick.ConfigMaps, cluster.Path("configmaps", "map"), "map");
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Large_and_odd_numbers_stay_as_they_are(ApiServerKind kind)
    {
        // An object whose definition keeps unknown fields: anything may stand in it.
        using var cluster = await Cluster.OpenAsync(kind, Quick.Options);
        var group = $"{cluster.Namespace}.example.org";
        await cluster.Raw.CreateAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", $$"""
            {"metadata":{"name":"oddities.{{group}}"},"spec":{"group":"{{group}}","scope":"Namespaced","names":{"plural":"oddities","singular":"oddity","kind":"Oddity"},
             "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true} } }]} }
            """.Trim());
        var path = cluster.Path("oddities", null, $"/apis/{group}/v1");
        for (var round = 0; round < 200 && await cluster.Raw.FindAsync(path) is null; round++)
        {
            await Task.Delay(50);
        }

        await cluster.Raw.CreateAsync(path, $$"""
            {"apiVersion":"{{group}}/v1","kind":"Oddity","metadata":{"name":"odd"},
             "numbers":{"large":9223372036854775807,"small":-9223372036854775808,"real":0.1,"tiny":5e-324,"huge":1.7976931348623157e308,"zero":-0.0,"exact":123456789012345678},
             "words":["\u0000?","😀","\ud83d\ude00","</script>"],"nothing":{},"none":[],"deep":{{string.Concat(Enumerable.Repeat("[", 30))}}{{string.Concat(Enumerable.Repeat("]", 30))}} }
            """.Trim().Replace("\\u0000", "\\u0001", StringComparison.Ordinal));
        await KeepsAsync(cluster, Kinds.Any(group, "v1", "oddities", "Oddity", true), $"{path}/odd", "odd");
    }

    private static async Task KeepsAsync<T>(Cluster cluster, ResourceKind<T> kind, string path, string name)
        where T : KubernetesObject
    {
        var before = await cluster.Raw.ReadAsync(path);
        await cluster.Client.ChangeAsync(
            kind,
            cluster.Namespace,
            name,
            found =>
            {
                (found.Metadata.Labels ??= [])["touched"] = "yes";
                return true;
            },
            Quick.Limit);
        var after = await cluster.Raw.ReadAsync(path);
        Assert.Equal("yes", (string?)after["metadata"]!["labels"]!["touched"]);
        Assert.NotNull(after["metadata"]!["managedFields"]);
        Assert.Equal(Bare(before), Bare(after));

        // And what one of our lists has is the same as what it has alone.
        var listed = (await cluster.Client.ListAsync(kind, cluster.Namespace, Quick.Limit)).Items.Single(item => item.Metadata.Name == name);
        await cluster.Client.ReplaceAsync(kind, listed, Quick.Limit);
        Assert.Equal(Bare(before), Bare(await cluster.Raw.ReadAsync(path)));
    }

    private static string Bare(JsonNode json)
    {
        var copy = json.DeepClone();
        var meta = copy["metadata"]!.AsObject();
        meta.Remove("resourceVersion");
        meta.Remove("managedFields");
        meta.Remove("generation");
        if (meta["labels"] is JsonObject labels)
        {
            labels.Remove("touched");
            if (labels.Count == 0)
            {
                meta.Remove("labels");
            }
        }

        return copy.ToJsonString();
    }
}
