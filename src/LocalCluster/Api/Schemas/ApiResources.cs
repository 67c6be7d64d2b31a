namespace LocalCluster.Api.Schemas;

/// <summary>All kinds of the API server, from the schema files beside this one.</summary>
internal static class ApiResources
{
    private static readonly Dictionary<(string, string, string), ApiResource> ByAddress = SchemaFiles.Load().ToDictionary(one => (one.Group, one.Version, one.Plural));

    /// <summary>Every kind.</summary>
    internal static IReadOnlyList<ApiResource> All { get; } = [.. ByAddress.Values];

    /// <summary>The kind at an address; null where there is none.</summary>
    internal static ApiResource? Find(string group, string version, string plural) => ByAddress.GetValueOrDefault((group, version, plural));
}
