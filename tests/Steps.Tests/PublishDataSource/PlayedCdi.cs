using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Steps.Tests.PublishDataSource;

/// <summary>
/// What CDI and Kubernetes' controllers do to the objects of a publication, one move at a time, so that a test says when. It
/// shares no code with the product.
/// </summary>
internal sealed class PlayedCdi(HttpClient api, string inNamespace)
{
    private const string Cdi = "/apis/cdi.kubevirt.io/v1beta1/namespaces";
    private const string Conditions = """
        [{"type":"Bound","status":"True","reason":"Bound","message":"PVC Bound","lastTransitionTime":"2026-01-01T00:00:00Z","lastHeartbeatTime":"2026-01-01T00:00:00Z"},
         {"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","lastHeartbeatTime":"2026-01-01T00:00:00Z"},
         {"type":"Running","status":"False","reason":"Completed","message":"Clone Complete","lastTransitionTime":"2026-01-01T00:00:00Z","lastHeartbeatTime":"2026-01-01T00:00:00Z"}]
        """;

    public string DataVolumes => $"{Cdi}/{inNamespace}/datavolumes";

    public string DataSources => $"{Cdi}/{inNamespace}/datasources";

    public string Claims => $"/api/v1/namespaces/{inNamespace}/persistentvolumeclaims";

    /// <summary>Whether claims get the labels of their DataVolume, as CDI does it.</summary>
    public bool CopiesLabels { get; set; } = true;

    /// <summary>Whether claims are Bound only some time after their DataVolume has Succeeded.</summary>
    public bool BindsLate { get; set; }

    /// <summary>Whether the claims of deleted DataVolumes are collected. The garbage collector may take its time.</summary>
    public bool Collects { get; set; } = true;

    /// <summary>A DataVolume that it does not go on with.</summary>
    public string? Stuck { get; set; }

    /// <summary>What the DataVolumes' status becomes in place of Succeeded; null for that.</summary>
    public string? Failure { get; set; }

    /// <summary>Fills a DataVolume: a claim, Bound, and Succeeded.</summary>
    public async Task FillAsync(string name)
    {
        // Both as they were before anything was asked: a test changes them in between, the stuck one first.
        var failure = Failure;
        if (name == Stuck || await api.FindAsync($"{DataVolumes}/{name}") is not { } volume || (string?)volume["status"]?["phase"] is "Succeeded" or "Failed" || volume["metadata"]!["deletionTimestamp"] is not null)
        {
            return;
        }

        if (await api.FindAsync($"{Claims}/{name}") is null)
        {
            await CreateClaimAsync(volume, name);
        }

        if (failure is not null)
        {
            await api.MergeAsync($"{DataVolumes}/{name}/status", $$"""{"status":{{failure}} }""");
            return;
        }

        if (!BindsLate)
        {
            await BindAsync(name);
        }

        await api.MergeAsync($"{DataVolumes}/{name}/status", $$"""{"status":{"phase":"Succeeded","claimName":"{{name}}","progress":"100.0%","conditions":{{Conditions}}} }""");
        if (BindsLate)
        {
            // Long enough that whoever waits has looked at the claim, and follows it.
            await Task.Delay(TimeSpan.FromSeconds(1));
            await BindAsync(name);
        }
    }

    /// <summary>Shows in a DataSource's status what its spec points to.</summary>
    public async Task ShowAsync(string name)
    {
        if (await api.FindAsync($"{DataSources}/{name}") is not { } source)
        {
            return;
        }

        var target = (string?)source["spec"]!["source"]!["pvc"]?["name"];
        var volume = target is null ? null : await api.FindAsync($"{DataVolumes}/{target}");
        var isReady = target is not null && (volume is not null ? (string?)volume["status"]?["phase"] == "Succeeded" : await api.FindAsync($"{Claims}/{target}") is not null);
        var ready = $$"""[{"type":"Ready","status":"{{isReady}}","reason":"{{(isReady ? "Ready" : "NotFound")}}","message":"played","lastTransitionTime":"2026-01-01T00:00:00Z","lastHeartbeatTime":"2026-01-01T00:00:00Z"}]""";
        if ((string?)source["status"]?["source"]?["pvc"]?["name"] == (isReady ? target : null) && source["status"]?["conditions"]?[0]?["status"]?.ToString() == isReady.ToString())
        {
            return;
        }

        var seen = isReady ? source["spec"]!["source"]!.ToJsonString() : """{"pvc":null}""";
        await api.MergeAsync($"{DataSources}/{name}", $$"""{"status":{"source":{{seen}},"conditions":{{ready}}} }""");
    }

    /// <summary>Collects a deleted DataVolume's claim, and what holds it.</summary>
    public async Task CollectAsync(string name)
    {
        if (await api.FindAsync($"{DataVolumes}/{name}") is null && await api.FindAsync($"{Claims}/{name}") is { } claim && claim["metadata"]!["ownerReferences"] is not null)
        {
            await api.RemoveAsync($"{Claims}/{name}");
            await ReleaseAsync(name);
        }
    }

    /// <summary>Deletes a claim with the finalizer that would hold it.</summary>
    public async Task ReleaseAsync(string name)
    {
        if (await api.FindAsync($"{Claims}/{name}") is not null)
        {
            await api.MergeAsync($"{Claims}/{name}", """{"metadata":{"finalizers":null} }""");
        }
    }

    /// <summary>Does all of that whenever something changes, until it is stopped.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(
        FollowAsync(DataVolumes, (type, name) => type == "DELETED" ? (Collects ? CollectAsync(name) : Task.CompletedTask) : FillAsync(name), cancellation),
        FollowAsync(DataSources, (_, name) => ShowAsync(name), cancellation));

    private async Task FollowAsync(string path, Func<string, string, Task> react, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                // Controllers look at everything anew from time to time, and so does this one.
                await foreach (var change in api.WatchAsync($"{path}?timeoutSeconds=5", cancellation))
                {
                    // Without a name it is an error of the watch: it is opened again.
                    if ((string?)change["object"]!["metadata"]?["name"] is not { } name)
                    {
                        break;
                    }

                    await react((string)change["type"]!, name);
                }
            }
            catch (Exception error) when (error is InvalidOperationException or HttpRequestException or IOException or OperationCanceledException)
            {
                // Somebody was quicker, the server too slow, or the test is at its end: all is looked at anew, as a controller would.
            }
        }
    }

    private async Task CreateClaimAsync(JsonNode volume, string name)
    {
        var meta = volume["metadata"]!;
        var claim = JsonNode.Parse($$"""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim",
             "metadata":{"name":"{{name}}","namespace":"{{inNamespace}}",
               "ownerReferences":[{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","name":"{{name}}","uid":"{{meta["uid"]}}","controller":true,"blockOwnerDeletion":true}]},
             "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"} } } }
            """)!;
        if (CopiesLabels)
        {
            claim["metadata"]!["labels"] = meta["labels"]?.DeepClone();
            claim["metadata"]!["annotations"] = meta["annotations"]?.DeepClone();
        }

        await api.CreateAsync(Claims, claim.ToJsonString());
    }

    private async Task BindAsync(string name) => await
        api.MergeAsync($"{Claims}/{name}/status", """{"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"}} }""");
}
