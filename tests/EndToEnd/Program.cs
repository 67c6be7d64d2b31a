using System.Runtime.InteropServices;
using EndToEnd;

using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    return await Flow.Run(FlowInputs.Read(args), Place.Checkout, Console.Out, Console.Error, stop.Token);
}
catch (Exception fault) when (fault is FlowException or IOException or UnauthorizedAccessException)
{
    var known = fault as FlowException ?? StoppableTool.Failed(fault);
    await Console.Error.WriteLineAsync($"golden-image: {known.Message}");
    return known.Code;
}
