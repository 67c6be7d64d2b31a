using Lab;

namespace EndToEnd.Tests;

/// <summary>
/// The golden disk of the example: that of the last <c>make golden-image</c> when its inputs were the same, else made now. Cluster and
/// registry of the checkout run until the tests end, and go on running where they ran before.
/// </summary>
public sealed class GoldenDisk : IAsyncLifetime
{
    private bool stop;

    /// <summary>The example's inputs.</summary>
    public static FlowInputs Inputs => FlowInputs.Read(["VENDOR_IMAGE=", "VENDOR_FORMAT=", "CUSTOMIZE=", "OPERATIONS=", "NETWORK="]);

    /// <summary>Summary of the run that made it.</summary>
    public Summary Summary { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        VendorDisk.Ensure();
        stop = Tool.Try(Place.LocalCluster, "status").ExitCode != 0;
        if (Summary.Read(Place.Checkout.SummaryFile) is { } last && last.Key == Inputs.Key() && File.Exists(Place.Checkout.Qcow2))
        {
            Tool.Run(Path.Combine(Repository.Root, "build", "registry"), "up");
            Tool.Run(Place.LocalCluster, "up");
            if (await IsPublishedAsync(last))
            {
                Summary = last;
                return;
            }
        }

        using var said = new StringWriter();
        Assert.True(await Flow.Run(Inputs, Place.Checkout, said, said, CancellationToken.None) == 0, said.ToString());
        Summary = Summary.Read(Place.Checkout.SummaryFile)!;
    }

    public Task DisposeAsync()
    {
        if (stop)
        {
            Tool.Run(Place.LocalCluster, "down");
            Tool.Run(Path.Combine(Repository.Root, "build", "registry"), "down");
        }

        return Task.CompletedTask;
    }

    // Somebody may have begun with an empty cluster, or published something else since.
    private static Task<bool> IsPublishedAsync(Summary last) => Task.FromResult(
        last.Version is { } version
        && Checkout.Kubectl.Try("get", "pvc", "-n", Checkout.Shared, version.Split('/', ' ')[1], "-o", "jsonpath={.metadata.uid}").Output == version.Split(' ')[1]
        && Checkout.Kubectl.Run("get", "datasource", "debian12-corp", "-n", Checkout.Shared, "-o", "jsonpath={.spec.source.pvc.name}") == version.Split('/', ' ')[1]);
}

/// <summary>What uses the golden disk, the checkout's cluster, or runs golden-image: one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class GoldenDiskTests : ICollectionFixture<GoldenDisk>
{
    public const string Name = "golden disk";
}
