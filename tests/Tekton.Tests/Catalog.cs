using System.Xml.Linq;
using Lab;
using Lab.ApiServers;

namespace Tekton.Tests;

/// <summary>What the repository offers: Tasks, Pipelines, and samples of runs.</summary>
internal static class Catalog
{
    private static readonly Dictionary<string, Lazy<CrdSchema>> Schemas = new[] { "task", "pipeline", "taskrun", "pipelinerun" }
        .ToDictionary(kind => kind, kind => new Lazy<CrdSchema>(() => CrdSchema.Read(Path.Combine(ApiServerAssets.Schemas!, "tekton", $"300-{kind}.yaml"))));

    /// <summary><c>tasks/STEP/STEP.yaml</c>.</summary>
    public static IReadOnlyList<string> TaskFiles { get; } = YamlFile.Find("tasks", @"^tasks/([^/]+)/\1\.yaml$");

    /// <summary><c>pipelines/NAME/NAME.yaml</c>.</summary>
    public static IReadOnlyList<string> PipelineFiles { get; } = YamlFile.Find("pipelines", @"^pipelines/([^/]+)/\1\.yaml$");

    /// <summary>All samples.</summary>
    public static IReadOnlyList<string> SampleFiles { get; } = [.. YamlFile.Find("tasks", @"/samples/[^/]+\.yaml$"), .. YamlFile.Find("pipelines", @"/samples/[^/]+\.yaml$")];

    /// <summary>The Tasks by name.</summary>
    public static IReadOnlyDictionary<string, YamlFile> Tasks { get; } = TaskFiles.Select(YamlFile.Read).ToDictionary(task => task.Stem);

    /// <summary>The Pipelines by name.</summary>
    public static IReadOnlyDictionary<string, YamlFile> Pipelines { get; } = PipelineFiles.Select(YamlFile.Read).ToDictionary(pipeline => pipeline.Stem);

    /// <summary>The product's version.</summary>
    public static string Version { get; } = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").First().Value;

    /// <summary>The schema of a kind; the test is skipped where the definitions are not there.</summary>
    public static CrdSchema Schema(string kind)
    {
        Skip.If(ApiServerAssets.Schemas is null, "the schemas of Tekton are missing: put them into shared/schemas beside the repository");
        return Schemas[kind.ToLowerInvariant()].Value;
    }
}
