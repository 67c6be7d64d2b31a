using System.Globalization;

namespace GoldenImages;

/// <summary>
/// The name of a version's volume: <c>&lt;data-source&gt;-&lt;yyyymmdd&gt;-&lt;8 hex&gt;</c>. Day and hash come from the working volume,
/// so publishing that is run again makes the same name.
/// </summary>
/// <remarks>
/// At most 63 characters: a volume may have 253, but then its name fits no label, which CDI and storage drivers make of it.
/// A DataSource's name of more than 45 characters is cut, with a hash in place of its end.
/// </remarks>
/// <param name="Stem">The DataSource's name, or what is left of it.</param>
/// <param name="Day">The day (UTC) on which the working volume was made.</param>
/// <param name="Hash">Eight hexadecimal digits of its uid's hash.</param>
public sealed record VersionName(string Stem, DateOnly Day, string Hash)
{
    private const string DayForm = "yyyyMMdd";
    private const int HashLength = 8, TailLength = 1 + 8 + 1 + HashLength;

    /// <summary>From oldest to newest day. Within a day names say nothing of the order: there the annotation <see cref="Names.PublishedAt"/> does.</summary>
    public static IComparer<VersionName> ByDay { get; } = Comparer<VersionName>.Create((a, b) =>
        a.Day != b.Day ? a.Day.CompareTo(b.Day) : string.CompareOrdinal(a.ToString(), b.ToString()));

    /// <summary>The name for a working volume's publication.</summary>
    /// <param name="dataSource">Name of the DataSource.</param>
    /// <param name="created">The working volume's <c>metadata.creationTimestamp</c>.</param>
    /// <param name="uid">The working volume's <c>metadata.uid</c>.</param>
    public static VersionName Of(string dataSource, DateTimeOffset created, string uid) =>
        new(StemOf(dataSource), DateOnly.FromDateTime(created.UtcDateTime), LabelValue.Hash($"goldenimage.io/version/1\n{uid}"));

    /// <summary>Reads a name back; null when it is not of this form.</summary>
    public static VersionName? Parse(string name)
    {
        if (name.Length <= TailLength || name.Length > LabelValue.Longest || name[^(HashLength + 1)] != '-' || name[^TailLength] != '-')
        {
            return null;
        }

        var hash = name[^HashLength..];
        return hash.All(c => char.IsAsciiDigit(c) || c is >= 'a' and <= 'f')
            && DateOnly.TryParseExact(name.AsSpan(name.Length - TailLength + 1, DayForm.Length), DayForm, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
                ? new VersionName(name[..^TailLength], day, hash)
                : null;
    }

    /// <summary>Whether it can be a version of this DataSource; the label <see cref="Names.DataSource"/> says whether it is.</summary>
    public bool FitsTo(string dataSource) => Stem == StemOf(dataSource);

    /// <inheritdoc/>
    public override string ToString() => $"{Stem}-{Day.ToString(DayForm, CultureInfo.InvariantCulture)}-{Hash}";

    private static string StemOf(string dataSource) => LabelValue.Shorten(dataSource, LabelValue.Longest - TailLength);
}
