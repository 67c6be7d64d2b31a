using GoldenImages;
using StepRuntime.Options;

namespace Steps.OnCluster.Sources;

/// <summary>The options that name a source in a cluster; compiled into each step that reads one.</summary>
internal static class SourceOptions
{
    internal static readonly StepOption<string> Kind = StepOption.Choice(
        "source-kind", "What the source is.", SourceRequest.DataSource, SourceRequest.DataSource, SourceRequest.PersistentVolumeClaim, SourceRequest.VolumeSnapshot);

    internal static readonly StepOption<string> Name = StepOption.Text("source-name", "Its name.", required: true);

    internal static readonly StepOption<string> Namespace = StepOption.Text(
        "source-namespace", "Its namespace; unset, the one that the step runs in, or the kubeconfig's.");

    internal static readonly StepOption<string> Architecture = StepOption.Text(
        "architecture", "Which of a DataSource's architectures (amd64, arm64, s390x), where it points to one DataSource for each; unset, the one that it points to.");

    /// <summary>The request; what is wrong with it stands among the input's mistakes.</summary>
    /// <param name="input">The options.</param>
    /// <param name="ownNamespace">The namespace of whoever names none.</param>
    internal static SourceRequest Read(StepInput input, string ownNamespace)
    {
        var architecture = input.IsSet(Architecture) ? input.Get(Architecture) : null;
        if (architecture is not null && (LabelValue.Mistake(architecture) is not null || ObjectName.NamespaceMistake(architecture) is not null))
        {
            input.Mistake(Architecture, "this is no architecture; name it as Go does: amd64, arm64, s390x");
        }

        if (architecture is not null && input.Get(Kind) != SourceRequest.DataSource)
        {
            input.Mistake(Architecture, $"a {input.Get(Kind)} has one architecture; leave the option out");
        }

        return new(
            input.Get(Kind), ReadNamespace(input, Namespace, ownNamespace), ReadName(input, Name) ?? "", architecture);
    }

    /// <summary>An object's name; null when it is unset, and a mistake when it can be none.</summary>
    internal static string? ReadName(StepInput input, StepOption<string> option)
    {
        if (!input.IsSet(option))
        {
            return null;
        }

        var name = input.Get(option);
        if (ObjectName.Mistake(name) is { } cause)
        {
            input.Mistake(option, cause);
        }

        return name;
    }

    /// <summary>A namespace; a mistake when it can be none.</summary>
    internal static string ReadNamespace(StepInput input, StepOption<string> option, string ownNamespace)
    {
        if (!input.IsSet(option))
        {
            return ownNamespace;
        }

        var name = input.Get(option);
        if (ObjectName.NamespaceMistake(name) is { } cause)
        {
            input.Mistake(option, cause);
        }

        return name;
    }
}
