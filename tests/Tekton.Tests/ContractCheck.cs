using System.Text.Json.Nodes;
using Lab;

namespace Tekton.Tests;

/// <summary>Rule 15: a Task offers exactly what its executable takes and gives.</summary>
internal static class ContractCheck
{
    /// <summary>Where a pod has another way to give an option its value.</summary>
    private static readonly Dictionary<string, string> Given = new()
    {
        ["disk"] = "/volume",
        ["content"] = "$(workspaces.customization.path)",
        ["docker-config"] = "$(workspaces.dockerconfig.path)",
        ["ca-file"] = "$(workspaces.ca.path)",
    };

    /// <summary>A pod finds its cluster by its ServiceAccount.</summary>
    private static readonly string[] NotInPods = ["kubeconfig", "context"];

    public static JsonObject Of(string step)
    {
        var executable = Repository.Step(step);
        Assert.True(File.Exists(executable), $"{executable} is not there: run 'make build'");
        return JsonNode.Parse(Tool.Run(executable, "--contract").Output)!.AsObject();
    }

    public static IEnumerable<string> Mistakes(JsonObject task, JsonObject contract)
    {
        var options = contract.List("options").Where(option => !NotInPods.Contains(option.Text("name"))).ToList();
        var args = task.List("spec/steps").Single().Texts("args").Select(arg => arg.Split('=', 2)).ToList();
        foreach (var twice in args.Select(arg => arg[0]).Twice())
        {
            yield return $"15: {twice} is given twice";
        }

        var expected = options.ToDictionary(option => $"--{option.Text("name")}", option => Given.GetValueOrDefault(option.Text("name"), $"$(params.{option.Text("name")})"));
        foreach (var result in contract.Names("results"))
        {
            expected[$"--result-{result}"] = $"$(results.{result}.path)";
        }

        foreach (var arg in args.Where(arg => arg.Length != 2 || expected.GetValueOrDefault(arg[0]) != arg[1]))
        {
            yield return $"15: the step does not take {string.Join('=', arg)}";
        }

        foreach (var missing in expected.Keys.Except(args.Select(arg => arg[0])))
        {
            yield return $"15: {missing} is not given";
        }

        foreach (var option in options.Where(option => !Given.ContainsKey(option.Text("name"))))
        {
            foreach (var mistake in Param(task, option))
            {
                yield return mistake;
            }
        }

        var own = options.Any(option => option.Text("name") == "disk") ? (string[])["volume-name"] : [];
        foreach (var other in task.Names("spec/params").Except(options.Select(option => option.Text("name"))).Except(own))
        {
            yield return $"15: param {other} is no option of the step";
        }

        foreach (var other in task.Names("spec/results").Except(contract.Names("results")))
        {
            yield return $"15: {other} is no result of the step";
        }
    }

    private static IEnumerable<string> Param(JsonObject task, JsonObject option)
    {
        var (name, fallback, required) = (option.Text("name"), option.Text("default"), (bool)option["required"]!);
        if (task.List("spec/params").FirstOrDefault(param => param.Text("name") == name) is not { } param)
        {
            yield return $"15: option {name} has no param";
            yield break;
        }

        if (required ? param.ContainsKey("default") : !param.ContainsKey("default") || param.Text("default") != fallback)
        {
            yield return $"15: the default of {name} is not the step's '{fallback}'{(required ? ", which is required" : "")}";
        }

        foreach (var choice in option.Texts("choices").Where(choice => !param.Text("description").Contains(choice, StringComparison.Ordinal)))
        {
            yield return $"15: the description of {name} does not name {choice}";
        }
    }
}
