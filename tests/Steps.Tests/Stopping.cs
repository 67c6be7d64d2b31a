namespace Steps.Tests;

/// <summary>What every step promises about its end.</summary>
internal static class Stopping
{
    /// <summary>From SIGTERM to the end, with nothing left: a pod's grace period is three times as long.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(10);

    /// <summary>After a kill the helpers see that their parent is gone, each at its own time.</summary>
    public static async Task NoHelperIsLeft(RunningStep step)
    {
        for (var i = 0; i < 100 && step.Helpers().Count > 0; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }

        Assert.Empty(step.Helpers());
    }
}
