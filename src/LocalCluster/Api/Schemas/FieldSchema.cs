namespace LocalCluster.Api.Schemas;

/// <summary>What a value may be.</summary>
internal enum FieldType
{
    /// <summary>An object with known fields.</summary>
    Object,

    /// <summary>A list.</summary>
    List,

    /// <summary>An object with free keys.</summary>
    Map,

    /// <summary>Text.</summary>
    Text,

    /// <summary>A whole number.</summary>
    Whole,

    /// <summary>True or false.</summary>
    Truth,

    /// <summary>A time (RFC 3339).</summary>
    Time,

    /// <summary>Bytes in base64.</summary>
    Bytes,

    /// <summary>An amount: <c>10Gi</c>.</summary>
    Quantity,

    /// <summary>A number or a text.</summary>
    WholeOrText,

    /// <summary>Anything.</summary>
    Any,
}

/// <summary>What stands in one place of an object.</summary>
internal sealed record FieldSchema(FieldType Type)
{
    /// <summary>An object's fields.</summary>
    internal IReadOnlyDictionary<string, Field> Fields { get; init; } = new Dictionary<string, Field>();

    /// <summary>What stands in a list or a map.</summary>
    internal FieldSchema? Items { get; init; }

    /// <summary>The allowed texts; none for all.</summary>
    internal IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>What the object is.</summary>
    internal string Description { get; init; } = "";
}

/// <summary>A field of an object.</summary>
/// <param name="Schema">What stands there.</param>
/// <param name="Required">Whether it must be there.</param>
/// <param name="Description">What it is.</param>
internal sealed record Field(FieldSchema Schema, bool Required, string Description);
