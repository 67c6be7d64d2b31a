using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Configuration;
using Kubernetes.Models;
using Kubernetes.Waiting;
using Lab.ApiServers;

namespace Kubernetes.Tests.Waiting;

/// <summary>A wait for one DataVolume, with a clock of its own; and the hand that plays CDI.</summary>
internal sealed class Wait(Cluster cluster, string name, bool ownsCluster = true) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly List<string> _said = [];
    private readonly SemaphoreSlim _more = new(0);
    private KubernetesClient? _client;
    private int _events;

    public Cluster Cluster => cluster;

    public ManualTime Time { get; } = new();

    /// <summary>The clock of a test that can't be turned, because faults have to pass.</summary>
    public bool RealTime { get; init; }

    public CancellationTokenSource Stop { get; } = new(Limit * 2);

    public Task<ReadyVolume> Result { get; private set; } = null!;

    public IReadOnlyList<string>? LastState { get; private set; }

    /// <summary>Makes the DataVolume, and begins to wait for it as it was answered.</summary>
    public async Task StartAsync(VolumeState state, string? claim = null, string annotations = "{}")
    {
        var made = state.Json(name);
        var status = made["status"]!.DeepClone();
        made.Remove("status");
        await cluster.Raw.CreateAsync(cluster.DataVolumes(), made.ToJsonString());
        var known = await cluster.Raw.MergeAsync(cluster.DataVolumes(name) + "/status", new JsonObject { ["status"] = status }.ToJsonString());
        if (claim is not null)
        {
            await ClaimAsync(claim, annotations);
        }

        _client = cluster.ClientWith(RealTime ? TimeProvider.System : Time);
        var options = new VolumeWaitOptions
        {
            Log = line =>
            {
                lock (_said)
                {
                    _said.Add(line);
                }

                _more.Release();
            },
            LastState = lines => LastState = lines,
        };
        Result = DataVolumeWait.RunAsync(_client, cluster.Namespace, name, options, Stop.Token, VolumeState.Read(known.AsObject()));
    }

    /// <summary>CDI shows a state.</summary>
    public Task ShowAsync(VolumeState state)
    {
        // A patch merges: what the new state does not have is taken away.
        var status = new JsonObject { ["claimName"] = null, ["phase"] = null, ["progress"] = null, ["restartCount"] = null, ["conditions"] = null };
        foreach (var (field, value) in state.Json(name)["status"]!.AsObject())
        {
            status[field] = value?.DeepClone();
        }

        return cluster.Raw.MergeAsync(cluster.DataVolumes(name) + "/status", new JsonObject { ["status"] = status }.ToJsonString());
    }

    /// <summary>The claim has a phase, and some annotations.</summary>
    public async Task ClaimAsync(string phase, string annotations = "{}")
    {
        if (await cluster.Raw.FindAsync(cluster.Claims(name)) is null)
        {
            await cluster.Raw.CreateAsync(cluster.Claims(), $$$"""
                {"metadata":{"name":"{{{name}}}","annotations":{{{annotations}}} },"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"} } } }
                """.Trim());
        }

        await cluster.Raw.MergeAsync(cluster.Claims(name) + "/status", $$"""{"status":{"phase":"{{phase}}"} }""");
    }

    /// <summary>Something is told of the volume.</summary>
    public Task EventAsync(string kind, string reason, string message) => cluster.Raw.CreateAsync(cluster.Path("events"), $$$"""
        {"metadata":{"name":"{{{name}}}.{{{++_events}}}"},"reason":"{{{reason}}}","message":"{{{message}}}","type":"Warning","count":1,
         "lastTimestamp":"2026-08-20T10:00:0{{{_events}}}Z","involvedObject":{"kind":"{{{kind}}}","namespace":"{{{cluster.Namespace}}}","name":"{{{name}}}"} }
        """.Trim());

    /// <summary>Waits until the log has said something, so many times.</summary>
    public async Task SaysAsync(string text, int times = 1)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (Count() < times)
        {
            if (Result.IsFaulted)
            {
                await Result;
            }

            try
            {
                await _more.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                lock (_said)
                {
                    Assert.Fail($"\"{text}\" was never said, but:\n{string.Join('\n', _said)}");
                }
            }
        }

        int Count() => Said(text);
    }

    /// <summary>How often the log has said something.</summary>
    public int Said(string text)
    {
        lock (_said)
        {
            return _said.Count(line => line.Contains(text, StringComparison.Ordinal));
        }
    }

    /// <summary>Time passes, until something is so.</summary>
    public async Task PassAsync(TimeSpan time, Func<bool> until)
    {
        // A timer may be set a moment after the clock was turned: then it is turned on.
        Time.Advance(time);
        for (var round = 0; round < 100 && !until(); round++)
        {
            await Task.Delay(20);
            Time.Advance(TimeSpan.FromSeconds(round < 10 ? 0 : 1));
        }
    }

    /// <summary>The grace passes, and the wait fails.</summary>
    public async Task<VolumeException> FailAsync(TimeSpan grace)
    {
        await PassAsync(grace, () => Result.IsCompleted);
        return await Assert.ThrowsAsync<VolumeException>(() => Result);
    }

    /// <summary>The volume becomes ready, and the wait ends.</summary>
    public async Task FinishAsync()
    {
        await ClaimAsync("Bound");
        await ShowAsync(VolumeState.Of("Succeeded clone"));
        Assert.True((await Result).Claim.IsBound);
    }

    public void Dispose()
    {
        Stop.Cancel();
        _client?.Dispose();
        Stop.Dispose();
        _more.Dispose();
        if (ownsCluster)
        {
            cluster.Dispose();
        }
    }
}
