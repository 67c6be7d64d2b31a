using System.Xml.Linq;
using Lab;

namespace Architecture.Tests;

/// <summary>References go one way: the table below is the whole of what may be (docs/adr/0001).</summary>
public sealed class ReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["StepRuntime"] = [],
        ["GoldenImages"] = [],
        ["Kubernetes"] = [],
        ["Disks"] = [],
        ["Registry"] = [],
        ["Guests"] = [],
        ["ContainerDisks"] = ["Disks", "Registry"],
        ["LocalCluster"] = ["GoldenImages", "Kubernetes", "ContainerDisks", "Disks", "Registry"],
        ["Steps"] = ["StepRuntime", "GoldenImages", "Kubernetes", "ContainerDisks", "Disks", "Registry", "Guests"],
    };

    public static TheoryData<string> ShippedProjects => [.. ProjectsBelow("src")];

    [Theory]
    [MemberData(nameof(ShippedProjects))]
    public void A_project_refers_only_to_what_it_may(string project)
    {
        var own = Area(project);
        Assert.True(Allowed.ContainsKey(own), $"{project}: '{own}' is not in the layout");
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, project))!;
        var references = XDocument.Load(Path.Combine(Repository.Root, project)).Descendants("ProjectReference")
            .Select(reference => Path.GetRelativePath(Repository.Root, Path.Combine(folder, reference.Attribute("Include")!.Value)));
        foreach (var reference in references)
        {
            Assert.True(Allowed[own].Contains(Area(reference)), $"{project} must not refer to {reference}");
        }
    }

    [Fact]
    public void A_step_is_named_after_its_folder_in_kebab_case()
    {
        foreach (var project in ProjectsBelow("src/Steps"))
        {
            var name = XDocument.Load(Path.Combine(Repository.Root, project)).Descendants("AssemblyName").Single().Value;
            var folder = Path.GetFileName(Path.GetDirectoryName(project)!);
            Assert.Equal(folder.ToUpperInvariant(), name.Replace("-", "", StringComparison.Ordinal).ToUpperInvariant());
            Assert.Equal(name.ToLowerInvariant(), name);
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Tasks.sln")).Replace('\\', '/');
        Assert.All(ProjectsBelow("src").Concat(ProjectsBelow("tests")), project => Assert.Contains($"\"{project}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void Files_hold_one_idea_each()
    {
        var long_ = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories))
            .Select(file => (File: Path.GetRelativePath(Repository.Root, file), Lines: File.ReadLines(file).Count()))
            .Where(file => file.Lines > 450);
        Assert.Empty(long_);
    }

    [Fact]
    public void Packages_have_no_version_of_their_own()
    {
        foreach (var project in ProjectsBelow("src").Concat(ProjectsBelow("tests")))
        {
            var packages = XDocument.Load(Path.Combine(Repository.Root, project)).Descendants("PackageReference");
            Assert.All(packages, package => Assert.Null(package.Attribute("Version")));
        }
    }

    private static string Area(string project) => project.Split('/')[1];

    private static List<string> ProjectsBelow(string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file)).Order(StringComparer.Ordinal)];
}
