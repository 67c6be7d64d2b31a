using FsCheck;
using FsCheck.Fluent;

namespace GoldenImages.Tests;

public sealed class BuildDecisionTests
{
    private const string Digest = "sha256:68b44fc891f3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private static readonly BuildInputs Parts = new("1111111111111111", "2222222222222222", 1);
    private static readonly BuildKey Key = new("sha256:k1", Parts);

    private static CurrentVersion Current => new("corp-20261120-00000000", null, Key.Value, Parts, Digest, Generators.Now.AddDays(-3), Generators.Now.AddDays(-3));

    private static BuildQuestion Question => new(Key, Digest, Generators.Now) { Current = Current };

    [Fact]
    public void Nothing_changed_so_nothing_is_to_be_done() =>
        Decide(Question, BuildCause.Unchanged, "nothing changed since corp-20261120-00000000 was published");

    [Fact]
    public void Nothing_is_published_yet() => Decide(Question with { Current = null }, BuildCause.NothingPublished, "nothing is published yet");

    [Fact]
    public void The_user_forces_it() => Decide(Question with { Force = true }, BuildCause.Forced, "a build is forced");

    [Fact]
    public void The_source_changed() => Decide(
        Question with { Key = Key with { Value = "sha256:k2" }, SourceDigest = "sha256:0000fc891f3abc" },
        BuildCause.InputsChanged, "the source changed (sha256:68b44fc891f3 to sha256:0000fc891f3a)");

    [Fact]
    public void The_customization_changed() => Decide(
        Question with { Key = new("sha256:k2", Parts with { Customization = "3333333333333333" }) }, BuildCause.InputsChanged, "the customization changed");

    [Fact]
    public void Sealing_and_behaviour_changed() => Decide(
        Question with { Key = new("sha256:k2", Parts with { Sealing = "3333333333333333", Behaviour = 2 }) },
        BuildCause.InputsChanged, "the sealing operations changed, and the guest steps do something else now (behaviour 1 to 2)");

    [Fact]
    public void The_key_changed_and_nobody_knows_why() => Decide(
        Question with { Key = Key with { Value = "sha256:k2" }, Current = Current with { Inputs = null } }, BuildCause.InputsChanged, "the inputs changed");

    [Fact]
    public void The_current_volume_is_gone() => Decide(
        Question with { Current = Current with { Unusable = "it is not there" } },
        BuildCause.CurrentUnusable, "the current volume corp-20261120-00000000 cannot be used: it is not there");

    [Fact]
    public void Something_else_made_the_current_volume() => Decide(
        Question with { Current = Current with { BuildKey = null, Inputs = null } },
        BuildCause.NotOurs, "the current volume corp-20261120-00000000 has no build key, so something else made it");

    [Fact]
    public void A_build_that_was_rolled_back_is_not_made_again()
    {
        var back = Question with { Current = Current with { BuildKey = "sha256:k0" }, RolledBackKey = Key.Value };
        Decide(back, BuildCause.RolledBack, "a build of these very inputs was published and rolled back, and corp-20261120-00000000 stays; change an input, or force it");
        Assert.True(BuildDecision.Of(back with { Force = true }).Needed);
        Assert.True(BuildDecision.Of(back with { Key = Key with { Value = "sha256:k3" } }).Needed);
        Assert.True(BuildDecision.Of(back with { Current = null }).Needed);
    }

    [Fact]
    public void None_of_several_that_were_rolled_back_is_made_again()
    {
        var back = Question with { Current = Current with { BuildKey = "sha256:k0" }, RolledBackKey = "sha256:k3,sha256:k1,sha256:k2" };
        Assert.All(["sha256:k1", "sha256:k2", "sha256:k3"], key => Assert.Equal(BuildCause.RolledBack, BuildDecision.Of(back with { Key = Key with { Value = key } }).Cause));
        Assert.All(["sha256:k4", "sha256:k", "", ","], key => Assert.Equal(BuildCause.InputsChanged, BuildDecision.Of(back with { Key = Key with { Value = key } }).Cause));
    }

    [Fact]
    public void What_was_rolled_back_is_made_again_when_the_image_before_it_is_too_old()
    {
        var back = Question with { UsesNetwork = true, Current = Current with { BuildKey = "sha256:k0" }, RolledBackKey = Key.Value };
        Assert.Equal(BuildCause.RolledBack, BuildDecision.Of(back).Cause);
        Decide(
            back with { Current = back.Current with { PublishedAt = Generators.Now.AddDays(-9) } },
            BuildCause.TooOld, "a build of these very inputs was rolled back, but corp-20261120-00000000 is 9d old, and 7d is the default where the network is used");
        Assert.Equal(BuildCause.RolledBack, BuildDecision.Of(back with { UsesNetwork = false, Current = back.Current with { PublishedAt = Generators.Now.AddYears(-9) } }).Cause);
    }

