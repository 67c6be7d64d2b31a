using System.Text;
using System.Text.Json.Nodes;
using Lab;

namespace Tekton.Tests;

/// <summary>The tables in the READMEs of Tasks and Pipelines are written from the YAML: by this test, with <c>UPDATE_TABLES=true</c>.</summary>
public sealed class ReadmeTests
{
    private const string Begin = "<!-- tables: made from the YAML by 'make docs' -->", End = "<!-- end -->";

    public static TheoryData<string> Files => [.. Catalog.TaskFiles, .. Catalog.PipelineFiles];

    [Theory]
    [MemberData(nameof(Files))]
    public void Its_tables_are_those_of_the_YAML(string path)
    {
        var readme = Path.Combine(Repository.Root, Path.GetDirectoryName(path)!, "README.md");
        var text = File.ReadAllText(readme);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, $"{readme} has no lines '{Begin}' and '{End}'");
        var right = $"{text[..begin]}{Begin}\n{Tables(YamlFile.Read(path).Content)}{text[end..]}";
        if (Environment.GetEnvironmentVariable("UPDATE_TABLES") == "true")
        {
            File.WriteAllText(readme, right);
        }
        else
        {
            Assert.True(text == right, $"the tables of {Path.GetRelativePath(Repository.Root, readme)} are not those of {path}: run 'make docs'");
        }
    }

    [Fact]
    public void A_table_has_what_the_YAML_has()
    {
        var tables = Tables(YamlFile.Parse("x", """
            spec:
              params:
                - {name: "first", description: "What | it is. Required."}
                - {name: "second", default: "7", description: "More. Default: 7."}
              results:
                - {name: "out", description: "Result."}
              workspaces:
                - {name: "input", optional: true, description: "Files."}
            """).Content);
        Assert.Equal("""

            | param | default | what it is |
            |---|---|---|
            | `first` | required | What \| it is. |
            | `second` | `7` | More. |

            | result | what it is |
            |---|---|
            | `out` | Result. |

            | workspace | | what it is |
            |---|---|---|
            | `input` | optional | Files. |


            """, tables);
    }

    private static string Tables(JsonObject content)
    {
        var text = new StringBuilder("\n| param | default | what it is |\n|---|---|---|\n");
        foreach (var param in content.List("spec/params"))
        {
            var fallback = !param.ContainsKey("default") ? "required" : param.Text("default") is { Length: > 0 } value ? $"`{value}`" : "";
            var said = param.Text("description");
            said = said.EndsWith(" Required.", StringComparison.Ordinal) ? said[..^10] : said[..said.LastIndexOf(" Default: ", StringComparison.Ordinal)];
            text.Append($"| `{param.Text("name")}` | {fallback} | {Cell(said)} |\n");
        }

        text.Append("\n| result | what it is |\n|---|---|\n");
        foreach (var result in content.List("spec/results"))
        {
            text.Append($"| `{result.Text("name")}` | {Cell(result.Text("description"))} |\n");
        }

        if (content.List("spec/workspaces") is { Count: > 0 } workspaces)
        {
            text.Append("\n| workspace | | what it is |\n|---|---|---|\n");
            foreach (var workspace in workspaces)
            {
                text.Append($"| `{workspace.Text("name")}` | {((bool?)workspace["optional"] == true ? "optional" : "required")} | {Cell(workspace.Text("description"))} |\n");
            }
        }

        return text.Append('\n').ToString();
    }

    private static string Cell(string text) => text.Trim().Replace("|", "\\|", StringComparison.Ordinal);
}
