using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Steps.Tests.PlanBuild;

/// <summary>Objects as CDI leaves them, without CDI: what a plan reads.</summary>
internal sealed class Images(KubeApiServer server)
{
    private const string Cdi = "/apis/cdi.kubevirt.io/v1beta1/namespaces";
    private const string Snapshots = "/apis/snapshot.storage.k8s.io/v1/namespaces";

    public const string Digest = "sha256:68b44fc891f3d4c1a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f50617";
    public const string NextDigest = "sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";

    /// <summary>A claim; its uid.</summary>
    public async Task<string> ClaimAsync(string space, string name, string phase = "Bound", object? labels = null, object? annotations = null, object? owner = null)
    {
        var made = await server.Http.CreateAsync($"/api/v1/namespaces/{space}/persistentvolumeclaims", Json(new
        {
            apiVersion = "v1",
            kind = "PersistentVolumeClaim",
            metadata = new { name, labels, annotations, ownerReferences = owner is null ? null : new[] { owner } },
            spec = new { accessModes = new[] { "ReadWriteOnce" }, resources = new { requests = new { storage = "1Gi" } } },
            status = new { phase },
        }));
        await server.Http.MergeAsync($"/api/v1/namespaces/{space}/persistentvolumeclaims/{name}/status", Json(new { status = new { phase } }));
        return Uid(made);
    }

