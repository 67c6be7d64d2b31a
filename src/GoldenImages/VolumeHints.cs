namespace GoldenImages;

/// <summary>
/// What a volume's labels recommend for the machines that boot from it. KubeVirt's <c>inferFromVolume</c> looks for them on
/// the DataVolume, then the DataSource, then the volume.
/// </summary>
/// <param name="Instancetype">Name of the default instance type.</param>
/// <param name="InstancetypeKind">Its kind; null for <c>VirtualMachineClusterInstancetype</c>.</param>
/// <param name="Preference">Name of the default preference.</param>
/// <param name="PreferenceKind">Its kind; null for <c>VirtualMachineClusterPreference</c>.</param>
/// <param name="Architecture">The guest's architecture, in Go's names.</param>
public sealed record VolumeHints(
    string? Instancetype = null, string? InstancetypeKind = null, string? Preference = null, string? PreferenceKind = null, string? Architecture = null)
{
    /// <summary>No hint at all.</summary>
    public static VolumeHints None { get; } = new();

    /// <summary>Reads them from labels; empty values count as absent.</summary>
    public static VolumeHints FromLabels(IReadOnlyDictionary<string, string>? labels) => labels is null
        ? None
        : new(
            Value(labels, FieldNames.DefaultInstancetype),
            Value(labels, FieldNames.DefaultInstancetypeKind),
            Value(labels, FieldNames.DefaultPreference),
            Value(labels, FieldNames.DefaultPreferenceKind),
            Value(labels, FieldNames.Architecture));

    /// <summary>As labels, those that are given, in a fixed order.</summary>
    public IReadOnlyDictionary<string, string> ToLabels() => new OrderedDictionary<string, string>(All()
        .Where(pair => !string.IsNullOrEmpty(pair.Value))
        .Select(pair => KeyValuePair.Create(pair.Label, pair.Value!)), StringComparer.Ordinal);

    /// <summary>
    /// These, and where one is not given, the source's. A kind goes with its name: a new name does not keep the kind of the
    /// one that it replaces.
    /// </summary>
    public VolumeHints Over(VolumeHints source)
    {
        var (instancetype, instancetypeKind) = Over(Instancetype, InstancetypeKind, source.Instancetype, source.InstancetypeKind);
        var (preference, preferenceKind) = Over(Preference, PreferenceKind, source.Preference, source.PreferenceKind);
        return new(instancetype, instancetypeKind, preference, preferenceKind, Given(Architecture) ?? Given(source.Architecture));
    }

    /// <summary>What is wrong with them as labels' values: the label, and what is wrong.</summary>
    public IReadOnlyList<(string Label, string Cause)> Mistakes() =>
    [
        .. All().Select(pair => (pair.Label, Cause: LabelValue.Mistake(pair.Value ?? ""))).Where(pair => pair.Cause is not null).Select(pair => (pair.Label, pair.Cause!)),
    ];

    private IEnumerable<(string Label, string? Value)> All() =>
    [
        (FieldNames.DefaultInstancetype, Instancetype),
        (FieldNames.DefaultInstancetypeKind, InstancetypeKind),
        (FieldNames.DefaultPreference, Preference),
        (FieldNames.DefaultPreferenceKind, PreferenceKind),
        (FieldNames.Architecture, Architecture),
    ];

    private static (string? Name, string? Kind) Over(string? name, string? kind, string? sourceName, string? sourceKind) =>
        Given(name) is { } own ? (own, Given(kind)) : (Given(sourceName), Given(kind) ?? Given(sourceKind));

    private static string? Given(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static string? Value(IReadOnlyDictionary<string, string> labels, string name) => Given(labels.GetValueOrDefault(name));
}
