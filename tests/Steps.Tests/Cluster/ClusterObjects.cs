using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

/// <summary>Objects that tests put into a namespace, as a vendor's import, a user or Tekton would have.</summary>
internal sealed class ClusterObjects(KubeApiServer server, string @namespace)
{
    /// <summary>The status of a DataVolume whose content was not what its checksum says.</summary>
    public const string Failed =
        """{"phase":"Failed","progress":"N/A","conditions":[{"type":"Bound","status":"False","reason":"Pending"},{"type":"Ready","status":"False"},{"type":"Running","status":"False","reason":"ChecksumError","message":"checksum mismatch"}]}""";

    private readonly HttpClient _api = server.Http;

    public string Namespace => @namespace;

    public string Claims => $"/api/v1/namespaces/{@namespace}/persistentvolumeclaims";

    public string Pods => $"/api/v1/namespaces/{@namespace}/pods";

    public string Volumes => $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{@namespace}/datavolumes";

    public string DataSources => $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{@namespace}/datasources";

    public string Snapshots => $"/apis/snapshot.storage.k8s.io/v1/namespaces/{@namespace}/volumesnapshots";

    /// <summary>A Bound claim; its uid.</summary>
    public async Task<string> ClaimAsync(string name, string size = "1Gi", string mode = "Filesystem", string metadata = "")
    {
        var made = await _api.CreateAsync(Claims, $$$"""
            {"metadata":{"name":"{{{name}}}","finalizers":["kubernetes.io/pvc-protection"]{{{metadata}}}},
             "spec":{"accessModes":["ReadWriteOnce"],"volumeMode":"{{{mode}}}","storageClassName":"standard","resources":{"requests":{"storage":"{{{size}}}"} } } }
            """);
        await HandCdi.BindAsync(_api, $"{Claims}/{name}", size);
        return (string)made["metadata"]!["uid"]!;
    }

    /// <summary>A DataVolume that has Succeeded, with its claim; the DataVolume's uid.</summary>
    public async Task<string> VolumeAsync(string name, string source = """{"blank":{}}""", string metadata = "", string claimMetadata = "")
    {
        var made = await _api.CreateAsync(Volumes, $$$"""
            {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","metadata":{"name":"{{{name}}}"{{{metadata}}}},
             "spec":{"source":{{{source}}},"storage":{"resources":{"requests":{"storage":"1Gi"} } } } }
            """);
        await _api.MergeAsync($"{Volumes}/{name}/status", """{"status":{"phase":"Succeeded","claimName":"NAME","progress":"100.0%"}}""".Replace("NAME", name, StringComparison.Ordinal));
        var uid = (string)made["metadata"]!["uid"]!;
        await ClaimAsync(name, metadata: $$$""","ownerReferences":[{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","name":"{{{name}}}","uid":"{{{uid}}}","controller":true}]{{{claimMetadata}}}""");
        return uid;
    }

    /// <summary>A DataSource that is ready and shows a claim or snapshot.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="source">What it points at: <c>{"pvc":{...}}</c>.</param>
    /// <param name="labels">Its labels.</param>
    public Task DataSourceAsync(string name, string source, string labels = "{}") => _api.CreateAsync(DataSources, $$$"""
        {"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataSource","metadata":{"name":"{{{name}}}","labels":{{{labels}}}},
         "spec":{"source":{{{source}}}},
         "status":{"source":{{{source}}},"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"DataSource is ready to be consumed","lastTransitionTime":"2026-08-20T10:00:00Z"}]}}
        """);

    /// <summary>A snapshot that is ready to use; its uid.</summary>
    public async Task<string> SnapshotAsync(string name, string metadata = "")
    {
        var made = await _api.CreateAsync(Snapshots, $$$"""
            {"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","metadata":{"name":"{{{name}}}"{{{metadata}}}},
             "spec":{"source":{"persistentVolumeClaimName":"gone"} } }
            """);
        await _api.MergeAsync($"{Snapshots}/{name}/status", """{"status":{"readyToUse":true,"restoreSize":"1Gi"}}""");
        return (string)made["metadata"]!["uid"]!;
    }

    /// <summary>A pod that mounts a claim.</summary>
    public async Task PodAsync(string name, string claim, string phase, bool readOnly = false)
    {
        var mount = readOnly ? ""","readOnly":true""" : "";
        await _api.CreateAsync(Pods, $$$"""
            {"metadata":{"name":"{{{name}}}"},"spec":{"containers":[{"name":"main","image":"none","volumeMounts":[{"name":"disk","mountPath":"/disk"{{{mount}}}}]}],
             "volumes":[{"name":"disk","persistentVolumeClaim":{"claimName":"{{{claim}}}"}}]}}
            """);
        await _api.MergeAsync($"{Pods}/{name}/status", $$$"""{"status":{"phase":"{{{phase}}}"}}""");
    }

    /// <summary>The volumes and claims, a line each, without what differs from run to run.</summary>
    public async Task<string> VolumesTextAsync()
    {
        var text = new List<string>();
        foreach (var (kind, path) in ((string, string)[])[("DataVolume", Volumes), ("PersistentVolumeClaim", Claims)])
        {
            foreach (var item in (await _api.ReadAsync(path))["items"]!.AsArray().OrderBy(item => (string?)item!["metadata"]!["name"], StringComparer.Ordinal))
            {
                var meta = item!["metadata"]!;
                var annotations = string.Join(", ", (meta["annotations"]?.AsObject() ?? []).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
                text.Add($"{kind} {meta["name"]} {item["status"]?["phase"]} {(meta["deletionTimestamp"] is null ? "" : "deleting ")}{item["spec"]!["source"]?.ToJsonString()} [{annotations}]");
            }
        }

        return string.Join('\n', text);
    }

    /// <summary>An object's field, for an assertion.</summary>
    public async Task<JsonNode?> FindAsync(string path) => await _api.FindAsync(path);
}
