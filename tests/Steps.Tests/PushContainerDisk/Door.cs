using Lab;

namespace Steps.Tests.PushContainerDisk;

/// <summary>Stands before a registry and tells when a push is at a certain request; it may hold that request there.</summary>
internal sealed class Door : IDisposable
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FaultProxy _proxy;
    private int _seen;

    /// <param name="registry">The real one.</param>
    /// <param name="method">Which requests count.</param>
    /// <param name="count">At which of them, from 1.</param>
    /// <param name="hold">Whether the request is kept at the door.</param>
    /// <param name="passed">Whether it is told only after the registry has done what was asked.</param>
    internal Door(DockerRegistry registry, string method, int count, bool hold, bool passed = false)
    {
        _proxy = FaultProxy.Start(registry.Host, async context =>
        {
            if (context.Request.Method != method || Interlocked.Increment(ref _seen) != count)
            {
                return false;
            }

            if (passed)
            {
                // The registry gets it; the answer waits.
                context.Response.OnStarting(async () =>
                {
                    _reached.TrySetResult();
                    await _open.Task;
                });
                return false;
            }

            _reached.TrySetResult();
            if (hold)
            {
                await _open.Task;
            }

            return hold;
        });
    }

    internal string Host => _proxy.Host;

    internal Task Reached => _reached.Task;

    internal void Open() => _open.TrySetResult();

    public void Dispose()
    {
        Open();
        _proxy.Dispose();
    }
}
