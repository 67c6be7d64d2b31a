using System.Security.Cryptography;
using System.Text;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;

namespace LocalCluster.Controllers;

/// <summary>Writes events; the same one again counts up (core/v1 Event). An event that can't be written is no fault.</summary>
public sealed class EventRecorder(KubernetesClient client, string component, Action<string> log)
{
    /// <summary>Something happened to an object.</summary>
    public async Task RecordAsync(KubernetesObject about, bool warning, string reason, string message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(about);
        var meta = about.Metadata;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{meta.Uid}\n{reason}\n{message}")))[..16];
        var now = client.Time.GetUtcNow();
        var made = new Event
        {
            Metadata = { Name = $"{meta.Name}.{hash}", Namespace = meta.Namespace },
            InvolvedObject = new ObjectReference
            {
                ApiVersion = about.ApiVersion,
                Kind = about.Kind,
                Namespace = meta.Namespace,
                Name = meta.Name,
                Uid = meta.Uid,
                ResourceVersion = meta.ResourceVersion,
            },
            Type = warning ? "Warning" : "Normal",
            Reason = reason,
            Message = message,
            Count = 1,
            FirstTimestamp = now,
            LastTimestamp = now,
            Source = new EventSource { Component = component },
        };
        try
        {
            try
            {
                await client.CreateAsync(Kinds.Events, made, cancellation);
            }
            catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
            {
                await client.ChangeAsync(
                    Kinds.Events, meta.Namespace, made.Metadata.Name,
                    found =>
                    {
                        found.Count = (found.Count ?? 1) + 1;
                        found.LastTimestamp = now;
                        return true;
                    },
                    cancellation);
            }
        }
        catch (KubernetesException fault)
        {
            log($"event {reason}: {fault.Message}");
        }
    }
}
