using FsCheck;
using FsCheck.Fluent;

namespace GoldenImages.Tests;

/// <summary>Values for properties, drawn from few enough that coincidences happen.</summary>
static class Generators
{
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Texts of which many pairs are the same when they are put together.</summary>
    public static Gen<string> Crumb { get; } =
        from length in Gen.Choose(0, 3)
        from letters in Gen.ArrayOf(Gen.Elements('a', 'b', '\0', ',', '\ud800', '\udc00', '1'), length)
        select new string(letters);

    /// <summary>Names of objects (RFC 1123 subdomains), short and long.</summary>
    public static Gen<string> ObjectName { get; } =
        from length in Gen.OneOf(Gen.Choose(0, 8), Gen.Choose(35, 60), Gen.Choose(200, 251))
        from middle in Gen.ArrayOf(Gen.Elements('a', 'b', '0', '7', '-', '.'), length)
        from last in Gen.Elements('a', '1')
        let text = $"x{new string(middle)}{last}"
        select text.Replace("..", "a.").Replace("-.", "a.").Replace(".-", ".a").Replace("..", "a.");

    public static Gen<IReadOnlyList<ImageVersion>> Versions { get; } =
        from count in Gen.Choose(0, 9)
        from current in Gen.Choose(-1, 8)
        from versions in Gen.ArrayOf(Version, count)
        select (IReadOnlyList<ImageVersion>)[.. versions.Select((version, i) => version with { Name = $"v{i}", IsCurrent = i == current })];

    private static Gen<ImageVersion> Version =>
        from state in Gen.Elements(VersionState.Published, VersionState.Published, VersionState.Publishing, VersionState.Unknown)
        from createdHours in Gen.Choose(-5, 60)
        from publishedHours in Gen.Choose(-2, 4)
        from inUse in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
        from incomplete in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
        select new ImageVersion("", state, Now.AddHours(-createdHours))
        {
            PublishedAt = publishedHours < 0 ? null : Now.AddHours(-publishedHours),
            InUse = inUse ? "DataVolume team/vm is cloned from it" : null,
            Incomplete = incomplete ? "it is not Bound" : null,
        };

    /// <summary>Tries a property on random values; a failure names the seed.</summary>
    public static void Holds<T>(this Gen<T> values, Action<T> property, int times = 1000) =>
        Prop.ForAll(Arb.From(values), value => property(value)).Check(Config.QuickThrowOnFailure.WithMaxTest(times));
}
