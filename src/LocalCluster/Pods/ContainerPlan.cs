using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kubernetes.Models;

namespace LocalCluster.Pods;

/// <summary>What a container runs: only the product's own executables, found by image and command.</summary>
internal static partial class ContainerPlan
{
    /// <summary>What no pod may ask for here.</summary>
    /// <exception cref="PodException">It asks for it.</exception>
    internal static void Check(Pod pod, string steps)
    {
        Require(pod.Spec.InitContainers is not { Count: > 0 }, "initContainers don't run here: make them containers");
        Require(pod.Spec.RestartPolicy == "Never", $"restartPolicy {pod.Spec.RestartPolicy} is not supported here: set Never");
        foreach (var container in pod.Spec.Containers)
        {
            var name = $"container {container.Name}";
            Require(container.Name.Length is > 0 and < 64 && container.Name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-'), $"{name} has no name of a container");
            Require(
                ImagePattern().IsMatch(container.Image ?? ""),
                $"{name}: image {container.Image} is none of this product's, and the local cluster runs no others: use golden-image-tasks/steps:main or golden-image-tasks/guest-steps:main");
            var program = container.Command?.FirstOrDefault() ?? "";
            Require(
                CommandPattern().Match(program) is { Success: true } step && File.Exists(Path.Combine(steps, step.Groups["step"].Value, step.Groups["step"].Value)),
                $"{name}: command {program} is no step: use /app/steps/STEP/STEP, with one of {string.Join(", ", Names(steps))}");
            Require(container.Unknown?.ContainsKey("envFrom") != true, $"{name}: envFrom is not supported here: name each variable in env");
            foreach (var variable in container.Env ?? [])
            {
                Require(variable.Name.Length > 0 && !variable.Name.Contains('=', StringComparison.Ordinal), $"{name}: \"{variable.Name}\" can't be a variable's name");
                Require(variable.Unknown?.ContainsKey("valueFrom") != true, $"{name}: valueFrom of variable {variable.Name} is not supported here: give a value");
            }
        }
    }

    /// <summary>The container's variables: the cluster's, then its own.</summary>
    internal static Dictionary<string, string> Environment(Container container, Uri apiServer, string? runtime)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
            ["HOME"] = "/tmp",
            ["KUBERNETES_SERVICE_HOST"] = apiServer.Host,
            ["KUBERNETES_SERVICE_PORT"] = $"{apiServer.Port}",
        };
        if (runtime is not null)
        {
            all["DOTNET_ROOT"] = runtime;
        }

        foreach (var variable in container.Env ?? [])
        {
            all[variable.Name] = Expand(variable.Value ?? "", all);
        }

        return all;
    }

    /// <summary>Puts variables in place of <c>$(NAME)</c>, as the kubelet does: <c>$$</c> is a dollar, an unknown name stays (core/v1 Container, args).</summary>
    internal static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
        {
            return text;
        }

        var done = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var next = text[i] == '$' && i + 1 < text.Length ? text[i + 1] : '\0';
            var end = next == '(' ? text.IndexOf(')', i) : -1;
            if (end > 0)
            {
                done.Append(variables.GetValueOrDefault(text[(i + 2)..end], text[i..(end + 1)]));
                i = end;
            }
            else
            {
                done.Append(text[i]);
                i += next == '$' ? 1 : 0;
            }
        }

        return done.ToString();
    }

    /// <summary>Whether the image's own files can't be written: no temporary folder then but those of volumes.</summary>
    internal static bool IsReadOnly(Container container) =>
        container.Unknown?.GetValueOrDefault("securityContext") is { ValueKind: JsonValueKind.Object } security
        && security.TryGetProperty("readOnlyRootFilesystem", out var said) && said.ValueKind == JsonValueKind.True;

    /// <summary>Whether it may have hardware virtualization: it asks for KubeVirt's device, or edits guests.</summary>
    internal static bool WantsKvm(Container container) =>
        container.Resources?.Limits?.ContainsKey("devices.kubevirt.io/kvm") == true || container.Resources?.Requests?.ContainsKey("devices.kubevirt.io/kvm") == true
        || ImagePattern().Match(container.Image ?? "").Groups["image"].Value == "guest-steps";

    private static IEnumerable<string> Names(string steps) =>
        Directory.Exists(steps) ? Directory.EnumerateDirectories(steps).Select(one => Path.GetFileName(one)).Order(StringComparer.Ordinal) : ["none: run make build"];

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw PodException.Refused(otherwise);
        }
    }

    [GeneratedRegex("^(?:[^/@]+/)*golden-image-tasks/(?<image>steps|guest-steps)(?::[A-Za-z0-9_.-]+)?(?:@sha256:[0-9a-f]{64})?\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ImagePattern();

    [GeneratedRegex("^/app/steps/(?<step>[a-z0-9-]+)/\\k<step>\\z", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex CommandPattern();
}