    [Theory]
    [InlineData(false, null, 1000, true)]
    [InlineData(true, null, 6, true)]
    [InlineData(true, null, 8, false)]
    [InlineData(true, 30, 8, true)]
    [InlineData(false, 5, 6, false)]
    [InlineData(false, 5, 4, true)]
    public void Age_counts_where_the_network_is_used_or_the_user_says_so(bool network, int? maxDays, int days, bool young)
    {
        var question = Question with
        {
            UsesNetwork = network,
            MaxAge = maxDays is { } limit ? TimeSpan.FromDays(limit) : null,
            Current = Current with { PublishedAt = Generators.Now.AddDays(-days) },
        };
        Assert.Equal(young ? BuildCause.Unchanged : BuildCause.TooOld, BuildDecision.Of(question).Cause);
    }

    [Fact]
    public void An_old_image_says_how_old_it_may_be() => Decide(
        Question with { UsesNetwork = true, Current = Current with { PublishedAt = Generators.Now.AddDays(-9) } },
        BuildCause.TooOld, "nothing changed, but corp-20261120-00000000 is 9d old, and 7d is the default where the network is used");

    [Fact]
    public void An_annotation_from_the_future_or_of_nonsense_does_not_keep_an_image_for_ever()
    {
        var old = Current with { CreatedAt = Generators.Now.AddDays(-8) };
        foreach (var published in new DateTimeOffset?[] { Generators.Now.AddYears(90), null })
        {
            Assert.Equal(BuildCause.TooOld, BuildDecision.Of(Question with { UsesNetwork = true, Current = old with { PublishedAt = published } }).Cause);
        }

        Assert.Equal(BuildCause.TooOld, BuildDecision.Of(Question with { UsesNetwork = true, Current = old with { PublishedAt = null, CreatedAt = null } }).Cause);
    }

    [Fact]
    public void A_build_that_is_not_needed_always_has_a_usable_volume_and_a_known_key() =>
        (from hasCurrent in Gen.Elements(true, false)
         from unusable in Gen.Elements(null, "gone")
         from key in Gen.Elements(null, "sha256:k1", "sha256:k2")
         from rolledBack in Gen.Elements(null, "sha256:k1", "sha256:k2")
         from network in Gen.Elements(true, false)
         from force in Gen.Elements(true, false)
         from days in Gen.Choose(0, 20)
         select Question with
         {
             Current = hasCurrent ? Current with { Unusable = unusable, BuildKey = key, PublishedAt = Generators.Now.AddDays(-days) } : null,
             RolledBackKey = rolledBack,
             UsesNetwork = network,
             Force = force,
         }).Holds(question =>
         {
             var decision = BuildDecision.Of(question);
             Assert.InRange(decision.Reason.Length, 1, 300);
             if (!decision.Needed)
             {
                 Assert.True(question is { Force: false, Current.Unusable: null });
                 Assert.True(question.Current.BuildKey == question.Key.Value || question.RolledBackKey == question.Key.Value);
             }
         });

    [Fact]
    public void A_current_version_is_read_from_annotations_that_anyone_may_have_edited()
    {
        var read = CurrentVersion.Of("v", null, new Dictionary<string, string>
        {
            [Names.BuildKey] = Key.Value,
            [Names.BuildInputs] = Parts.ToString(),
            [Names.SourceDigest] = Digest,
        }, Generators.Now, "2026-11-18T12:00:00Z");
        Assert.Equal(new CurrentVersion("v", null, Key.Value, Parts, Digest, Generators.Now.AddDays(-3), Generators.Now), read);
        var none = CurrentVersion.Of("v", null, new Dictionary<string, string> { [Names.BuildKey] = "", [Names.BuildInputs] = "?" }, null, "soon");
        Assert.Equal(new CurrentVersion("v", null, null, null, null, null, null), none);
        Assert.Equal(none, CurrentVersion.Of("v", null, null, null));
    }

    private static void Decide(BuildQuestion question, BuildCause cause, string reason) =>
        Assert.Equal((cause, reason, cause is not (BuildCause.Unchanged or BuildCause.RolledBack)), Parts2(BuildDecision.Of(question)));

    private static (BuildCause, string, bool) Parts2(BuildDecision decision) => (decision.Cause, decision.Reason, decision.Needed);
}
