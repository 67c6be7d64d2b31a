using Kubernetes.Waiting;
using Lab.ApiServers;

namespace Kubernetes.Tests.Waiting;

/// <summary>Volumes that wait for others without an error: that is told after the time of grace instead of at the deadline.</summary>
public sealed class StandstillTests
{
    private static readonly TimeSpan Grace = new VolumeWaitOptions().Grace;

    public static TheoryData<ApiServerKind, string, string> Cases()
    {
        var cases = new TheoryData<ApiServerKind, string, string>();
        foreach (var kind in ApiServerAssets.Kinds)
        {
            cases.Add(kind, "Pending with a claim, its helper claim not provisioned", "in Pending for 30 s: target PVC");
            cases.Add(kind, "ImportScheduled, the container is made", "in ImportScheduled for 30 s: ");
            cases.Add(kind, "CloneScheduled", "in CloneScheduled for 30 s: ");
        }

        return cases;
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task A_volume_that_stands_still_is_told_of_once_with_what_its_events_say(ApiServerKind kind, string state, string words)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of(state));
        await wait.EventAsync("PersistentVolumeClaim", "ProvisioningFailed", "no space left");
        await wait.EventAsync("Pod", "Other", "not to be told");
        await wait.PassAsync(Grace, () => wait.Said("no space") > 0);
        await wait.SaysAsync("Warning ProvisioningFailed on PersistentVolumeClaim: no space");
        await wait.SaysAsync(words);
        wait.Time.Advance(TimeSpan.FromHours(3));
        Assert.False(wait.Result.IsCompleted);
        await wait.FinishAsync();
        Assert.Equal(1, wait.Said("no space"));
        Assert.Equal(0, wait.Said("not to be told"));

        // Watch, the one look at the events, and the claim at the end. The one server can't select events by object.
        Assert.Equal(kind == ApiServerKind.Extensions136 ? 4 : 3, wait.Cluster.Requests.Count);
    }

    [SkippableTheory]
    [MemberData(nameof(DataVolumeWaitTests.Kinds), MemberType = typeof(DataVolumeWaitTests))]
    public async Task A_claim_that_is_never_bound_is_told_of_with_what_its_events_say(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("Succeeded import, the claim is late"), claim: "Pending");
        await wait.EventAsync("PersistentVolumeClaim", "ProvisioningFailed", "no space left");
        await wait.SaysAsync("waiting until it is Bound");
        await wait.PassAsync(Grace, () => wait.Said("no space left") > 0);
        await wait.SaysAsync("its claim is not Bound for 30 s: event");
        Assert.False(wait.Result.IsCompleted);
        await wait.ClaimAsync("Bound");
        Assert.True((await wait.Result).Claim.IsBound);
    }
}
