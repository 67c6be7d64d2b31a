using System.Runtime.InteropServices;

namespace ContainerDisks;

/// <summary>
/// What the disk's maker recommends for the machines that boot from it. KubeVirt's infer-from-volume reads it from
/// labels, which CDI takes from these variables of a container disk's image.
/// </summary>
/// <param name="Instancetype">Name of the default instance type.</param>
/// <param name="InstancetypeKind">Its kind.</param>
/// <param name="Preference">Name of the default preference.</param>
/// <param name="PreferenceKind">Its kind.</param>
public sealed record Hints(string? Instancetype, string? InstancetypeKind, string? Preference, string? PreferenceKind)
{
    private const string Prefix = "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_";

    /// <summary>No hint at all.</summary>
    public static Hints None { get; } = new(null, null, null, null);

    /// <summary>The variables, those that are given, in a fixed order.</summary>
    public IReadOnlyList<string> ToEnvironment() =>
    [
        .. ((string Name, string? Value)[])
        [
            ("INSTANCETYPE", Instancetype), ("INSTANCETYPE_KIND", InstancetypeKind),
            ("PREFERENCE", Preference), ("PREFERENCE_KIND", PreferenceKind),
        ]
        is var all ? all.Where(pair => !string.IsNullOrEmpty(pair.Value)).Select(pair => $"{Prefix}{pair.Name}={pair.Value}") : [],
    ];

    /// <summary>Reads them from an image's variables.</summary>
    public static Hints FromEnvironment(IEnumerable<string>? variables)
    {
        var found = (variables ?? []).Where(text => text.StartsWith(Prefix, StringComparison.Ordinal) && text.Contains('=', StringComparison.Ordinal))
            .GroupBy(text => text[Prefix.Length..text.IndexOf('=', StringComparison.Ordinal)], StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Last()[(group.Last().IndexOf('=', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal);
        return new Hints(
            found.GetValueOrDefault("INSTANCETYPE"), found.GetValueOrDefault("INSTANCETYPE_KIND"),
            found.GetValueOrDefault("PREFERENCE"), found.GetValueOrDefault("PREFERENCE_KIND"));
    }

    /// <summary>This machine's architecture in the names of images (Go's GOARCH).</summary>
    public static string MachineArchitecture => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.Arm64 => "arm64",
        Architecture.S390x => "s390x",
        Architecture.Ppc64le => "ppc64le",
        var other => other.ToString().ToLowerInvariant(),
    };
}
