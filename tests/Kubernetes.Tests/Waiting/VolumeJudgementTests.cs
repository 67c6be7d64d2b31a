using Kubernetes.Models;
using Kubernetes.Waiting;

namespace Kubernetes.Tests.Waiting;

public sealed class VolumeJudgementTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);
    private static readonly DateTimeOffset Start = new(2026, 8, 20, 10, 0, 0, TimeSpan.Zero);

    public static TheoryData<string> Cases => [.. VolumeState.All.Select(state => state.Case)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_state_of_CDI_is_judged(string name)
    {
        var state = VolumeState.Of(name);

        var first = VolumeJudgement.Of(state.Volume, null, Start, Grace);
        Assert.Equal(state.First, first.Verdict);
        Assert.Equal(state.Fault, first.Trouble?.Kind);

        var soon = VolumeJudgement.Of(state.Volume, first.Seen, Start + Grace - TimeSpan.FromSeconds(1), Grace);
        Assert.Equal(state.First, soon.Verdict);

        var later = VolumeJudgement.Of(state.Volume, soon.Seen, Start + Grace, Grace);
        Assert.Equal(state.Later, later.Verdict);
        Assert.Equal(state.First == VolumeVerdict.Wait && state.Later == VolumeVerdict.Fail ? Start + Grace : null, first.ReportAt);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_failure_says_cause_and_next_step_in_one_line(string name)
    {
        if (VolumeTrouble.Of(VolumeState.Of(name).Volume) is not { } trouble)
        {
            return;
        }

        foreach (var text in (string[])[trouble.Cause, trouble.Next])
        {
            Assert.InRange(text.Length, 10, 600);
            Assert.DoesNotContain(text, char.IsControl);
        }
    }

    [Fact]
    public void What_passes_within_the_grace_begins_anew_when_it_comes_again()
    {
        var error = VolumeState.Of("clone error, tried again with pauses").Volume;
        var fine = VolumeState.Of("CloneScheduled").Volume;
        SeenTrouble? seen = null;
        for (var round = 0; round < 10; round++)
        {
            foreach (var volume in (DataVolume[])[error, fine])
            {
                var judgement = VolumeJudgement.Of(volume, seen, Start + (round * Grace) + (volume == fine ? Grace - TimeSpan.FromTicks(1) : default), Grace);
                Assert.Equal(VolumeVerdict.Wait, judgement.Verdict);
                seen = judgement.Seen;
            }
        }
    }

    [Fact]
    public void Another_trouble_has_a_grace_of_its_own()
    {
        var first = VolumeJudgement.Of(VolumeState.Of("ImportScheduled, no node takes the pod").Volume, null, Start, Grace);
        var second = VolumeJudgement.Of(VolumeState.Of("ImportScheduled, the node can't pull the image").Volume, first.Seen, Start + Grace, Grace);
        Assert.Equal(VolumeVerdict.Wait, second.Verdict);
        Assert.Equal(Start + (2 * Grace), second.ReportAt);
    }

    [Fact]
    public void The_presence_of_the_annotation_counts_whatever_its_value()
    {
        var volume = VolumeState.Of("PendingPopulation without immediate binding").Volume;
        volume.Metadata.Annotations = new() { [CdiAnnotations.BindImmediately] = "false" };
        Assert.Equal(VolumeVerdict.Wait, VolumeJudgement.Of(volume, null, Start, Grace).Verdict);
    }

    [Fact]
    public void What_is_being_deleted_is_not_waited_for_unless_it_has_succeeded()
    {
        var moving = VolumeState.Of("ImportInProgress, moving").Volume;
        moving.Metadata.DeletionTimestamp = Start;
        Assert.Equal(VolumeVerdict.Leaving, VolumeJudgement.Of(moving, null, Start, Grace).Verdict);

        var done = VolumeState.Of("Succeeded clone").Volume;
        done.Metadata.DeletionTimestamp = Start;
        Assert.Equal(VolumeVerdict.Complete, VolumeJudgement.Of(done, null, Start, Grace).Verdict);
    }

    [Theory]
    [InlineData("48.12%", 48.12)]
    [InlineData("100.0%", 100.0)]
    [InlineData("0%", 0.0)]
    [InlineData("250%", 100.0)]
    [InlineData("-3%", 0.0)]
    [InlineData("N/A", null)]
    [InlineData("", null)]
    [InlineData("%", null)]
    [InlineData("NaN%", null)]
    [InlineData("1e999%", null)]
    [InlineData("48.12", null)]
    [InlineData(null, null)]
    public void Progress_is_a_percentage_or_unknown(string? text, double? percent) => Assert.Equal(percent, VolumeJudgement.Percent(text));
}
