using System.Text.Json.Nodes;

namespace LocalCluster.Api.Schemas;

/// <summary>A kind that the API server has: its names, where its objects are, and what stands in its table.</summary>
internal sealed record ApiResource
{
    /// <summary>The group; "" for core.</summary>
    internal required string Group { get; init; }

    /// <summary>The version.</summary>
    internal required string Version { get; init; }

    /// <summary>The kind's name.</summary>
    internal required string Kind { get; init; }

    /// <summary>The name in addresses and in RBAC.</summary>
    internal required string Plural { get; init; }

    /// <summary>Names that kubectl takes as well: <c>dv</c>.</summary>
    internal IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Groups of kinds: <c>all</c>.</summary>
    internal IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Whether its objects are in namespaces.</summary>
    internal bool Namespaced { get; init; } = true;

    /// <summary>Whether status is written apart from the rest.</summary>
    internal bool HasStatus { get; init; }

    /// <summary>Whether it is stored; reviews are only answered.</summary>
    internal bool Stored { get; init; } = true;

    /// <summary>The address below another resource where it is answered: <c>serviceaccounts/token</c>; null for its own.</summary>
    internal string? Subresource { get; init; }

    /// <summary>What its names must be.</summary>
    internal NameRule Names { get; init; }

    /// <summary>Its fields.</summary>
    internal FieldSchema Schema { get; init; } = new(FieldType.Object);

    /// <summary>Values by path, put where nothing is said.</summary>
    internal IReadOnlyDictionary<string, JsonNode> Defaults { get; init; } = new Dictionary<string, JsonNode>();

    /// <summary>What kubectl prints behind the name.</summary>
    internal IReadOnlyList<TableColumn> Columns { get; init; } = [];

    /// <summary>Group and version as objects name them.</summary>
    internal string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>As messages name it: <c>datavolumes.cdi.kubevirt.io</c>.</summary>
    internal string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>What a kind's names must be.</summary>
internal enum NameRule
{
    /// <summary>Labels with dots between.</summary>
    Subdomain,

    /// <summary>One label.</summary>
    Label,

    /// <summary>Whatever can stand in an address (RBAC).</summary>
    PathSegment,
}

/// <summary>A column of a kind's table.</summary>
/// <param name="Name">The head.</param>
/// <param name="Type">As OpenAPI names it, or <c>date</c>.</param>
/// <param name="Source">A JSONPath, or a function of <see cref="Cells"/>.</param>
/// <param name="Wide">Whether only <c>-o wide</c> shows it.</param>
internal sealed record TableColumn(string Name, string Type, string Source, bool Wide);
