namespace Guests.Tests;

/// <summary>A launch takes a core and a gigabyte: the classes of this collection run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class Launches
{
    public const string Name = "launches";
}
