using System.Net;
using System.Text.Json;
using Kubernetes.Configuration;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <summary>Reads what an API server refuses (Kubernetes API conventions, "Response Status Kind").</summary>
internal static class Refusals
{
    private const int MostBytes = 256 << 10;
    private const int MostLetters = 1024;

    /// <summary>The failure that an answer tells.</summary>
    internal static async Task<Exception> ReadAsync(
        HttpResponseMessage response, string subject, ClusterAccess access, TimeProvider time, CancellationToken cancellation)
    {
        Status? status = null;
        try
        {
            using var body = await Bodies.ReadAsync(response, MostBytes, cancellation);
            status = JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), KubernetesJson.Default.Status);
        }
        catch (Exception fault) when (fault is JsonException or IOException or HttpRequestException or KubernetesException)
        {
            // Not the API server's own words: a proxy between, or a server that breaks. The number has to do.
        }

        var wait = response.Headers.RetryAfter?.Delta
            ?? response.Headers.RetryAfter?.Date - time.GetUtcNow()
            ?? (status?.Details?.RetryAfterSeconds is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : null);
        return From((int)response.StatusCode, status, subject, access, wait < TimeSpan.Zero ? TimeSpan.Zero : wait);
    }

    /// <summary>The failure of a status, of an answer or of a watch.</summary>
    internal static Exception From(int code, Status? status, string subject, ClusterAccess access, TimeSpan? wait = null)
    {
        var said = Printable(status?.Message) is { Length: > 0 } message ? message : $"the API server answered {code}";
        return code switch
        {
            401 => Fault(KubernetesFault.Denied, "the API server does not know who asks (401)", $"check the credentials of {access.Origin}"),
            403 => Fault(KubernetesFault.Denied, said, "give this ServiceAccount the permission (see the rbac.yaml of its task)"),
            404 when string.IsNullOrEmpty(status?.Details?.Name) && status?.Message?.Contains("could not find the requested resource", StringComparison.Ordinal) != false =>
                new KubernetesException(KubernetesFault.NotFound, subject, "this cluster does not serve that kind (404)", "check that CDI and the snapshot controller are installed")
                {
                    Status = status,
                    KindUnknown = true,
                },
            404 => Fault(KubernetesFault.NotFound, said),
            409 when status?.Reason == "AlreadyExists" => Fault(KubernetesFault.AlreadyExists, said),
            409 => Fault(KubernetesFault.Conflict, said),
            410 => Fault(KubernetesFault.Gone, said),
            429 or >= 500 => new PassingFailure($"{subject}: {said} ({code})", wait, answered: true),
            >= 300 and < 400 => Fault(KubernetesFault.Protocol, $"the server answered {code}, a redirect", $"check the server's address in {access.Origin}"),
            _ => Fault(KubernetesFault.Usage, said),
        };

        KubernetesException Fault(KubernetesFault kind, string cause, string next = "") => new(kind, subject, cause, next) { Status = status };
    }

    /// <summary>Text of a server as it may stand in a line of ours.</summary>
    internal static string Printable(string? text)
    {
        text = string.Concat((text ?? "").Take(MostLetters).Select(letter => char.IsControl(letter) ? ' ' : letter)).Trim();
        return text;
    }
}
