using Lab;

namespace EndToEnd.Tests;

/// <summary>
/// The golden disk of the example: that of the last <c>make golden-image</c> when its inputs were the same, else made now.
/// </summary>
public sealed class GoldenDisk : IAsyncLifetime
{
    /// <summary>Summary of the run that made it.</summary>
    public Summary Summary { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        VendorDisk.Ensure();
        var inputs = FlowInputs.Read(["VENDOR_IMAGE=", "VENDOR_FORMAT=", "CUSTOMIZE=", "OPERATIONS=", "NETWORK="]);
        if (Summary.Read(RunFolder.SummaryFile) is { } last && last.Key == inputs.Key() && File.Exists(RunFolder.GoldenQcow2))
        {
            Summary = last;
            return;
        }

        using var said = new StringWriter();
        Assert.True(await Flow.Run(inputs, said, said, CancellationToken.None) == 0, said.ToString());
        Summary = Summary.Read(RunFolder.SummaryFile)!;
    }

    public Task DisposeAsync() => Task.CompletedTask;
}

/// <summary>What uses the golden disk or runs golden-image, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class GoldenDiskTests : ICollectionFixture<GoldenDisk>
{
    public const string Name = "golden disk";
}
