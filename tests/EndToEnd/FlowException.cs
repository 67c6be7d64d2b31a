namespace EndToEnd;

/// <summary>Why the run ends: one line with object, cause and next step, and an exit code of the steps' table.</summary>
public sealed class FlowException(int code, string line) : Exception(line)
{
    /// <summary>2 bad input, 3 something is missing, 4 no space, 5 the image is not what was pushed, 6 the guest did not prove itself; a step's own code.</summary>
    public int Code { get; } = code;
}
