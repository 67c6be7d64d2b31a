using Kubernetes.Client;
using Kubernetes.Models;

namespace Kubernetes.Waiting;

/// <summary>What is wrong with a volume at a moment.</summary>
/// <param name="Kind">Why it will not become ready if this stays.</param>
/// <param name="Reason">CDI's word for it: two states with the same one are the same trouble.</param>
/// <param name="Cause">Why, in words.</param>
/// <param name="Next">What to do.</param>
/// <param name="Patience">Whether it may pass.</param>
public sealed record VolumeTrouble(VolumeFault Kind, string Reason, string Cause, string Next, Patience Patience)
{
    /// <summary>What is wrong with a DataVolume; null while nothing is.</summary>
    /// <remarks>
    /// CDI sets the phase Failed for a lost claim and a wrong checksum only; whatever else goes wrong it tries again for ever, and tells
    /// it in the conditions. Reasons as in its <c>conditions.go</c>; which of them are errors, as in KubeVirt's <c>HasDataVolumeErrors</c>.
    /// </remarks>
    public static VolumeTrouble? Of(DataVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var status = volume.Status;
        var bound = Condition.Of(status?.Conditions, "Bound");
        var running = Condition.Of(status?.Conditions, "Running");
        switch (status?.Phase)
        {
            case "Succeeded":
                return null;
            case "Failed":
                return OfFailed(bound, running);
            case "WaitForFirstConsumer" or "PendingPopulation" when volume.Metadata.Annotation(CdiAnnotations.BindImmediately) is null:
                return new VolumeTrouble(
                    VolumeFault.NoConsumer, status.Phase, $"its storage class binds a volume for its first consumer only, and there is none (phase {status.Phase})",
                    $"set the annotation {CdiAnnotations.BindImmediately} on the DataVolume, or start a pod that uses its claim", Patience.None);
        }

        return OfClaim(bound) ?? OfClaim(Condition.Of(status?.Conditions, "Ready")) ?? OfWorker(volume, running);
    }

    private static VolumeTrouble OfFailed(Condition? bound, Condition? running)
    {
        if (bound?.Reason == "ClaimLost")
        {
            return new VolumeTrouble(
                VolumeFault.Lost, bound.Reason, "its claim has lost its volume (ClaimLost)", "look at the storage, delete the DataVolume and run again", Patience.None);
        }

        return running?.Reason == "ChecksumError"
            ? WrongChecksum(running, Patience.None)
            : new VolumeTrouble(
                VolumeFault.Failed, "Failed", $"CDI has given up: {Said(running) ?? Said(bound) ?? "phase Failed"}",
                "delete the DataVolume and run again", Patience.None);
    }

    /// <summary>What keeps the claim from being made.</summary>
    private static VolumeTrouble? OfClaim(Condition? condition) => condition is null or { IsTrue: true } ? null : condition.Reason switch
    {
        "ErrExceededQuota" => new VolumeTrouble(
            VolumeFault.Quota, condition.Reason, $"the namespace's quota is exhausted: {Said(condition)}",
            "raise the quota or free storage: while it is filled, a volume counts twice", Patience.Grace),
        "CloneValidationFailed" => new VolumeTrouble(
            VolumeFault.Invalid, condition.Reason, $"CDI refuses the clone: {Said(condition)}",
            "ask for the source's size or more, or for none, which takes the source's", Patience.Grace),
        "ErrClaimNotValid" => new VolumeTrouble(
            VolumeFault.Invalid, condition.Reason, $"CDI can't make the claim: {Said(condition)}",
            "check the storage class, and the access and volume modes it can do", Patience.Grace),
        "CloneWithoutSource" => new VolumeTrouble(
            VolumeFault.SourceMissing, condition.Reason, $"the source of the clone is missing: {Said(condition)}",
            "check the source's name and namespace", Patience.Grace),
        _ => null,
    };

    /// <summary>What keeps the pods or the storage from filling the volume.</summary>
    private static VolumeTrouble? OfWorker(DataVolume volume, Condition? running) => running is not { Status: "False" } ? null : running.Reason switch
    {
        "Error" => OfError(volume, running),
        "ImagePullFailed" => new VolumeTrouble(
            VolumeFault.SourceUnreachable, running.Reason, $"the source's image can't be pulled: {Said(running)}",
            "check the image's name, and the credentials and certificates for its registry", Patience.GraceOrRestarts),
        "ChecksumError" => WrongChecksum(running, Patience.GraceOrRestarts),
        "Unschedulable" => new VolumeTrouble(
            VolumeFault.Unschedulable, running.Reason, $"the pod that would fill it can't be placed on a node: {Said(running)}",
            "the pod's events say what it lacks: nodes, memory, a node that reaches the storage", Patience.Grace),
        _ => null,
    };

    /// <summary>The reason Error says nothing, its text something: it only chooses the hint, never whether it is an error.</summary>
    private static VolumeTrouble OfError(DataVolume volume, Condition running)
    {
        var text = running.Message ?? "";
        var (kind, next) = text switch
        {
            _ when Has("too small", "larger PVC", "smaller than") => (VolumeFault.Invalid, "ask for a larger volume"),
            _ when Has("source claim does not exist", "source snapshot does not exist") => (VolumeFault.SourceMissing, "check whether the source was deleted, and run again"),
            _ when IsFetched(volume) && Has("connect", "status code", "registry", "certificate", "no such host", "unauthorized", "denied", "timeout") =>
                (VolumeFault.SourceUnreachable, "check the source's address, and its credentials and certificates"),
            _ => (VolumeFault.Failed, "the events below may say more; it goes on by itself when the cause is gone"),
        };
        return new VolumeTrouble(kind, "Error", $"CDI fails again and again: {Said(running)}", next, Patience.GraceOrRestarts);

        bool Has(params ReadOnlySpan<string> words)
        {
            foreach (var word in words)
            {
                if (text.Contains(word, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private static VolumeTrouble WrongChecksum(Condition running, Patience patience) => new(
        VolumeFault.Integrity, "ChecksumError", $"the content is not what its checksum says: {Said(running)}",
        "check the source's address and the checksum; somebody may have changed the content", patience);

    /// <summary>Whether the content comes from outside the cluster.</summary>
    private static bool IsFetched(DataVolume volume) =>
        volume.Spec is { SourceRef: null, Source: { Pvc: null, Snapshot: null, Upload: null, Blank: null } };

    private static string? Said(Condition? condition)
    {
        var (text, reason) = (Refusals.Printable(condition?.Message), Refusals.Printable(condition?.Reason));
        return (text, reason) switch
        {
            ("", "") => null,
            (_, "") => text,
            ("", _) => reason,
            _ => $"{text} ({reason})",
        };
    }
}

/// <summary>How long a trouble is borne.</summary>
public enum Patience
{
    /// <summary>Not at all: it does not pass.</summary>
    None,

    /// <summary>For the time of grace.</summary>
    Grace,

    /// <summary>For the time of grace, or until CDI has started its worker three times (its own alert uses the same count).</summary>
    GraceOrRestarts,
}
