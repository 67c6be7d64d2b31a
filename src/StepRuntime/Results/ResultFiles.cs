using System.Text;

namespace StepRuntime.Results;

/// <summary>
/// The files of a step's results: all empty at the start, so that a <c>finally</c> task that names one is never skipped;
/// each real value as soon as it is true; replaced atomically, UTF-8 without a newline, because Tekton trims nothing.
/// </summary>
public sealed class ResultFiles
{
    private readonly IReadOnlyDictionary<string, string> _paths;
    private readonly Dictionary<string, string> _values = [];
    private readonly Lock _lock = new();

    internal ResultFiles(IReadOnlyDictionary<string, string> paths) => _paths = paths;

    /// <summary>The values that were set, in no order.</summary>
    internal IReadOnlyDictionary<string, string> Values => _values;

    /// <summary>Writes a result, in place of an earlier value.</summary>
    /// <exception cref="StepException">Exit code 3 or 4: the file can't be written. Exit code 1: over the budget.</exception>
    public void Set(StepResult result, string value)
    {
        lock (_lock)
        {
            _values[result.Name] = value;
            var total = _values.Where(one => one.Key != ErrorName)
                .Sum(one => ResultBudget.Cost(one.Key, Encoding.UTF8.GetByteCount(one.Value)));
            if (total + ResultBudget.Reserved > ResultBudget.Total)
            {
                throw new StepException(ExitCode.Bug, $"result {result.Name}", $"the results take more than {ResultBudget.Total} bytes", "please report it");
            }

            Write(result.Name, value);
        }
    }

    internal const string ErrorName = "error";

    internal void WriteEmpty(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Write(name, "");
        }
    }

    internal void SetError(string line)
    {
        while (Encoding.UTF8.GetByteCount(line) > ResultBudget.Error)
        {
            line = line[..^(char.IsLowSurrogate(line[^1]) ? 2 : 1)];
        }

        lock (_lock)
        {
            Write(ErrorName, line);
        }
    }

    private void Write(string name, string value)
    {
        if (!_paths.TryGetValue(name, out var path))
        {
            return;
        }

        // In the same folder, because only a rename within one filesystem is atomic.
        var temporary = $"{path}.tmp";
        try
        {
            File.WriteAllText(temporary, value, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            throw SystemFaults.Explain(fault, $"result file {path}");
        }
    }

    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What could not be written can often not be deleted either; the first fault is the one to tell.
        }
    }
}
