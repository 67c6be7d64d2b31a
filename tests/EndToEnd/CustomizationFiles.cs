using System.Text.RegularExpressions;
using Lab;

namespace EndToEnd;

/// <summary>A commands file and the local files that it names, as a ConfigMap holds them.</summary>
public static partial class CustomizationFiles
{
    /// <summary>What fits into one ConfigMap together with the copy of it that <c>kubectl apply</c> keeps (262,144 bytes).</summary>
    private const long Limit = 200 << 10;

    /// <summary>The options of <c>kubectl create configmap</c>: the folder, or each file where the folder holds more than can go in.</summary>
    /// <returns>And the name of the file in it that has the SSH keys which the customization puts in; "\"\"" for none.</returns>
    public static (string Options, string KeysFile) Options(string commandsFile, IReadOnlyList<AuthorizedKey> keys)
    {
        var options = Files(commandsFile);
        if (keys.Count == 0)
        {
            return (options, "\"\"");
        }

        var file = Named(commandsFile).FirstOrDefault(name => File.Exists(name) && File.ReadAllText(name) is var text && keys.All(key => text.Contains(key.Line)));
        return file is not null
            ? (options, Path.GetFileName(file))
            : ($"{options} --from-literal=injected-keys={CommandLine.Quoted(string.Concat(keys.Select(key => key.Line + "\n")))}", "injected-keys");
    }

    private static string Files(string commandsFile)
    {
        var folder = Path.GetDirectoryName(commandsFile)!;
        var named = Named(commandsFile).ToList();
        var size = named.Sum(file => File.Exists(file) ? new FileInfo(file).Length : 0) + new FileInfo(commandsFile).Length;
        if (size > Limit)
        {
            throw new FlowException(2, $"{commandsFile}: with the files that it names it is {size >> 10} KiB, and a ConfigMap that kubectl applies holds {Limit >> 10} KiB; let the guest fetch what is big (NETWORK=true)");
        }

        var all = new DirectoryInfo(folder).EnumerateFiles().Where(file => !file.Name.StartsWith('.')).ToList();
        return Path.GetFileName(commandsFile) == "customize.commands" && all.Count < 50 && all.Sum(file => file.Length) <= Limit
            ? From(folder)
            : string.Join(' ', [From($"customize.commands={Terminal.Short(commandsFile)}"), .. named.Where(File.Exists).Distinct().Select(From)]);
    }

    private static string From(string source) =>
        $"--from-file={CommandLine.Quoted(source.Contains('=') ? source : Terminal.Short(source))}";

    private static IEnumerable<string> Named(string commandsFile)
    {
        var number = 0;
        foreach (var line in File.ReadLines(commandsFile))
        {
            number++;
            if (LocalName().Match(line) is not { Success: true } match)
            {
                continue;
            }

            var name = match.Groups["name"].Value.Trim();
            if (name.Contains('/'))
            {
                throw new FlowException(2, $"{commandsFile}:{number}: '{name}' is not beside it; the customization goes into a ConfigMap, which has no folders: put the file beside the commands and name it so");
            }

            yield return Path.Combine(Path.GetDirectoryName(commandsFile)!, name);
        }
    }

    // docs/customization.md: the commands that name local files.
    [GeneratedRegex(@"^\s*(?:(?:upload|copy-in)\s(?<name>[^:]+):|(?:run|firstboot)\s(?<name>.+)|(?:ssh-inject|password)\s[^:]+:(?:locked:)?file:(?<name>.+)|root-password\s(?:locked:)?file:(?<name>.+))")]
    private static partial Regex LocalName();
}
