using Lab;

namespace Steps.Tests.CustomizeDisk;

/// <summary>
/// customize-disk stopped at any moment: nothing is left running, and the disk is either untouched, or marked and refused,
/// or done.
/// </summary>
[Collection(Launches.Name)]
[Trait("Suite", "Long")]
public sealed class InterruptionTests : IDisposable
{
    private const string InTheLaunch = "starting the appliance", AtTheMark = "the edit begins", InACommand = "running it in the guest";

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public Task SIGTERM_in_a_command_ends_it_in_time_and_the_next_run_refuses_the_disk() => Stop("TERM", InACommand, marked: true);

    [Theory]
    [InlineData("TERM", InTheLaunch, false)]
    [InlineData("TERM", AtTheMark, true)]
    [InlineData("KILL", InTheLaunch, false)]
    [InlineData("KILL", AtTheMark, true)]
    [InlineData("KILL", InACommand, true)]
    public Task At_any_moment_it_leaves_nothing_and_the_next_run_knows(string signal, string moment, bool marked) => Stop(signal, moment, marked);

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("KILL", 137)]
    public async Task While_it_finishes_the_disk_is_marked_or_done(string signal, int killed)
    {
        var disk = new TinyGuest(_scratch).Basics().Build();
        using (var step = Start(disk, "write /customized:yes"))
        {
            await step.Says("write /customized");
            step.Signal(signal);
            var (code, _) = await step.Ended();
            Assert.Contains(code, (int[])[killed, 0]);
            await Stopping.NoHelperIsLeft(step);
        }

        using var again = Start(disk, "write /customized:yes");
        var (next, _) = await again.Ended();
        Assert.True(next is 0 or 5, again.Log);
        Assert.True(next == 0 || again.Error.Contains("interrupted", StringComparison.Ordinal), again.Log);
        Assert.Empty(Directory.GetFileSystemEntries(again.Temporary));
    }

    private async Task Stop(string signal, string moment, bool marked)
    {
        var disk = new TinyGuest(_scratch).Basics().Build();
        using (var step = Start(disk, "touch /started\nrun-command sleep 600"))
        {
            await step.Says(moment);
            step.Signal(signal);
            var (code, took) = await step.Ended();
            Assert.True(code == (signal == "KILL" ? 137 : 143), step.Log);
            await Stopping.NoHelperIsLeft(step);
            if (signal != "KILL")
            {
                Assert.InRange(took, TimeSpan.Zero, Stopping.Limit);
                Assert.Equal(marked, step.Error.Contains("start again from a new clone", StringComparison.Ordinal));
                Assert.Empty(Directory.GetFileSystemEntries(step.Temporary));
            }
        }

        using var again = Start(disk, "touch /done");
        var (next, _) = await again.Ended();
        Assert.True(next == (marked ? 5 : 0), again.Log);
        Assert.Equal(marked, again.Error.Contains("interrupted", StringComparison.Ordinal));
        Assert.Empty(again.Helpers());
        Assert.Empty(Directory.GetFileSystemEntries(again.Temporary)); // also what a killed run left
    }

    private RunningStep Start(string disk, string commands) =>
        new(_scratch, "customize-disk", $"--disk={disk}", $"--commands={commands}", "--accelerator=tcg", "--memory=512Mi");
}
