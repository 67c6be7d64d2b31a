using System.CommandLine;
using System.CommandLine.Parsing;
using StepRuntime.Results;

namespace StepRuntime.Options;

/// <summary>A step's arguments, read.</summary>
/// <param name="Input">The options' values, with the mistakes found in them.</param>
/// <param name="ResultPaths">The files of the results, by the result's name.</param>
/// <param name="Wish">What the user asks for in place of the work, if anything.</param>
internal sealed record StepCommandLine(StepInput Input, IReadOnlyDictionary<string, string> ResultPaths, Wish Wish)
{
    internal const string ResultPrefix = "result-";

    /// <summary>Reads the arguments; whatever is wrong with them is noted in <see cref="Input"/>, all at once.</summary>
    public static StepCommandLine Parse(IStep step, IReadOnlyList<string> arguments)
    {
        var wish = arguments switch
        {
            ["--contract"] => Wish.Contract,
            ["--help"] or ["-h"] or ["help"] => Wish.Help,
            ["--version"] => Wish.Version,
            _ => Wish.Work,
        };
        StepOption[] declared = [.. step.Options, .. CommonOptions.All];
        string[] results = [.. step.Results.Select(result => result.Name), ResultFiles.ErrorName];
        var texts = new Dictionary<StepOption, string>();
        var paths = new Dictionary<string, string>();
        var input = new StepInput(texts);
        if (wish != Wish.Work)
        {
            return new StepCommandLine(input, paths, wish);
        }

        // ZeroOrMore, so that an empty value and one given twice reach us, who can say it in the user's words.
        var options = declared.ToDictionary(option => option, option => Symbol(option.Name));
        var files = results.ToDictionary(name => name, name => Symbol(ResultPrefix + name));
        var command = new Command(step.Name);
        foreach (var symbol in options.Values.Concat(files.Values))
        {
            command.Options.Add(symbol);
        }

        var parsed = command.Parse(arguments, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        foreach (var unknown in parsed.UnmatchedTokens)
        {
            input.Mistake(Unknown(unknown, [.. declared.Select(option => option.Name), .. results.Select(name => ResultPrefix + name)]));
        }

        foreach (var (option, symbol) in options)
        {
            if (Value(parsed, arguments, symbol, option, input) is { Length: > 0 } text)
            {
                texts[option] = text;
                if (option.Check(text) is { } cause)
                {
                    input.Mistake(option, cause);
                }
            }
            else if (option.IsRequired)
            {
                input.Mistake(option, "it is required");
            }
        }

        foreach (var (name, symbol) in files)
        {
            if (Value(parsed, arguments, symbol, null, input) is { Length: > 0 } path)
            {
                paths[name] = path;
            }
        }

        return new StepCommandLine(input, paths, wish);
    }

    private static Option<string[]> Symbol(string name) => new($"--{name}") { Arity = ArgumentArity.ZeroOrMore };

    /// <summary>
    /// An option's text. <c>--name</c> alone is true for a boolean, and a mistake for every other: never silently unset, or
    /// <c>--check</c> would seal.
    /// </summary>
    private static string? Value(
        ParseResult parsed, IReadOnlyList<string> arguments, Option<string[]> symbol, StepOption? option, StepInput input)
    {
        if (parsed.GetResult(symbol) is not { Implicit: false } given)
        {
            return null;
        }

        if (given.IdentifierTokenCount > 1)
        {
            input.Mistake($"{symbol.Name}: it is given {given.IdentifierTokenCount} times");
        }
        else if (given.Tokens.Count == 0 && arguments.Contains(symbol.Name))
        {
            if (option is StepOption<bool>)
            {
                return "true";
            }

            input.Mistake($"{symbol.Name}: it has no value; write {symbol.Name}=VALUE");
        }

        return given.Tokens.Count > 0 ? given.Tokens[0].Value : null;
    }

    private static string Unknown(string token, IReadOnlyList<string> names)
    {
        var name = token.TrimStart('-').Split('=')[0];
        if (!token.StartsWith("--", StringComparison.Ordinal))
        {
            return $"'{token}': not an option; every option is --name=value";
        }

        var (near, distance) = names.Select(known => (known, Distance(known, name))).MinBy(pair => pair.Item2);
        return distance <= Math.Max(2, name.Length / 3)
            ? $"--{name}: no such option; did you mean --{near}?"
            : $"--{name}: no such option; --help lists them";
    }

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replace, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}

/// <summary>What the arguments ask for.</summary>
internal enum Wish
{
    Work,
    Help,
    Contract,
    Version,
}
