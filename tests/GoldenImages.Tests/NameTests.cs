using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Lab;

namespace GoldenImages.Tests;

public sealed partial class NameTests
{
    private static readonly DateTimeOffset Created = new(2026, 11, 21, 23, 30, 0, TimeSpan.FromHours(-2));

    [Fact]
    public void A_version_has_the_days_date_in_UTC_and_a_hash_of_the_uid()
    {
        var name = VersionName.Of("rhel9-corp", Created, "4c1d7f2e-0000-4000-8000-000000000001").ToString();
        Assert.Matches("^rhel9-corp-20261122-[0-9a-f]{8}$", name);
        Assert.Equal(name, VersionName.Of("rhel9-corp", Created.ToUniversalTime(), "4c1d7f2e-0000-4000-8000-000000000001").ToString());
        Assert.NotEqual(name, VersionName.Of("rhel9-corp", Created, "4c1d7f2e-0000-4000-8000-000000000002").ToString());
    }

    [Fact]
    public void A_versions_name_is_an_objects_name_and_a_label_and_is_read_back() =>
        (from name in Generators.ObjectName from uid in Gen.Choose(0, 1000) select (name, uid)).Holds(one =>
        {
            Assert.Matches(ObjectNamePattern(), one.name);
            var version = VersionName.Of(one.name, Created, $"{one.uid}");
            Assert.Matches(ObjectNamePattern(), version.ToString());
            Assert.Null(LabelValue.Mistake(version.ToString()));
            Assert.Equal(version, VersionName.Parse(version.ToString()));
            Assert.True(version.FitsTo(one.name));
            Assert.Null(LabelValue.Mistake(LabelValue.Of(one.name)));
        });

    [Fact]
    public void Versions_of_different_DataSources_have_different_names_and_labels() =>
        (from a in Generators.ObjectName from b in Generators.ObjectName from tail in Gen.Elements("a", "b", "-1") select (a, b: b == a ? a + tail : b)).Holds(pair =>
        {
            Assert.NotEqual(VersionName.Of(pair.a, Created, "u"), VersionName.Of(pair.b, Created, "u"));
            Assert.False(VersionName.Of(pair.a, Created, "u").FitsTo(pair.b));
            Assert.NotEqual(LabelValue.Of(pair.a), LabelValue.Of(pair.b));
        });

    [Theory]
    [InlineData("rhel9")]
    [InlineData("-20261121-0123abcd")]
    [InlineData("rhel9-20261321-0123abcd")]
    [InlineData("rhel9-20261121-0123abcg")]
    [InlineData("rhel9-20261121-0123ABCD")]
    [InlineData("rhel9-20261121_0123abcd")]
    [InlineData("rhel9-68b44fc891f3")]
    public void A_name_of_another_form_is_no_version(string name) => Assert.Null(VersionName.Parse(name));

    [Fact]
    public void Versions_are_ordered_by_day_whatever_their_DataSources_name()
    {
        var names = new[] { "b-20261120-ffffffff", "a-20261121-00000000", "c-20251231-88888888" }.Select(name => VersionName.Parse(name)!);
        Assert.Equal(["c-20251231-88888888", "b-20261120-ffffffff", "a-20261121-00000000"], names.Order(VersionName.ByDay).Select(name => name.ToString()));
    }

    [Fact]
    public void A_moment_is_the_same_after_the_way_through_an_annotation() =>
        (from days in Gen.Choose(-20000, 20000) from ms in Gen.Choose(0, 86_399_999) select DateTimeOffset.UnixEpoch.AddDays(days).AddMilliseconds(ms)).Holds(
            moment => Assert.Equal(moment, Timestamp.Parse(Timestamp.Format(moment))));

    [Theory]
    [InlineData("2026-11-21T17:11:19Z", true)]
    [InlineData("2026-11-21T18:11:19.000000123+01:00", true)]
    [InlineData("2026-11-21 17:11:19Z....", false)]
    [InlineData("yesterday, around noon", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Only_an_RFC_3339_moment_is_one(string? text, bool isMoment) =>
        Assert.Equal(isMoment ? new DateTimeOffset(2026, 11, 21, 17, 11, 19, TimeSpan.Zero).ToUnixTimeSeconds() : null, Timestamp.Parse(text)?.ToUnixTimeSeconds());

    [Fact]
    public void Hints_go_into_labels_and_come_back()
    {
        var hints = new VolumeHints("u1.medium", null, "rhel.9", "VirtualMachinePreference", "amd64");
        Assert.Equal(hints, VolumeHints.FromLabels(hints.ToLabels()));
        Assert.Equal(4, hints.ToLabels().Count);
        Assert.Equal(VolumeHints.None, VolumeHints.FromLabels(null));
        Assert.Equal(VolumeHints.None, VolumeHints.FromLabels(new Dictionary<string, string> { [FieldNames.DefaultPreference] = "" }));
    }

    [Fact]
    public void An_option_wins_over_the_sources_label_and_a_kind_stays_with_its_name()
    {
        var source = new VolumeHints("vendor", "VirtualMachineInstancetype", "fedora", "VirtualMachinePreference", "arm64");
        Assert.Equal(source, VolumeHints.None.Over(source));
        Assert.Equal(source with { Instancetype = "u1.small", InstancetypeKind = null }, new VolumeHints("u1.small").Over(source));
        Assert.Equal(source with { PreferenceKind = "VirtualMachineClusterPreference" }, new VolumeHints(PreferenceKind: "VirtualMachineClusterPreference").Over(source));
        Assert.Equal(source with { Architecture = "amd64" }, new VolumeHints(Architecture: "amd64", Instancetype: "").Over(source));
    }

    [Theory]
    [InlineData("u1.medium", null)]
    [InlineData("", null)]
    [InlineData("U1_medium-2", null)]
    [InlineData("-u1", "a letter or digit first")]
    [InlineData("u1/medium", "letters, digits")]
    [InlineData("ü", "letters, digits")]
    [InlineData("1234567890123456789012345678901234567890123456789012345678901234", "64 characters")]
    public void A_hint_must_be_a_labels_value(string value, string? mistake)
    {
        var mistakes = new VolumeHints(value, PreferenceKind: value).Mistakes();
        Assert.Equal(mistake is null ? [] : [FieldNames.DefaultInstancetype, FieldNames.DefaultPreferenceKind], mistakes.Select(one => one.Label));
        Assert.All(mistakes, one => Assert.Contains(mistake!, one.Cause, StringComparison.Ordinal));
    }

    [Fact]
    public void Our_prefix_is_written_in_two_places_only()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => OwnNamePattern().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.StartsWith("src/GoldenImages/", StringComparison.Ordinal));
        Assert.Equal(["src/ContainerDisks/Annotations.cs"], files);
        var disks = OwnNamePattern().Matches(File.ReadAllText(Path.Combine(Repository.Root, "src/ContainerDisks/Annotations.cs"))).Select(match => match.Value);
        Assert.All(disks, name => Assert.StartsWith($"\"{Names.Prefix}", name, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_name_of_ours_is_a_qualified_name_and_there_is_none_twice()
    {
        var names = typeof(Names).GetFields().Select(field => (string)field.GetValue(null)!).Where(name => name.StartsWith(Names.Prefix, StringComparison.Ordinal) && name != Names.Prefix).ToList();
        Assert.True(names.Count > 10);
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^goldenimage\\.io/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name));
    }

    [GeneratedRegex("\"golden-?image\\.io/?[^\"]*\"")]
    private static partial Regex OwnNamePattern();

    [GeneratedRegex(@"^(?=.{1,253}\z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex ObjectNamePattern();
}