    /// <summary>A DataVolume that imported an image, with its claim.</summary>
    public async Task ImportAsync(string space, string name, string url, string? architecture = null, string? cron = null)
    {
        var labels = cron is null ? null : new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = cron };
        var made = await server.Http.CreateAsync($"{Cdi}/{space}/datavolumes", Json(new
        {
            apiVersion = "cdi.kubevirt.io/v1beta1",
            kind = "DataVolume",
            metadata = new { name, labels },
            spec = new
            {
                source = new { registry = new { url, platform = architecture is null ? null : new { architecture } } },
                storage = new { resources = new { requests = new { storage = "1Gi" } } },
            },
        }));
        await server.Http.MergeAsync($"{Cdi}/{space}/datavolumes/{name}/status", Json(new { status = new { phase = "Succeeded", claimName = name, progress = "100.0%" } }));
        await ClaimAsync(space, name, labels: labels, owner: new { apiVersion = "cdi.kubevirt.io/v1beta1", kind = "DataVolume", name, uid = Uid(made), controller = true, blockOwnerDeletion = true });
    }

    /// <summary>A snapshot that is ready, or not.</summary>
    public async Task<string> SnapshotAsync(string space, string name, bool ready = true, object? labels = null, object? annotations = null)
    {
        var made = await server.Http.CreateAsync($"{Snapshots}/{space}/volumesnapshots", Json(new
        {
            apiVersion = "snapshot.storage.k8s.io/v1",
            kind = "VolumeSnapshot",
            metadata = new { name, labels, annotations },
            spec = new { source = new { persistentVolumeClaimName = name } },
        }));
        await server.Http.MergeAsync($"{Snapshots}/{space}/volumesnapshots/{name}/status", Json(new { status = new { readyToUse = ready, error = ready ? null : new { message = "the driver\nis away" } } }));
        return Uid(made);
    }

    /// <summary>A cron that imported into a volume.</summary>
    public Task CronAsync(string space, string name, string volume, string digest, string url = "docker://quay.io/containerdisks/fedora:42") =>
        server.Http.CreateAsync($"{Cdi}/{space}/dataimportcrons", Json(new
        {
            apiVersion = "cdi.kubevirt.io/v1beta1",
            kind = "DataImportCron",
            metadata = new { name },
            spec = new
            {
                schedule = "",
                managedDataSource = "fedora",
                template = new { metadata = new { }, spec = new { source = new { registry = new { url } }, storage = new { resources = new { requests = new { storage = "1Gi" } } } } },
            },
            status = new { currentImports = new[] { new { DataVolumeName = volume, Digest = digest } } },
        }));

    /// <summary>A DataSource. It has no status subresource: status comes with it.</summary>
    public Task DataSourceAsync(
        string space, string name, object source, object? status = null, bool ready = true, object? labels = null, object? annotations = null, string reason = "NotFound", string message = "PVC not found") =>
        server.Http.CreateAsync($"{Cdi}/{space}/datasources", Json(new
        {
            apiVersion = "cdi.kubevirt.io/v1beta1",
            kind = "DataSource",
            metadata = new { name, labels, annotations },
            spec = new { source },
            status = new
            {
                source = ready ? status ?? source : new { },
                conditions = new[] { new { type = "Ready", status = ready ? "True" : "False", reason = ready ? "Ready" : reason, message = ready ? "DataSource is ready to be consumed" : message } },
            },
        }));

    /// <summary>A vendor's DataSource with the claim that a cron imported, as CDI leaves them.</summary>
    public async Task VendorAsync(string space, string name = "fedora", string digest = Digest)
    {
        var volume = $"{name}-{digest.Split(':')[1][..12]}";
        await ImportAsync(space, volume, $"docker://quay.io/containerdisks/fedora@{digest}", cron: $"{name}-cron");
        await DataSourceAsync(space, name, Claim(space, volume), labels: new Dictionary<string, string> { ["cdi.kubevirt.io/dataImportCron"] = $"{name}-cron" });
    }

    /// <summary>What publish-datasource leaves: a volume with what it was made of, and a DataSource that points to it.</summary>
    public async Task PublishAsync(string space, string name, IReadOnlyDictionary<string, string> results, string publishedAt)
    {
        var annotations = new Dictionary<string, string>
        {
            ["goldenimage.io/build-key"] = results["build-key"],
            ["goldenimage.io/build-inputs"] = results["build-inputs"],
            ["goldenimage.io/source-digest"] = results["source-digest"],
        };
        // CDI copied the state to the claim while it was filled; where it was published stands on the DataVolume, and on the DataSource.
        await ClaimAsync(space, $"{name}-20261120-0123abcd", annotations: new Dictionary<string, string>(annotations) { ["goldenimage.io/state"] = "publishing" });
        await DataSourceAsync(
            space, name, Claim(space, $"{name}-20261120-0123abcd"), annotations: new Dictionary<string, string>(annotations) { ["goldenimage.io/published-at"] = publishedAt });
    }

    /// <summary>Changes a DataSource by a merge patch.</summary>
    public Task ChangeDataSourceAsync(string space, string name, object patch) => server.Http.MergeAsync($"{Cdi}/{space}/datasources/{name}", Json(patch));

    /// <summary>Changes a cron by a merge patch.</summary>
    public Task ChangeCronAsync(string space, string name, object patch) => server.Http.MergeAsync($"{Cdi}/{space}/dataimportcrons/{name}", Json(patch));

    /// <summary>Changes a claim by a merge patch.</summary>
    public Task ChangeClaimAsync(string space, string name, object patch) => server.Http.MergeAsync($"/api/v1/namespaces/{space}/persistentvolumeclaims/{name}", Json(patch));

    public static object Claim(string space, string name) => new { pvc = new { @namespace = space, name } };

    public static object Snapshot(string space, string name) => new { snapshot = new { @namespace = space, name } };

    public static object Pointer(string space, string name) => new { dataSource = new { @namespace = space, name } };

    private static string Uid(JsonNode made) => (string)made["metadata"]!["uid"]!;

    private static string Json(object value)
    {
        var node = System.Text.Json.JsonSerializer.SerializeToNode(value)!;
        RemoveNulls(node);
        return node.ToJsonString();
    }

    private static void RemoveNulls(JsonNode node)
    {
        if (node is JsonObject fields)
        {
            foreach (var name in fields.Where(field => field.Value is null).Select(field => field.Key).ToList())
            {
                fields.Remove(name);
            }

            foreach (var field in fields)
            {
                RemoveNulls(field.Value!);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                RemoveNulls(item!);
            }
        }
    }
}
