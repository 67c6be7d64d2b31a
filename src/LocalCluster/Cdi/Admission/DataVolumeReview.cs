using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Storage;

namespace LocalCluster.Cdi.Admission;

/// <summary>A refusal.</summary>
/// <param name="Code">HTTP status.</param>
/// <param name="Message">Why.</param>
internal sealed record Refusal(int Code, string Message)
{
    internal static Refusal Invalid(string message) => new(422, message);
}

/// <summary>What CDI's webhooks refuse (CDI, pkg/apiserver/webhooks/datavolume-validate.go and -mutate.go); null is allowed.</summary>
internal sealed class DataVolumeReview(KubernetesClient client)
{
    /// <summary>Whether the DataVolume makes sense.</summary>
    internal async Task<Refusal?> ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation == "UPDATE")
        {
            return !JsonNode.DeepEquals(Spec(request.OldObject), Spec(request.Object)) ? Refusal.Invalid("Cannot update DataVolume Spec")
                : Token(request.OldObject) != Token(request.Object) ? Refusal.Invalid($"Cannot update annotation {CdiNames.CloneToken}")
                : null;
        }

        var dataVolume = request.DataVolume;
        var (spec, name) = (dataVolume.Spec, dataVolume.Metadata.Name);
        if (spec.Source is null == spec.SourceRef is null && !IsExternallyPopulated(spec))
        {
            return Refusal.Invalid("Data volume should have either Source or SourceRef, or be externally populated");
        }

        if (spec.SourceRef is { Kind: not "DataSource" })
        {
            return Refusal.Invalid($"SourceRef.Kind {spec.SourceRef.Kind} is not supported");
        }

        if (spec.Pvc is null == spec.Storage is null)
        {
            return Refusal.Invalid(spec.Pvc is null ? "Missing Data volume PVC" : "Duplicate storage definition, both target storage and target pvc defined");
        }

        var given = (spec.Pvc ?? spec.Storage)!.Resources?.Requests?.GetValueOrDefault("storage");
        var mayBeAbsent = spec.Storage is not null && (spec.SourceRef is not null || spec.Source is { Pvc: not null } or { Snapshot: not null });
        var size = VolumeSize.Parse(given);
        if ((given is null && !mayBeAbsent) || (given is not null && size is null))
        {
            return Refusal.Invalid("PVC size is missing");
        }

        if (size < 1 << 20)
        {
            return Refusal.Invalid("PVC size can't be less than 1MiB");
        }

        var isForClaim = dataVolume.Metadata.Annotation("cdi.kubevirt.io/storage.populatedFor") is not null
            || dataVolume.Metadata.Annotation("cdi.kubevirt.io/allowClaimAdoption") == "true";
        return !isForClaim && !string.IsNullOrEmpty(name)
            && await client.FindAsync(Kinds.PersistentVolumeClaims, request.Namespace, name, cancellation) is { } claim
            && claim.Metadata.OwnerReferences?.Any(owner => owner.Kind == "DataVolume") != true
            ? Refusal.Invalid($"Destination PVC {request.Namespace}/{name} already exists")
            : null;
    }

    /// <summary>Whether whoever asks may clone that source; the patch notes which one that was, in place of whatever stood there.</summary>
    internal async Task<(Refusal? Refusal, JsonArray? Patch)> AuthorizeAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation != "CREATE")
        {
            return default;
        }

        var (refusal, token) = await SourceAsync(request, cancellation);
        var annotations = request.DataVolume.Metadata.Annotations ?? [];
        if (refusal is not null || token == annotations.GetValueOrDefault(CdiNames.CloneToken))
        {
            return (refusal, null);
        }

        annotations.Remove(CdiNames.CloneToken);
        var noted = new JsonObject(annotations.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
        if (token is not null)
        {
            noted[CdiNames.CloneToken] = token;
        }

        return (null, new JsonArray(new JsonObject { ["op"] = "add", ["path"] = "/metadata/annotations", ["value"] = noted }));
    }

    private async Task<(Refusal? Refusal, string? Token)> SourceAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        var spec = request.DataVolume.Spec;
        var (claim, snapshot) = (spec.Source?.Pvc, spec.Source?.Snapshot);
        if (spec.SourceRef is { } reference)
        {
            var space = reference.Namespace ?? request.Namespace;
            var dataSource = await client.FindAsync(Kinds.DataSources, space, reference.Name, cancellation);
            if (dataSource?.Spec.Source.DataSource is { } pointer)
            {
                dataSource = await client.FindAsync(Kinds.DataSources, space, pointer.Name ?? "", cancellation);
            }

            if (dataSource is null)
            {
                return (new(400, $"datasources.cdi.kubevirt.io \"{reference.Name}\" not found"), null);
            }

            (claim, snapshot) = (dataSource.Spec.Source.Pvc, dataSource.Spec.Source.Snapshot);
        }

        // An empty DataSource is admitted; the DataVolume waits for a source then.
        if ((claim ?? snapshot) is not { Namespace: { Length: > 0 } from } source || from == request.Namespace)
        {
            return default;
        }

        if (await client.FindAsync(Kinds.Namespaces, null, from, cancellation) is null)
        {
            return (new(400, $"namespaces \"{from}\" not found"), null);
        }

        return await CloneAuthorization.ReviewAsync(client, request.User, request.Groups, request.Namespace, source, snapshot is not null, cancellation) is { } refusal
            ? (Refusal.Invalid(refusal), null)
            : (null, CloneAuthorization.Token(source, snapshot is not null));
    }

    private static string? Token(JsonElement item) => item.Deserialize(Kinds.DataVolumes.Json)?.Metadata.Annotation(CdiNames.CloneToken);

    private static bool IsExternallyPopulated(DataVolumeSpec spec) =>
        spec is { Source: null, SourceRef: null } && ((spec.Pvc ?? spec.Storage) is { } asked) && (asked.DataSource is not null || asked.DataSourceRef is not null);

    private static JsonNode? Spec(JsonElement item) => item.ValueKind == JsonValueKind.Object && item.TryGetProperty("spec", out var spec) ? JsonNode.Parse(spec.GetRawText()) : null;
}

