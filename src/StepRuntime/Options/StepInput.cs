using System.Text;
using StepRuntime.Results;

namespace StepRuntime.Options;

/// <summary>A step's options with their values, and the mistakes found in them.</summary>
public sealed class StepInput
{
    private readonly IReadOnlyDictionary<StepOption, string> _texts;
    private readonly List<string> _mistakes = [];
    private readonly HashSet<StepOption> _mistaken = [];
    private int _plannedResultBytes = ResultBudget.Reserved;

    internal StepInput(IReadOnlyDictionary<StepOption, string> texts) => _texts = texts;

    /// <summary>The mistakes so far.</summary>
    public IReadOnlyList<string> Mistakes => _mistakes;

    /// <summary>Whether the option was given with a value.</summary>
    public bool IsSet(StepOption option) => _texts.TryGetValue(option, out var text) && text.Length > 0;

    /// <summary>An option's value, or its default; the default, too, where the value was already noted as a mistake.</summary>
    public T Get<T>(StepOption<T> option) =>
        option.Parse(IsSet(option) && !_mistaken.Contains(option) ? _texts[option] : option.DefaultText)!;

    /// <summary>Notes a mistake; the step ends with all of them after the whole input was looked at (exit code 2).</summary>
    public void Mistake(string line) => _mistakes.Add(line);

    /// <summary>Notes a mistake of an option, its first only: what follows from a wrong value helps nobody.</summary>
    public void Mistake(StepOption option, string cause)
    {
        if (_mistaken.Add(option))
        {
            Mistake($"--{option.Name}: {cause}");
        }
    }

    /// <summary>
    /// Announces a result whose value the input alone decides, so that one that Tekton would refuse (more than
    /// <see cref="ResultBudget.Total"/> bytes a step) is refused before the work.
    /// </summary>
    public void PlanResult(StepResult result, string value)
    {
        _plannedResultBytes += ResultBudget.Cost(result.Name, Encoding.UTF8.GetByteCount(value));
        if (_plannedResultBytes > ResultBudget.Total)
        {
            Mistake($"result {result.Name}: the results of this input take {_plannedResultBytes} bytes, {ResultBudget.Total} are allowed; shorten what it repeats");
        }
    }

    /// <summary>Throws when there is any mistake.</summary>
    /// <exception cref="StepException">Exit code 2, with every mistake among the details.</exception>
    public void ThrowIfMistaken()
    {
        if (_mistakes.Count == 1)
        {
            throw new StepException(ExitCode.BadInput, "input", _mistakes[0]);
        }

        if (_mistakes.Count > 1)
        {
            throw new StepException(ExitCode.BadInput, "input", $"{_mistakes.Count} mistakes, the first: {_mistakes[0]}") { Details = _mistakes };
        }
    }
}
