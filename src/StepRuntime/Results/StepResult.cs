namespace StepRuntime.Results;

/// <summary>A declared result of a step; its file is named by <c>--result-NAME=PATH</c>.</summary>
/// <param name="Name">As the Task declares it (<c>IMAGE_DIGEST</c>, <c>freed-bytes</c>).</param>
/// <param name="Description">What it holds, for users.</param>
public sealed record StepResult(string Name, string Description);

/// <summary>
/// How much a step's results may take: a container's termination message holds all of them in 4096 bytes of JSON, shared
/// with the entries of the entrypoint (Tekton, docs/tasks.md, "Emitting results").
/// </summary>
public static class ResultBudget
{
    /// <summary>Bytes for all results of a step together.</summary>
    public const int Total = 2048;

    /// <summary>Bytes that the result <c>error</c> may have.</summary>
    public const int Error = 512;

    /// <summary>Bytes that are always kept for <c>error</c>.</summary>
    public static int Reserved => Cost("error", Error);

    /// <summary>What a result takes of the message: name, value, and the JSON around them.</summary>
    public static int Cost(string name, int valueBytes) => name.Length + valueBytes + 35;
}