/// <summary>What a server asks a webhook (admission.k8s.io/v1 AdmissionReview).</summary>
/// <param name="Uid">Goes back with the answer.</param>
/// <param name="Operation"><c>CREATE</c> or <c>UPDATE</c>.</param>
/// <param name="Namespace">Where.</param>
/// <param name="User">Who asks.</param>
/// <param name="Groups">Their groups.</param>
/// <param name="Object">The object as it would be.</param>
/// <param name="OldObject">The object as it is.</param>
internal sealed record AdmissionRequest(
    string Uid, string Operation, string Namespace, string User, IReadOnlyList<string> Groups, JsonElement Object, JsonElement OldObject)
{
    /// <summary>The object as it would be.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    internal DataVolume DataVolume => Object.Deserialize(Kinds.DataVolumes.Json) ?? throw new JsonException("no DataVolume");

    /// <summary>Reads one.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    internal static AdmissionRequest Read(JsonElement review)
    {
        try
        {
            var request = review.GetProperty("request");
            var user = request.GetProperty("userInfo");
            return new(
                request.GetProperty("uid").GetString()!, request.GetProperty("operation").GetString()!, request.GetProperty("namespace").GetString()!,
                user.GetProperty("username").GetString()!,
                user.TryGetProperty("groups", out var groups) ? [.. groups.EnumerateArray().Select(group => group.GetString()!)] : [],
                request.GetProperty("object").Clone(), request.TryGetProperty("oldObject", out var old) ? old.Clone() : default);
        }
        catch (Exception fault) when (fault is KeyNotFoundException or InvalidOperationException)
        {
            throw new JsonException("no AdmissionReview", fault);
        }
    }
}
