namespace Tekton.Tests;

/// <summary>Each Task against what its executable says of itself (<c>--contract</c>).</summary>
public sealed class ContractTests
{
    public static TheoryData<string> Tasks => [.. Catalog.Tasks.Keys];

    [Theory]
    [MemberData(nameof(Tasks))]
    public void A_task_has_the_params_and_results_of_its_step(string name) =>
        Assert.Equal("", string.Join('\n', ContractCheck.Mistakes(Catalog.Tasks[name].Content, ContractCheck.Of(name))));

    [Theory]
    [InlineData("$(params.seal)", "true", "15: the step does not take --seal=true")]
    [InlineData("        - \"--seal=$(params.seal)\"\n", "", "15: --seal is not given")]
    [InlineData("        - \"--seal=$(params.seal)\"\n", "        - \"--seal=$(params.seal)\"\n        - \"--seal=$(params.seal)\"\n", "15: --seal is given twice")]
    [InlineData("        - \"--disk=/volume\"\n", "        - \"--disk=/disk\"\n", "15: the step does not take --disk=/disk")]
    [InlineData("--result-os=", "--result-oss=", "15: --result-os is not given")]
    [InlineData("      default: \"1280Mi\"", "      default: \"1Gi\"", "15: the default of memory is not the step's '1280Mi'")]
    [InlineData("    - name: \"memory\"", "    - name: \"memories\"", "15: option memory has no param")]
    [InlineData("    - name: \"memory\"", "    - name: \"memories\"", "15: param memories is no option of the step")]
    [InlineData("    - name: \"os\"", "    - name: \"system\"", "15: system is no result of the step")]
    public void A_task_that_differs_is_caught(string right, string wrong, string finding)
    {
        var file = Catalog.Tasks["customize-disk"];
        Assert.Contains(right, file.Text, StringComparison.Ordinal);
        var mistakes = ContractCheck.Mistakes(YamlFile.Parse(file.Path, file.Text.Replace(right, wrong, StringComparison.Ordinal)).Content, ContractCheck.Of("customize-disk"));
        Assert.Contains(finding, mistakes);
    }
}
