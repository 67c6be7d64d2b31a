using Lab;

namespace LocalCluster.Tests.Contract;

/// <summary>Where servers differ by their nature; each stands in the table of docs/local-cluster.md under its name.</summary>
internal static class Differences
{
    public const string UnknownFields = "unknown fields";
    public const string BuiltInValidation = "built-in kinds";
    public const string InitialEvents = "initial events";
    public const string ServerSideApply = "server-side apply";

    private static readonly (string Name, string[] Servers)[] Known =
    [
        (UnknownFields, [ContractServer.Local, ContractServer.Kube120]),
        (BuiltInValidation, [ContractServer.Extensions136]),
        (InitialEvents, [ContractServer.Kube120]),
        (ServerSideApply, [ContractServer.Local]),
    ];

    /// <summary>The names that the table must have.</summary>
    public static IEnumerable<string> Names => Known.Select(one => one.Name);

    /// <summary>Whether a server is one that does otherwise than a current cluster.</summary>
    public static bool Has(this ContractServer server, string difference) => Known.Single(one => one.Name == difference).Servers.Contains(server.Name);
}

public sealed class DifferenceTests
{
    [Fact]
    public void Every_difference_stands_in_the_table_and_the_table_has_no_other()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs/local-cluster.md"));
        var rows = lines.SkipWhile(line => line != "## How it differs from Kubernetes").Skip(1).TakeWhile(line => !line.StartsWith("## "))
            .Where(line => line.StartsWith("| ")).Skip(1).Select(line => line.Split('|')[1].Trim());
        Assert.Equal(Differences.Names.Order(), rows.Order());
    }
}
