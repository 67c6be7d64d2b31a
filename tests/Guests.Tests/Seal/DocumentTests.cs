using Guests.Seal;
using Lab;

namespace Guests.Tests.Seal;

/// <summary>The table of docs/sealing.md is the program's own. UPDATE_DOCS=1 writes it.</summary>
public sealed class DocumentTests
{
    private const string Begin = "<!-- operations: made from the program, see tests/Guests.Tests/Seal/DocumentTests.cs -->\n";
    private const string End = "<!-- end -->";

    [Fact]
    public void Every_operation_is_documented_as_it_is()
    {
        var path = Path.Combine(Repository.Root, "docs", "sealing.md");
        var text = File.ReadAllText(path);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        var expected = text[..begin] + Table() + text[end..];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.Equal(expected, File.ReadAllText(path));
    }

    private static string Table()
    {
        var rows = SealOperations.All.Select(operation =>
            $"| `{operation.Name}` | {operation.Removes} | {When(operation.Times)} | {(operation.IsDefault ? "yes" : "no")} |\n");
        return $"| operation | removes | when | by default |\n|---|---|---|---|\n{string.Concat(rows)}";
    }

    private static string When(SealTimes times) => times switch
    {
        SealTimes.Before => "before",
        SealTimes.After => "after",
        _ => "before, after",
    };
}
