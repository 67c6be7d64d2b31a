using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Lab;

namespace Tekton.Tests;

/// <summary>A judge that nobody here wrote: <c>@ibm/tekton-lint</c>, of the version and content that Lint/package-lock.json pins.</summary>
public sealed class LintTests
{
    private static readonly Lazy<string> Program = new(Install);

    [SkippableFact]
    public void Tekton_lint_finds_nothing() => Assert.Equal("", Lint(Repository.Root, [.. Catalog.TaskFiles, .. Catalog.PipelineFiles, .. Catalog.SampleFiles]));

    [SkippableFact]
    public void Tekton_lint_finds_what_is_wrong()
    {
        using var scratch = new Scratch();
        scratch.File("pipeline.yaml", YamlFile.Read(Catalog.PipelineFiles[0]).Text.Replace("runAfter: [\"clone\"]", "runAfter: [\"clones\"]", StringComparison.Ordinal));
        Assert.Contains("clones", Lint(scratch.Folder, ["pipeline.yaml"]), StringComparison.Ordinal);
    }

    private static string Lint(string folder, IEnumerable<string> files)
    {
        var result = Tool.TryWith("sh", ["-c", "cd \"$1\" && shift && exec node \"$@\"", "sh", folder, Program.Value, "--format=json", .. files], null, TimeSpan.FromMinutes(2));
        var findings = JsonNode.Parse(result.Output)?.AsArray() ?? throw new InvalidOperationException(result.All);
        return string.Join('\n', findings.Select(one => $"{one.Text("path")}:{one!["loc"]?["startLine"]} {one.Text("message")} ({one.Text("rule")})"));
    }

    private static string Install()
    {
        Skip.If(Tool.Try("sh", "-c", "command -v node && command -v npm").ExitCode != 0, "node and npm are missing: tekton-lint needs Node.js 18 or later");
        var own = Path.Combine(Repository.Root, "tests", "Tekton.Tests", "Lint");
        var pinned = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(own, "package-lock.json"))))[..8];
        var folder = Path.Combine(Repository.Artifacts, $"tekton-lint-{pinned}");
        var program = Path.Combine(folder, "node_modules", "@ibm", "tekton-lint", "dist", "lint.js");
        if (File.Exists(program))
        {
            return program;
        }

        // Beside its place, then moved: an installation that was broken off is none.
        var part = Directory.CreateDirectory($"{folder}.{Guid.NewGuid():N}").FullName;
        foreach (var file in (string[])["package.json", "package-lock.json"])
        {
            File.Copy(Path.Combine(own, file), Path.Combine(part, file));
        }

        var result = Tool.TryWith("npm", ["ci", $"--prefix={part}", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], null, TimeSpan.FromMinutes(5));
        Skip.If(result.ExitCode != 0, $"npm can't install tekton-lint: {result.All}");
        Directory.Move(part, folder);
        return program;
    }
}
