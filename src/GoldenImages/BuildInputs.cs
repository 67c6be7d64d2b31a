using System.Globalization;

namespace GoldenImages;

/// <summary>
/// The parts of a <see cref="BuildKey"/>, each small enough for an annotation, so that the next plan can say which of them
/// has changed. The source's digest stands in an annotation of its own.
/// </summary>
/// <param name="Customization">16 hexadecimal digits of the digest of commands and files.</param>
/// <param name="Sealing">16 hexadecimal digits of the digest of the sealing operations.</param>
/// <param name="Behaviour">The number of what the guest steps do.</param>
public sealed record BuildInputs(string Customization, string Sealing, int Behaviour)
{
    private const string Form = "1";

    /// <summary>As an annotation: <c>1,&lt;customization&gt;,&lt;sealing&gt;,&lt;behaviour&gt;</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Form},{Customization},{Sealing},{Behaviour}");

    /// <summary>Reads the annotation; null when it is none, or of a version of this program that we do not know.</summary>
    public static BuildInputs? Parse(string? text) =>
        text?.Length <= 100 && text.Split(',') is [Form, { Length: 16 } customization, { Length: 16 } sealing, var behaviour]
        && int.TryParse(behaviour, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new BuildInputs(customization, sealing, number)
            : null;
}
