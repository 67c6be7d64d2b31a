using FsCheck;
using FsCheck.Fluent;

namespace GoldenImages.Tests;

public sealed class VersionTests
{
    private static readonly Gen<(IReadOnlyList<ImageVersion> Versions, int Keep)> Cases =
        from versions in Generators.Versions from keep in Gen.Choose(1, 6) select (versions, keep);

    [Fact]
    public void The_current_one_one_in_use_and_one_of_unknown_state_always_stay() =>
        Cases.Holds(one => Assert.All(
            Retention.Judge(one.Versions, one.Keep, Generators.Now).Where(verdict => verdict.Delete).Select(verdict => verdict.Version),
            version => Assert.True(version is { IsCurrent: false, InUse: null } && version.State != VersionState.Unknown, $"{version}")));

    [Fact]
    public void Every_version_is_judged_once_with_a_reason() =>
        Cases.Holds(one =>
        {
            var verdicts = Retention.Judge(one.Versions, one.Keep, Generators.Now);
            Assert.Equal(one.Versions.Select(version => version.Name).Order(), verdicts.Select(verdict => verdict.Version.Name).Order());
            Assert.All(verdicts, verdict => Assert.NotEmpty(verdict.Reason));
        });

    [Fact]
    public void A_second_judgement_deletes_nothing_more() =>
        Cases.Holds(one =>
        {
            var kept = Retention.Judge(one.Versions, one.Keep, Generators.Now).Where(verdict => !verdict.Delete).Select(verdict => verdict.Version);
            Assert.DoesNotContain(Retention.Judge(kept, one.Keep, Generators.Now), verdict => verdict.Delete);
        });

    [Fact]
    public void To_keep_more_never_deletes_more() =>
        Cases.Holds(one => Assert.Subset(Deleted(one.Versions, one.Keep), Deleted(one.Versions, one.Keep + 1)));

    [Fact]
    public void The_order_in_which_versions_are_listed_decides_nothing() =>
        (from one in Cases from order in Gen.Shuffle(Enumerable.Range(0, one.Versions.Count)) select (one, order)).Holds(both =>
        {
            var shuffled = both.order.Select(i => both.one.Versions[i]).ToList();
            Assert.Equal(
                Retention.Judge(both.one.Versions, both.one.Keep, Generators.Now), Retention.Judge(shuffled, both.one.Keep, Generators.Now));
            Assert.Equal(
                RollbackTarget.Find(both.one.Versions, RollbackTarget.Previous), RollbackTarget.Find(shuffled, RollbackTarget.Previous));
        });

    [Fact]
    public void As_many_complete_versions_stay_as_are_asked_for() =>
        Cases.Holds(one =>
        {
            var usable = one.Versions.Where(version => version.IsCurrent || version is { State: VersionState.Published, Incomplete: null }).ToList();
            var kept = Retention.Judge(usable, one.Keep, Generators.Now).Where(verdict => !verdict.Delete).ToList();
            Assert.InRange(kept.Count, Math.Min(one.Keep, usable.Count), usable.Count);
            Assert.True(kept.Count(verdict => verdict.Version.InUse is null) <= one.Keep || kept.Count <= one.Keep);
        });

    [Fact]
    public void The_newest_published_stay_and_what_a_dead_run_left_goes()
    {
        var versions = new[]
        {
            Published("old", 5), Published("current", 2) with { IsCurrent = true }, Published("newer", 1), Published("older", 9) with { InUse = "read" },
            Published("oldest", 10), new ImageVersion("mine", VersionState.Publishing, Generators.Now.AddHours(-23)),
            new ImageVersion("dead", VersionState.Publishing, Generators.Now.AddHours(-24)),
        };
        Assert.Equal(["dead", "oldest"], Retention.Judge(versions, 3, Generators.Now).Where(verdict => verdict.Delete).Select(verdict => verdict.Version.Name).Order());
        Assert.Equal(["dead", "newer", "old", "oldest"], Retention.Judge(versions, 1, Generators.Now).Where(verdict => verdict.Delete).Select(verdict => verdict.Version.Name).Order());
    }

    [Fact]
    public void To_keep_nothing_is_no_choice() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Retention.Judge([], 0, Generators.Now));

    [Fact]
    public void A_rollback_goes_to_a_published_and_complete_version_that_is_older_than_the_current() =>
        Generators.Versions.Holds(versions =>
        {
            var (target, refusal) = RollbackTarget.Find(versions, RollbackTarget.Previous);
            Assert.NotEqual(target is null, refusal is null);
            var current = versions.SingleOrDefault(version => version.IsCurrent);
            var before = versions.Where(version => version is { State: VersionState.Published, IsCurrent: false, Incomplete: null })
                .Where(version => current is null || Key(version).CompareTo(Key(current)) < 0).ToList();
            Assert.Equal(before.Count == 0 ? null : before.MaxBy(Key)!.Name, target?.Name);
        });

    [Fact]
    public void A_rollback_to_a_name_takes_that_version_or_says_why_not()
    {
        ImageVersion[] versions =
        [
            Published("current", 1) with { IsCurrent = true }, Published("lost", 2) with { Incomplete = "its claim is Lost" },
            Published("good", 3), new("begun", VersionState.Publishing, Generators.Now),
        ];
        Assert.Equal("good", RollbackTarget.Find(versions, "good").Version?.Name);
        Assert.Equal("good", RollbackTarget.Find(versions, "previous").Version?.Name);
        Assert.Equal("current", RollbackTarget.Find(versions, "current").Version?.Name);
        Assert.Contains("its claim is Lost", RollbackTarget.Find(versions, "lost").Refusal, StringComparison.Ordinal);
        Assert.Contains("never published", RollbackTarget.Find(versions, "begun").Refusal, StringComparison.Ordinal);
        Assert.Contains("current, lost, good", RollbackTarget.Find(versions, "other").Refusal, StringComparison.Ordinal);
        Assert.Contains("no other", RollbackTarget.Find([], "other").Refusal, StringComparison.Ordinal);
        Assert.Contains("before the current", RollbackTarget.Find(versions[..1], "previous").Refusal, StringComparison.Ordinal);
        Assert.Contains("none is complete", RollbackTarget.Find(versions[..2], "previous").Refusal, StringComparison.Ordinal);
    }

    private static ImageVersion Published(string name, int hours) =>
        new(name, VersionState.Published, Generators.Now.AddHours(-hours)) { PublishedAt = Generators.Now.AddHours(-hours) };

    private static (DateTimeOffset, string) Key(ImageVersion version) => (version.PublishedAt ?? version.CreatedAt, version.Name);

    private static HashSet<string> Deleted(IReadOnlyList<ImageVersion> versions, int keep) =>
        [.. Retention.Judge(versions, keep, Generators.Now).Where(verdict => verdict.Delete).Select(verdict => verdict.Version.Name)];
}
