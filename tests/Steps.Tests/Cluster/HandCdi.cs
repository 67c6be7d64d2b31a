using System.Text.Json.Nodes;
using Lab.ApiServers;

namespace Steps.Tests.Cluster;

/// <summary>
/// Plays CDI, the volume binder and the garbage collector for one namespace, in the shortest way: a DataVolume gets a claim, the claim
/// is Bound, the DataVolume Succeeded; a deleted DataVolume takes its claim with it. For tests of what a step asks, not of what CDI does.
/// </summary>
internal sealed class HandCdi : IAsyncDisposable
{
    private const string Succeeded =
        """{"phase":"Succeeded","progress":"100.0%","conditions":[{"type":"Bound","status":"True"},{"type":"Ready","status":"True"},{"type":"Running","status":"False","reason":"Completed"}]}""";

    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _api;
    private readonly string _volumes;
    private readonly string _claims;
    private readonly string _status;
    private readonly bool _bindsLate;
    private readonly Task _work;

    /// <param name="server">The server.</param>
    /// <param name="namespace">Where it plays.</param>
    /// <param name="status">What a DataVolume's status becomes.</param>
    /// <param name="bindsLate">Whether the claim is Bound only some time after that.</param>
    public HandCdi(KubeApiServer server, string @namespace, string status = Succeeded, bool bindsLate = false)
    {
        _api = server.Http;
        _volumes = $"/apis/cdi.kubevirt.io/v1beta1/namespaces/{@namespace}/datavolumes";
        _claims = $"/api/v1/namespaces/{@namespace}/persistentvolumeclaims";
        (_status, _bindsLate) = (status, bindsLate);
        _work = WorkAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _work;
        _end.Dispose();
    }

    private async Task WorkAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await foreach (var change in _api.WatchAsync(_volumes, _end.Token))
                {
                    await HandleAsync((string)change["type"]!, change["object"]!);
                }
            }
            catch (Exception error) when (error is OperationCanceledException or HttpRequestException or IOException)
            {
                // The end, or a server that was restarted: watched anew.
            }
        }
    }

    private async Task HandleAsync(string type, JsonNode volume)
    {
        var name = (string)volume["metadata"]!["name"]!;
        if (type == "DELETED")
        {
            // No pod names it, which Kubernetes' own controller would find.
            if (await _api.FindAsync($"{_claims}/{name}") is not null)
            {
                await _api.MergeAsync($"{_claims}/{name}", """{"metadata":{"finalizers":null}}""");
            }

            await _api.RemoveAsync($"{_claims}/{name}");
        }
        else if (type == "ADDED" && volume["status"]?["phase"] is null)
        {
            await FillAsync(volume, name);
        }
    }

    private async Task FillAsync(JsonNode volume, string name)
    {
        var storage = volume["spec"]!["storage"]!;
        var size = (string?)storage["resources"]?["requests"]?["storage"] ?? "1Gi";
        if (await _api.FindAsync($"{_claims}/{name}") is null)
        {
            await _api.CreateAsync(_claims, new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = name,
                    ["labels"] = volume["metadata"]!["labels"]?.DeepClone(),
                    ["finalizers"] = new JsonArray("kubernetes.io/pvc-protection"),
                    ["ownerReferences"] = new JsonArray(new JsonObject
                    {
                        ["apiVersion"] = "cdi.kubevirt.io/v1beta1",
                        ["kind"] = "DataVolume",
                        ["name"] = name,
                        ["uid"] = (string)volume["metadata"]!["uid"]!,
                        ["controller"] = true,
                    }),
                },
                ["spec"] = new JsonObject
                {
                    ["accessModes"] = new JsonArray((string?)storage["accessModes"]?[0] ?? "ReadWriteOnce"),
                    ["volumeMode"] = (string?)storage["volumeMode"] ?? "Filesystem",
                    ["storageClassName"] = (string?)storage["storageClassName"] ?? "standard",
                    ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = size } },
                },
            }.ToJsonString());
            if (!_bindsLate)
            {
                await BindAsync(_api, $"{_claims}/{name}", size);
            }
        }

        await _api.MergeAsync($"{_volumes}/{name}/status", $$"""{"status":{{_status}}}""");
        if (_bindsLate)
        {
            // Long enough that whoever waits has looked at the claim, and follows it.
            await Task.Delay(TimeSpan.FromSeconds(1), _end.Token);
            await BindAsync(_api, $"{_claims}/{name}", size);
        }
    }

    /// <summary>What the volume binder does.</summary>
    public static Task BindAsync(HttpClient api, string claim, string size) =>
        api.MergeAsync($"{claim}/status", new JsonObject
        {
            ["status"] = new JsonObject { ["phase"] = "Bound", ["capacity"] = new JsonObject { ["storage"] = size }, ["accessModes"] = new JsonArray("ReadWriteOnce") },
        }.ToJsonString());
}
