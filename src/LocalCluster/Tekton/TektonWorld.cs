using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;
using LocalCluster.Tekton.Models;

namespace LocalCluster.Tekton;

/// <summary>What both controllers look at, and how they tell what they found.</summary>
internal sealed class TektonWorld(ControllerHost host, LocalTektonOptions options)
{
    private readonly EventRecorder _events = new(host.Client, "local-tekton", options.Log);

    internal LocalTektonOptions Options => options;

    internal KubernetesClient Client => host.Client;

    internal ObjectCache<Pod> Pods { get; } = host.Cache(Kinds.Pods);

    internal ObjectCache<TaskRun> TaskRuns { get; } = host.Cache(TektonKinds.TaskRuns);

    internal ObjectCache<PipelineRun> PipelineRuns { get; } = host.Cache(TektonKinds.PipelineRuns);

    internal static OwnerReference OwnedBy<T>(T owner, ResourceKind<T> kind)
        where T : KubernetesObject => new()
        {
            ApiVersion = kind.ApiVersion,
            Kind = kind.Kind,
            Name = owner.Metadata.Name!,
            Uid = owner.Metadata.Uid!,
            Controller = true,
            BlockOwnerDeletion = true,
        };

    internal static bool IsOwnedBy(KubernetesObject item, KubernetesObject owner) =>
        item.Metadata.OwnerReferences?.Any(one => one.Controller == true && one.Uid == owner.Metadata.Uid) == true;

    /// <summary>The controller that a child names.</summary>
    internal static ObjectKey? OwnerOf(KubernetesObject? item, string kind) =>
        item?.Metadata.OwnerReferences?.FirstOrDefault(one => one.Controller == true && one.Kind == kind && one.ApiVersion.StartsWith(TektonKinds.Group, StringComparison.Ordinal)) is { } owner
            ? new ObjectKey(item.Metadata.Namespace ?? "", owner.Name)
            : null;

    /// <summary>Sets the condition <c>Succeeded</c>, the one that runs have.</summary>
    internal void Tell(RunStatus status, string state, string reason, string message)
    {
        var now = Client.Time.GetUtcNow();
        if (Condition.Of(status.Conditions, "Succeeded") is not { } before || before.Status != state || before.Reason != reason || before.Message != message)
        {
            status.Conditions = [new Condition { Type = "Succeeded", Status = state, Reason = reason, Message = message, LastTransitionTime = now }];
        }

        if (state is "True" or "False")
        {
            status.CompletionTime ??= now;
        }
    }

    /// <summary>Writes the status of a run as it was read, if it is another one now; tells of it by an event as Tekton does.</summary>
    internal async Task SaveAsync<T>(ResourceKind<T> kind, T before, T after, Condition? was, Condition? now, CancellationToken cancellation)
        where T : KubernetesObject
    {
        if (System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(before, kind.Json).AsSpan().SequenceEqual(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(after, kind.Json)))
        {
            return;
        }

        await Client.ReplaceAsync(kind, after, cancellation, "status");
        if (now is null || (was?.Status == now.Status && was.Reason == now.Reason))
        {
            return;
        }

        if (was is null)
        {
            await _events.RecordAsync(after, false, "Started", "", cancellation);
        }

        if (now.Status != "Unknown" || now.Reason != "Started")
        {
            var reason = now.Status switch { "True" => "Succeeded", "False" => "Failed", _ => now.Reason! };
            await _events.RecordAsync(after, now.Status == "False", reason, now.Message ?? "", cancellation);
        }
    }
}
