using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Kubernetes.Client;
using Kubernetes.Waiting;
using Lab.ApiServers;

namespace Kubernetes.Tests.Waiting;

/// <summary>The waiter against real API servers; the tests write the status that CDI would.</summary>
public sealed class DataVolumeWaitTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    public static TheoryData<ApiServerKind> Kinds => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Every_state_ends_the_wait_with_its_reason_or_goes_on_until_the_claim_is_bound(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind);
        await Task.WhenAll(VolumeState.All.Select((state, number) => PlayAsync(cluster, state, $"img-{number}")));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task What_recovers_within_the_grace_is_never_reported(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("fresh, the controller has not run"));
        for (var round = 0; round < 4; round++)
        {
            await wait.ShowAsync(VolumeState.Of("clone error, tried again with pauses"));
            await wait.SaysAsync("source claim does not exist", round + 1);
            wait.Time.Advance(Grace - TimeSpan.FromSeconds(1));
            await wait.ShowAsync(VolumeState.Of("CloneScheduled"));
            await wait.SaysAsync("that has passed", round + 1);
        }

        Assert.False(wait.Result.IsCompleted);
        await wait.FinishAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_failure_carries_conditions_and_events_of_volume_and_claim(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("ImportScheduled, no node takes the pod"));
        await wait.ClaimAsync("Pending", """{"cdi.kubevirt.io/cloneType":"csi-clone","cdi.kubevirt.io/cloneError":"it \n hurts"}""");
        await wait.EventAsync("DataVolume", "Unschedulable", "0/3 nodes are available: Insufficient memory");
        await wait.EventAsync("PersistentVolumeClaim", "ProvisioningFailed", "no space left");
        await wait.EventAsync("Pod", "Other", "not to be told");
        await wait.SaysAsync("can't be placed");

        var failure = await wait.FailAsync(Grace);
        Assert.Equal(VolumeFault.Unschedulable, failure.Kind);
        Assert.Contains(failure.Details, line => line.Contains("phase ImportScheduled", StringComparison.Ordinal));
        Assert.Contains(failure.Details, line => line == "condition Running False Unschedulable: Importer pod cannot be scheduled");
        Assert.Contains(failure.Details, line => line.Contains("phase Pending, cloneType csi-clone, cloneError it   hurts", StringComparison.Ordinal));
        Assert.Contains(failure.Details, line => line.Contains("Insufficient memory", StringComparison.Ordinal));
        Assert.Contains(failure.Details, line => line.Contains("Warning ProvisioningFailed on PersistentVolumeClaim: no space left", StringComparison.Ordinal));
        Assert.DoesNotContain(failure.Details, line => line.Contains("not to be told", StringComparison.Ordinal) || line.Any(char.IsControl));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_wait_that_is_cancelled_tells_where_the_volume_stood(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("CSICloneInProgress"));
        await wait.ClaimAsync("Pending", """{"cdi.kubevirt.io/clonePhase":"CSIClone","cdi.kubevirt.io/cloneFallbackReason":"NoVolumeSnapshotClass"}""");
        await wait.EventAsync("DataVolume", "CSICloneInProgress", "CSI Volume clone in progress");
        await wait.SaysAsync("CSICloneInProgress");
        await wait.Stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.Result);
        var told = string.Join('\n', wait.LastState!);
        Assert.Contains("phase CSICloneInProgress", told, StringComparison.Ordinal);
        Assert.Contains("condition Running True Populator is running", told, StringComparison.Ordinal);
        Assert.Contains("cloneFallbackReason NoVolumeSnapshotClass, clonePhase CSIClone", told, StringComparison.Ordinal);
        Assert.Contains("CSI Volume clone in progress", told, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Without_the_right_to_read_events_and_claims_the_failure_is_told_all_the_same(ApiServerKind kind)
    {
        var server = await ApiServerFixture.GetAsync(kind);
        using var wait = new Wait(await Cluster.OpenAsync(server, kubeconfig: space => server.KubeconfigFor(space, "clone-source")), "img");
        await wait.Cluster.Raw.CreateAsync($"/apis/rbac.authorization.k8s.io/v1/namespaces/{wait.Cluster.Namespace}/roles", """
            {"metadata":{"name":"waiter"},"rules":[{"apiGroups":["cdi.kubevirt.io"],"resources":["datavolumes"],"verbs":["get","list","watch"]}]}
            """.Trim());
        await wait.Cluster.Raw.CreateAsync($"/apis/rbac.authorization.k8s.io/v1/namespaces/{wait.Cluster.Namespace}/rolebindings", $$$"""
            {"metadata":{"name":"waiter"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"waiter"},
             "subjects":[{"kind":"ServiceAccount","name":"clone-source","namespace":"{{{wait.Cluster.Namespace}}}"}]}
            """.Trim());
        await wait.StartAsync(VolumeState.Of("Failed, the claim is lost"));
        await wait.EventAsync("DataVolume", "ErrClaimLost", "PVC img lost");

        var failure = await Assert.ThrowsAsync<VolumeException>(() => wait.Result);
        Assert.Equal(VolumeFault.Lost, failure.Kind);
        Assert.Contains(failure.Details, line => line.StartsWith("the claim can't be read", StringComparison.Ordinal));
        Assert.Contains(failure.Details, line => line.StartsWith("the events can't be read", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_source_in_use_is_told_as_a_warning(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("CSICloneInProgress"));
        await wait.SaysAsync("CSICloneInProgress");
        await wait.EventAsync("PersistentVolumeClaim", "CloneSourceInUse", "pod a/vm using PersistentVolumeClaim golden");
        await wait.PassAsync(Grace, () => wait.Said("pod a/vm using PersistentVolumeClaim golden") > 0);
        await wait.SaysAsync("pod a/vm using PersistentVolumeClaim golden");
        wait.Time.Advance(TimeSpan.FromHours(3));
        await wait.FinishAsync();

        // Watch, the one look at the events, and the claim at the end, in three hours. The one server can't select events by object.
        Assert.Equal(kind == ApiServerKind.Extensions136 ? 4 : 3, wait.Cluster.Requests.Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task The_end_is_seen_within_200_ms_by_one_watch_and_one_look_at_the_claim(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind);
        // Others may be using the machine: a second and a third series get their chance.
        List<double> seconds = [];
        for (var series = 1; series <= 3 && (series == 1 || seconds[2] >= 0.2); series++)
        {
            seconds = [];
            for (var round = 0; round < 5; round++)
            {
                seconds.Add(await SecondsToTheEndAsync(cluster, $"img-{series}-{round}"));
            }

            seconds.Sort();
        }

        Assert.True(seconds[2] < 0.2, $"seen after {string.Join(", ", seconds.Select(s => $"{s * 1000:0} ms"))}");
    }

    private static async Task<double> SecondsToTheEndAsync(Cluster cluster, string name)
    {
        using var wait = new Wait(cluster, name, ownsCluster: false);
        await wait.StartAsync(VolumeState.Of("CloneScheduled"));
        await wait.ClaimAsync("Bound");
        foreach (var phase in (string[])["CSICloneInProgress", "PrepClaimInProgress", "RebindInProgress"])
        {
            await wait.ShowAsync(VolumeState.Of(phase));
            await wait.SaysAsync(phase);
        }

        cluster.Requests.Clear();
        var clock = Stopwatch.StartNew();
        await wait.ShowAsync(VolumeState.Of("Succeeded clone"));
        var sent = clock.Elapsed;
        var ready = await wait.Result;
        var seen = clock.Elapsed - sent;
        Assert.True(ready.Claim.IsBound);
        Assert.Equal("Succeeded", ready.DataVolume!.Status!.Phase);
        Assert.Equal([$"GET {cluster.Claims(name)}"], cluster.Requests);
        return seen.TotalSeconds;
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_claim_that_is_late_is_watched(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("Succeeded import, the claim is late"), claim: "Pending");
        await wait.SaysAsync("waiting until it is Bound");
        Assert.False(wait.Result.IsCompleted);
        await wait.ClaimAsync("Bound");
        Assert.True((await wait.Result).Claim.IsBound);
        Assert.Equal(2, wait.Cluster.Requests.Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_claim_that_is_lost_or_missing_ends_the_wait(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind);
        using var lost = new Wait(cluster, "lost", ownsCluster: false);
        await lost.StartAsync(VolumeState.Of("Succeeded clone"), claim: "Lost");
        Assert.Equal(VolumeFault.Lost, (await Assert.ThrowsAsync<VolumeException>(() => lost.Result)).Kind);

        using var missing = new Wait(cluster, "missing", ownsCluster: false);
        await missing.StartAsync(VolumeState.Of("Succeeded clone"));
        Assert.Equal(VolumeFault.Deleted, (await Assert.ThrowsAsync<VolumeException>(() => missing.Result)).Kind);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_DataVolume_that_is_deleted_ends_the_wait(ApiServerKind kind)
    {
        using var wait = new Wait(await Cluster.OpenAsync(kind), "img");
        await wait.StartAsync(VolumeState.Of("ImportInProgress, moving"), claim: "Bound");
        await wait.SaysAsync("ImportInProgress");
        await wait.Cluster.Raw.RemoveAsync(wait.Cluster.DataVolumes("img"));
        var failure = await Assert.ThrowsAsync<VolumeException>(() => wait.Result);
        Assert.Equal(VolumeFault.Deleted, failure.Kind);
        Assert.Contains("deleted while it was waited for", failure.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_DataVolume_that_an_old_CDI_removes_after_its_success_is_a_success(ApiServerKind kind)
    {
        using var cluster = await Cluster.OpenAsync(kind);
        using var wait = new Wait(cluster, "img", ownsCluster: false);
        await wait.StartAsync(VolumeState.Of("ImportInProgress, moving"), claim: "Bound", """{"cdi.kubevirt.io/storage.pod.phase":"Succeeded"}""");
        await wait.SaysAsync("ImportInProgress");
        await cluster.Raw.RemoveAsync(cluster.DataVolumes("img"));
        var ready = await wait.Result;
        Assert.Null(ready.DataVolume);
        Assert.True(ready.Claim.IsBound);

        // Also when it is gone before anybody looks.
        ready = await DataVolumeWait.RunAsync(cluster.Client, cluster.Namespace, "img", new VolumeWaitOptions(), CancellationToken.None);
        Assert.Null(ready.DataVolume);

        // A claim that goes with its DataVolume is no success.
        await cluster.Raw.MergeAsync(
            cluster.Claims("img"), """{"metadata":{"ownerReferences":[{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","name":"img","uid":"0"}]}}""");
        var failure = await Assert.ThrowsAsync<VolumeException>(
            () => DataVolumeWait.RunAsync(cluster.Client, cluster.Namespace, "img", new VolumeWaitOptions(), CancellationToken.None));
        Assert.Equal(VolumeFault.Deleted, failure.Kind);
    }

    private static async Task PlayAsync(Cluster cluster, VolumeState state, string name)
    {
        using var wait = new Wait(cluster, name, ownsCluster: false);
        await wait.StartAsync(VolumeState.Of("fresh, the controller has not run") with { BindImmediately = state.BindImmediately });
        await wait.ClaimAsync("Pending");
        await wait.ShowAsync(state);
        switch (state.First, state.Later)
        {
            case (VolumeVerdict.Complete, _):
                await wait.SaysAsync("waiting until it is Bound");
                await wait.ClaimAsync("Bound");
                Assert.True((await wait.Result).Claim.IsBound);
                return;
            case (VolumeVerdict.Wait, VolumeVerdict.Fail):
                await wait.SaysAsync("waiting 30 s for it to pass");
                await wait.PassAsync(Grace, () => wait.Result.IsCompleted);
                break;
            case (VolumeVerdict.Wait, _):
                wait.Time.Advance(TimeSpan.FromHours(1));
                await wait.FinishAsync();
                return;
        }

        var failure = await Assert.ThrowsAsync<VolumeException>(() => wait.Result);
        Assert.Equal(state.Fault, failure.Kind);
        Assert.Equal($"DataVolume {cluster.Namespace}/{name}", failure.Subject);
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }
}
